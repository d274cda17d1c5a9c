"""What the displays of an evaluation have in common."""

import textwrap

import numpy as np

from sklearn_hsae import _format
from sklearn_hsae.evaluation import evaluate_hypotheses
from sklearn_hsae.plot._display import OTHER, SIGNIFICANT, Display

_UNIT_CHARACTERS = 60


class EvaluationDisplay(Display):
    """A figure of an evaluation. A subclass draws it in `_draw` on `ax_`.

    Parameters
    ----------
    evaluation : HypothesisEvaluation
    outcome : str, default="the outcome"
        The name of y, for the labels of the axes.
    """

    def __init__(self, evaluation, *, outcome="the outcome"):
        self.evaluation = evaluation
        self.outcome = outcome

    @classmethod
    def from_evaluation(cls, evaluation, *, outcome="the outcome", ax=None):
        """Draw an evaluation.

        Parameters
        ----------
        evaluation : HypothesisEvaluation
            What :func:`~sklearn_hsae.evaluate_hypotheses` returned.
        outcome : str, default="the outcome"
            The name of y, for the labels of the axes.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None makes a figure of a suitable size.

        Returns
        -------
        display
            With the attributes `ax_` and `figure_`.

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        ValueError
            When the evaluation lacks what is drawn.
        """
        return cls(evaluation, outcome=outcome).plot(ax=ax)

    @classmethod
    def from_estimator(
        cls,
        pipeline,
        X,
        y,
        *,
        X_train=None,
        y_train=None,
        groups=None,
        outcome="the outcome",
        ax=None,
    ):
        """Evaluate a fitted pipeline on held-out rows, and draw the result.

        Each call judges the texts anew. For several displays, call
        :func:`~sklearn_hsae.evaluate_hypotheses` once, and `from_evaluation`.

        Parameters
        ----------
        pipeline, X, y, X_train, y_train, groups
            As for :func:`~sklearn_hsae.evaluate_hypotheses`.
        outcome, ax
            As for :meth:`from_evaluation`.

        Returns
        -------
        display
        """
        evaluation = evaluate_hypotheses(
            pipeline, X, y, X_train=X_train, y_train=y_train, groups=groups
        )
        return cls.from_evaluation(evaluation, outcome=outcome, ax=ax)


def effect_unit(evaluation, outcome):
    """The label of an axis of effects."""
    outcome = _format.printable(outcome)
    if evaluation.task == "regression":
        return textwrap.fill(f"difference in {outcome}", _UNIT_CHARACTERS)
    said = textwrap.fill(evaluation.direction(outcome), _UNIT_CHARACTERS)
    return f"difference in log-odds\n({_format.printable(said)})"


def draw_effect(ax, row, y, color, scale):
    """Draw one effect with its interval; filled where it is significant.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    row : object
        With `effect`, `low`, `high`, `significant` and `is_estimable`.
    y : float
    color : str
    scale : Scale
        Where intervals are cut; a cut end has an arrow.
    """
    if not row.is_estimable:
        ax.text(0, y, " not estimable", va="center", fontsize="small", color=OTHER)
        return
    color = color if row.significant else OTHER if color == SIGNIFICANT else color
    low, high = np.clip([row.low, row.high], scale.low, scale.high)
    ax.plot([low, high], [y, y], color=color, linewidth=1.5, solid_capstyle="butt")
    for end, at, marker in ((row.low, low, "<"), (row.high, high, ">")):
        if end != at and not np.isnan(end):
            ax.plot(at, y, marker, color=color, markersize=6, clip_on=False)
    if scale.low <= row.effect <= scale.high:
        face = color if row.significant else "white"
        ax.plot(row.effect, y, "o", color=color, markerfacecolor=face, markersize=6)
