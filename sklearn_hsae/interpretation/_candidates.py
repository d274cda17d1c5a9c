"""The labels proposed for each neuron, and the choice of the best one."""

from collections import defaultdict
from itertools import chain

import numpy as np
import pandas as pd

from sklearn_hsae._labels import same_label
from sklearn_hsae.interpretation._fidelity import fidelity_table

# From this correlation of their annotations on, a regression with both labels cannot
# separate their effects.
_AGREEMENT = 0.7
_LEAST_COMMON_ROWS = 3  # rows with both labels; fewer can agree by chance
_LEAST_SHARE = 0.75  # of the fidelity of the best label, for another label


class Candidates:
    """Proposed labels with their fidelity on one set of rows.

    Parameters
    ----------
    judge : Judge
    texts : ndarray of str of shape (n_rows,)
    activations : ndarray of shape (n_rows, n_neurons)
        Activations of the rows on which labels are compared; n_rows can be 0.
    """

    def __init__(self, judge, texts, activations):
        self.judge = judge
        self.texts = texts
        self.activations = activations
        self.labels = [[] for _ in range(activations.shape[1])]
        self._annotations = {}

    def add(self, proposals):
        """Add pairs of a column and its label; labels that are None are ignored."""
        for column, label in proposals:
            if label is not None and label not in self.labels[column]:
                self.labels[column].append(label)

    def annotations(self, label):
        """The annotations of all texts; each label is judged once only."""
        if label not in self._annotations:
            self._judge_all()
        return self._annotations[label]

    def table(self):
        """One row for each candidate: `column`, `concept` and its fidelity."""
        pairs = [
            (column, label)
            for column, labels in enumerate(self.labels)
            for label in labels
        ]
        table = pd.DataFrame(pairs, columns=["column", "concept"])
        if not pairs:
            return table
        columns = [self.annotations(label) for label in table["concept"]]
        annotations = np.column_stack(columns)
        fidelity = fidelity_table(annotations, self.activations[:, table["column"]])
        return pd.concat([table, fidelity], axis=1)

    def best(self):
        """The best label of each neuron; None for a neuron without labels."""
        best = [None] * len(self.labels)
        for column, label, _ in self._ranked():
            best[column] = best[column] or label
        return best

    def agreement(self, labels):
        """Which labels agree: the same words, or annotations that correlate.

        Parameters
        ----------
        labels : list of str

        Returns
        -------
        bool ndarray of shape (n_labels, n_labels)
        """
        words = np.array([same_label(label) for label in labels], dtype=object)
        annotations = [self.annotations(label) for label in labels]
        annotations = np.array(annotations).reshape(len(labels), -1).T
        # pandas leaves out the rows where one of the two annotations is NaN.
        correlation = pd.DataFrame(annotations).corr().to_numpy()
        yes = np.nan_to_num(annotations)
        is_similar = (correlation >= _AGREEMENT) & (yes.T @ yes >= _LEAST_COMMON_ROWS)
        return is_similar | (words[:, None] == words)

    def distinct(self):
        """Choose one label for each neuron, so that no two labels agree.

        The neuron whose best label has the highest fidelity chooses first. Each neuron
        takes its best label that agrees with no label taken before. This label must
        have at least 75 % of the fidelity of the neuron's best label. A neuron without
        such a label is merged into the neuron whose label agrees with its best label.

        Returns
        -------
        labels : list of str or None
            None for a neuron without a label, and for one that was merged.
        merged : dict
            Column of a merged neuron -> column of the neuron it was merged into.
        """
        candidates = defaultdict(list)
        for column, label, fit in self._ranked():
            candidates[column].append((label, fit))
        distinct = self._distinct_labels()
        agreement = self.agreement(distinct)
        agreement = pd.DataFrame(agreement, index=distinct, columns=distinct)
        labels, merged, taken = [None] * len(self.labels), {}, {}

        def owner_of(label):
            """The first column with a label that agrees with this one, or None."""
            agreeing = (other for other in taken if agreement.at[label, other])
            return taken.get(next(agreeing, None))

        for column, own_labels in candidates.items():
            best, best_fit = own_labels[0]
            least = min(best_fit, _LEAST_SHARE * best_fit)  # best_fit can be below 0
            free = [
                label
                for label, fit in own_labels
                if fit >= least and owner_of(label) is None
            ]
            if free:
                labels[column] = free[0]
                taken[free[0]] = column
            else:
                merged[column] = owner_of(best)
        return labels, merged

    def _ranked(self):
        """All columns with their labels and fidelities, the best label first."""
        table = self.table()
        if not len(table):
            return []
        table["fit"] = table["correlation"].fillna(-1.0)
        table = table.sort_values("fit", ascending=False, kind="stable")
        return list(zip(table["column"], table["concept"], table["fit"], strict=True))

    def _judge_all(self):
        labels = self._distinct_labels()
        new = [label for label in labels if label not in self._annotations]
        annotations = np.full((len(self.texts), len(new)), np.nan)
        if len(self.texts):
            annotations = self.judge.fit(new, self.texts).judge(self.texts)
        self._annotations.update(zip(new, annotations.T, strict=True))

    def _distinct_labels(self):
        return list(dict.fromkeys(chain.from_iterable(self.labels)))
