"""What all displays have in common: how they are made, and how labels are written."""

import textwrap

import numpy as np

from sklearn_hsae import _format
from sklearn_hsae._extras import import_extra
from sklearn_hsae.evaluation import evaluate_hypotheses

_CHARACTERS_PER_LINE = 44
_MOST_LINES = 2
_INCHES_PER_LINE = 0.2
_UNIT_CHARACTERS = 60
SIGNIFICANT, OTHER = "#1f5f99", "#8a8f94"


class EvaluationDisplay:
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

    def plot(self, *, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None makes a figure of a suitable size.

        Returns
        -------
        display
            Itself, with the attributes `ax_` and `figure_`.
        """
        if ax is None:
            pyplot = import_extra("matplotlib.pyplot", extra="plot", use="displays")
            _, ax = pyplot.subplots(figsize=self.size(), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self._draw(ax)
        return self

    def size(self):
        """Width and height of a suitable figure, in inches."""
        lines = sum(label.count("\n") + 2 for label in self._labels())
        return 8.5, 1.6 + _INCHES_PER_LINE * lines

    def _labels(self):
        """The labels that stand one below the other."""
        raise NotImplementedError

    def _draw(self, ax):
        raise NotImplementedError


def wrapped(concept, width=_CHARACTERS_PER_LINE):
    """A concept on two lines at most; what is left out is marked by "…"."""
    return textwrap.fill(
        # A dollar sign would begin a formula.
        _format.printable(str(concept)).replace("$", r"\$"),
        width,
        max_lines=_MOST_LINES,
        placeholder=" …",
        break_on_hyphens=False,
    )


def effect_unit(evaluation, outcome):
    """The label of an axis of effects."""
    outcome = _format.printable(outcome)
    if evaluation.task == "regression":
        return textwrap.fill(f"difference in {outcome}", _UNIT_CHARACTERS)
    said = textwrap.fill(evaluation.direction(outcome), _UNIT_CHARACTERS)
    return f"difference in log-odds\n({_format.printable(said)})"


def list_labels(ax, labels):
    """Write labels at the left, the first one on top."""
    ax.set_yticks(range(len(labels)), labels, fontsize="small")
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.spines[["top", "right"]].set_visible(False)


def note(ax, text):
    """Write a note above the axes."""
    ax.set_title(text, loc="left", fontsize="small", color="#444444")


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
