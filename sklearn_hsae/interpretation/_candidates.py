"""The labels that were proposed for each neuron, and which of them is best."""

import numpy as np
import pandas as pd

from sklearn_hsae.interpretation._fidelity import fidelity_table


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
        self._answers = {}

    def add(self, proposals):
        """Take in pairs of column and label; None is no label."""
        for column, label in proposals:
            if label is not None and label not in self.labels[column]:
                self.labels[column].append(label)

    def answers(self, label):
        """What the judge says about each text; each label is judged once."""
        if label not in self._answers:
            self._judge_all()
        return self._answers[label]

    def table(self):
        """One row for each candidate: `column`, `concept` and its fidelity."""
        pairs = [(j, label) for j, some in enumerate(self.labels) for label in some]
        table = pd.DataFrame(pairs, columns=["column", "concept"])
        if not pairs:
            return table
        answers = np.column_stack([self.answers(label) for label in table["concept"]])
        fidelity = fidelity_table(answers, self.activations[:, table["column"]])
        return pd.concat([table, fidelity], axis=1)

    def best(self):
        """One label for each neuron, None for one without; no label twice if possible.

        The neurons choose in the order of how well their best label fits, each the
        best of its own that no other has taken.
        """
        table = self.table()
        fit = table["correlation"].fillna(-1.0) if len(table) else []
        ranked = table.assign(fit=fit).sort_values(
            "fit", ascending=False, kind="stable"
        )
        best, taken = [None] * len(self.labels), set()
        for column in dict.fromkeys(ranked["column"]):
            own = ranked.loc[ranked["column"] == column, "concept"]
            free = [label for label in own if same_label(label) not in taken]
            best[column] = (free or list(own))[0]
            taken.add(same_label(best[column]))
        return best

    def _judge_all(self):
        labels = dict.fromkeys(label for some in self.labels for label in some)
        new = [label for label in labels if label not in self._answers]
        answers = np.full((len(self.texts), len(new)), np.nan)
        if len(self.texts):
            answers = self.judge.fit(new, self.texts).judge(self.texts)
        self._answers.update(zip(new, answers.T, strict=True))


def same_label(label):
    """What two labels share that say the same in other letters."""
    return " ".join("".join(c if c.isalnum() else " " for c in label.lower()).split())
