"""Where the signal is lost: the score after each step."""

import numpy as np

from sklearn_hsae.plot._display import OTHER, SIGNIFICANT, list_labels, note
from sklearn_hsae.plot._evaluation_display import EvaluationDisplay

_SCORES = {"r2": ("R² on held-out texts", 0.0), "auc": ("AUC on held-out texts", 0.5)}


class CeilingsDisplay(EvaluationDisplay):
    """How well the outcome is predicted from the output of each step.

    A drop from one bar to the next means that signal is lost there. Bars begin at the
    score of guessing; the lines are 95 % intervals.

    Parameters
    ----------
    evaluation : HypothesisEvaluation
        With ceilings: pass `X_train` and `y_train` to
        :func:`~sklearn_hsae.evaluate_hypotheses`.
    outcome : str, default="the outcome"
        Not drawn; for the same signature as the other displays.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> from sklearn_hsae.plot import CeilingsDisplay
    >>> CeilingsDisplay.from_evaluation(evaluation)  # doctest: +SKIP
    """

    def __init__(self, evaluation, *, outcome="the outcome"):
        if evaluation.ceilings is None:
            raise ValueError(
                "This evaluation has no ceilings. They need the training rows: "
                "evaluate_hypotheses(pipe, X, y, X_train=..., y_train=...)."
            )
        super().__init__(evaluation, outcome=outcome)

    def _labels(self):
        ceilings = self.evaluation.ceilings
        return [
            f"{stage} ({n:,})"
            for stage, n in zip(ceilings.index, ceilings["n_columns"], strict=True)
        ]

    def _draw(self, ax):
        ceilings = self.evaluation.ceilings
        name = ceilings.columns[0]
        label, floor = _SCORES[name]
        scores = ceilings[name].to_numpy(dtype=float)
        ends = ceilings[[f"{name}_low", f"{name}_high"]].to_numpy(dtype=float)
        is_own = ceilings.index == "hypotheses"
        rows = np.arange(len(scores))
        ax.barh(
            rows,
            scores - floor,
            left=floor,
            color=np.where(is_own, SIGNIFICANT, "#b9c6d2"),
            height=0.62,
        )
        ax.hlines(rows, *ends.T, color="black", linewidth=1)
        right = np.nanmax([*scores, *ends[:, 1], floor])
        left = min(floor, np.nanmin([*scores, *ends[:, 0]]))
        margin = 0.02 * ((right - left) or 1.0)
        for row, score in zip(rows, scores, strict=True):
            ax.text(right + margin, row, f"{score:.3f}", va="center", fontsize="small")
        ax.set_xlim(left - (margin if left < floor else 0), right + 7 * margin)
        ax.axvline(floor, color=OTHER, linewidth=0.8)
        list_labels(ax, self._labels())
        ax.set_xlabel(label)
        note(
            ax, "what each step passes on, and its number of columns; lines: intervals"
        )
