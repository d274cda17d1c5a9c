"""How well the words of each concept describe its neuron."""

from sklearn_hsae.plot._display import OTHER, SIGNIFICANT, list_labels, note, wrapped
from sklearn_hsae.plot._evaluation_display import EvaluationDisplay


class FidelityDisplay(EvaluationDisplay):
    """F1, precision and recall of each concept against its neuron, sorted by F1.

    Precision: of the texts that have the concept, on how many the neuron fires. Recall:
    of the texts on which the neuron fires, how many have the concept.

    Parameters
    ----------
    evaluation : HypothesisEvaluation
        Of a pipeline with an interpreter.
    outcome : str, default="the outcome"
        Not drawn; for the same signature as the other displays.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> from sklearn_hsae.plot import FidelityDisplay
    >>> FidelityDisplay.from_evaluation(evaluation)  # doctest: +SKIP
    """

    def __init__(self, evaluation, *, outcome="the outcome"):
        if "f1" not in evaluation.table:
            raise ValueError(
                "This evaluation has no fidelity: the pipeline has no step that names "
                "neurons, such as KeyphraseInterpreter."
            )
        super().__init__(evaluation, outcome=outcome)

    def _table(self):
        table = self.evaluation.table.drop_duplicates("hypothesis")  # a row per class
        return table.sort_values("f1", ascending=False, na_position="last")

    def _labels(self):
        return [wrapped(name) for name in self._table()["hypothesis"]]

    def _draw(self, ax):
        table = self._table()
        rows = range(len(table))
        ax.hlines(
            rows, table["precision"], table["recall"], color="#b9c6d2", linewidth=2
        )
        ax.plot(table["precision"], rows, "|", color=OTHER, ms=11, label="precision")
        ax.plot(table["recall"], rows, "x", color=OTHER, ms=6, label="recall")
        ax.plot(table["f1"], rows, "o", color=SIGNIFICANT, ms=6, label="F1")
        list_labels(ax, self._labels())
        ax.set_xlim(-0.02, 1.02)
        ax.set_xlabel("fidelity: 1 when the words say exactly when the neuron fires")
        note(ax, "measured on texts that were not used for naming")
        ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
