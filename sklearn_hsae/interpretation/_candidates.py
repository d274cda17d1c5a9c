"""The labels that were proposed for each neuron, and which of them is best."""

from collections import defaultdict

import numpy as np
import pandas as pd

from sklearn_hsae.interpretation._fidelity import fidelity_table

# Labels whose annotations correlate as much cannot be told apart by a test that has
# both in it.
_AGREEMENT = 0.7
_LEAST_COMMON_ROWS = 3  # that both labels fit; fewer agree by chance
_LEAST_SHARE = 0.75  # of the fit of its best label, that another label needs


class Candidates:
    """Proposed labels with their fidelity on one set of rows.

    Parameters
    ----------
    judge : Judge
    texts : ndarray of str of shape (n_rows,)
    activations : ndarray of shape (n_rows, n_neurons)
        Of the rows on which labels are compared; there may be none.
    """

    def __init__(self, judge, texts, activations):
        self.judge = judge
        self.texts = texts
        self.activations = activations
        self.labels = [[] for _ in range(activations.shape[1])]
        self._annotations = {}

    def add(self, proposals):
        """Take in pairs of column and label; None is no label."""
        for column, label in proposals:
            if label is not None and label not in self.labels[column]:
                self.labels[column].append(label)

    def annotations(self, label):
        """What the judge says about each text; each label is judged once."""
        if label not in self._annotations:
            self._judge_all()
        return self._annotations[label]

    def table(self):
        """One row for each candidate: `column`, `concept` and its fidelity."""
        pairs = [(j, label) for j, some in enumerate(self.labels) for label in some]
        table = pd.DataFrame(pairs, columns=["column", "concept"])
        if not pairs:
            return table
        columns = [self.annotations(label) for label in table["concept"]]
        annotations = np.column_stack(columns)
        fidelity = fidelity_table(annotations, self.activations[:, table["column"]])
        return pd.concat([table, fidelity], axis=1)

    def best(self):
        """The label of each neuron that fits it best, None for one without any."""
        best = [None] * len(self.labels)
        for column, label, _ in self._ranked():
            best[column] = best[column] or label
        return best

    def agreement(self, labels):
        """Which labels say nearly the same of the texts.

        Those of the same words, and those whose annotations correlate.

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
        correlation = (
            pd.DataFrame(annotations).corr().to_numpy()
        )  # of rows that both have
        yes = np.nan_to_num(annotations)
        is_alike = (correlation >= _AGREEMENT) & (yes.T @ yes >= _LEAST_COMMON_ROWS)
        return is_alike | (words[:, None] == words)

    def distinct(self):
        """One label for each neuron, no two of which agree.

        The neurons choose in the order of how well their best label fits. Each takes
        the best of its own that agrees with none taken before, unless that fits it
        less than three quarters as well as its best. A neuron that finds none is
        merged into the one whose label agrees with its best.

        Returns
        -------
        labels : list of str or None
            None for a neuron without a label, and for one that was merged.
        merged : dict
            Column of a neuron that was merged to the column of the other.
        """
        candidates = defaultdict(list)
        for column, label, fit in self._ranked():
            candidates[column].append((label, fit))
        every = list(dict.fromkeys(label for some in self.labels for label in some))
        agreement = pd.DataFrame(self.agreement(every), index=every, columns=every)
        labels, merged, taken = [None] * len(self.labels), {}, {}

        def owner_of(label):
            """The first column whose label agrees with this one, or None."""
            agreeing = (o for o in taken if agreement.at[label, o])
            return taken.get(next(agreeing, None))

        for column, own in candidates.items():
            best, best_fit = own[0]
            least = min(best_fit, _LEAST_SHARE * best_fit)  # it may be below 0
            free = [o for o, fit in own if fit >= least and owner_of(o) is None]
            if free:
                labels[column] = free[0]
                taken[free[0]] = column
            else:
                merged[column] = owner_of(best)
        return labels, merged

    def _ranked(self):
        """Columns, labels and how well they fit, the best first."""
        table = self.table()
        if not len(table):
            return []
        table["fit"] = table["correlation"].fillna(-1.0)
        table = table.sort_values("fit", ascending=False, kind="stable")
        return list(zip(table["column"], table["concept"], table["fit"], strict=True))

    def _judge_all(self):
        labels = dict.fromkeys(label for some in self.labels for label in some)
        new = [label for label in labels if label not in self._annotations]
        annotations = np.full((len(self.texts), len(new)), np.nan)
        if len(self.texts):
            annotations = self.judge.fit(new, self.texts).judge(self.texts)
        self._annotations.update(zip(new, annotations.T, strict=True))


def same_label(label):
    """A label in lower case, letters and digits only: equal for equal words."""
    return " ".join("".join(c if c.isalnum() else " " for c in label.lower()).split())
