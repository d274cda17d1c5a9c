"""The effects of the same hypotheses in groups of texts."""

from typing import NamedTuple

from sklearn_hsae import _format
from sklearn_hsae.evaluation import evaluate_hypotheses
from sklearn_hsae.plot._display import note, wrapped
from sklearn_hsae.plot._effect_rows import (
    draw_effects,
    effect_unit,
    explain_dots,
    with_room,
)
from sklearn_hsae.plot._evaluation_display import EvaluationDisplay
from sklearn_hsae.report import comparisons


class GroupEffectsDisplay(EvaluationDisplay):
    """Effects of the hypotheses in groups of texts, the clearest difference first.

    Each hypothesis has a dot with its confidence interval per group. A filled dot
    differs from the mean of the other groups, after correction. With three or more
    classes, only the effects that differ between groups are drawn.

    Parameters
    ----------
    evaluation : HypothesisEvaluation
    by : DataFrame
        What ``evaluation.by_group`` returned.
    outcome : str, default="the outcome"
        The name of y, for the labels of the axes.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Raises
    ------
    ValueError
        With three or more classes, when no effect differs between groups.

    Examples
    --------
    >>> from sklearn_hsae.plot import GroupEffectsDisplay
    >>> by = evaluation.by_group(airline)  # doctest: +SKIP
    >>> GroupEffectsDisplay.from_evaluation(evaluation, by)  # doctest: +SKIP
    """

    def __init__(self, evaluation, by, *, outcome="the outcome"):
        super().__init__(evaluation, outcome=outcome)
        self.by = by
        found = comparisons(by)
        if "class" in by:
            found = [comparison for comparison in found if comparison.any_differs]
        if not found:
            raise ValueError(
                "No effect on a class differs between the groups, so there is nothing "
                "to draw. The table of by_group has all effects."
            )
        self._compared = found

    @classmethod
    def from_evaluation(cls, evaluation, by, *, outcome="the outcome", ax=None):
        """Draw a comparison of groups.

        Parameters
        ----------
        evaluation, by, outcome
            As for the class.
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
            As for the class.
        """
        return cls(evaluation, by, outcome=outcome).plot(ax=ax)

    @classmethod
    def from_estimator(
        cls, pipeline, X, y, by, *, groups=None, outcome="the outcome", ax=None
    ):
        """Evaluate a fitted pipeline on held-out rows, compare groups, and draw.

        Parameters
        ----------
        pipeline, X, y, groups
            As for :func:`~sklearn_hsae.evaluate_hypotheses`.
        by : array-like of shape (n_rows,)
            The group of each held-out row, such as its airline.
        outcome, ax
            As for :meth:`from_evaluation`.

        Returns
        -------
        display
        """
        evaluation = evaluate_hypotheses(pipeline, X, y, groups=groups)
        table = evaluation.by_group(by)
        return cls.from_evaluation(evaluation, table, outcome=outcome, ax=ax)

    def _labels(self):
        return with_room(self._concepts(), len(self._compared[0].groups))

    def _concepts(self):
        return [wrapped(comparison.name) for comparison in self._compared]

    def _draw(self, ax):
        found = self._compared
        draw_effects(ax, [*map(_effects, found)], self._concepts())
        for i in range(1, len(found)):
            ax.axhline(i - 0.5, color="#e6e6e6", linewidth=0.8, zorder=0)
        ax.set_xlabel(effect_unit(self.evaluation, self.outcome))
        note(ax, "filled: differs from the mean of the other groups; lines: intervals")
        groups = zip(found[0].groups, found[0].n, strict=True)
        labels = [f"{wrapped(group, 24)} ({n:,})" for group, n in groups]
        explain_dots(ax, labels, title=self.by.attrs.get("by", "group"))


class _Effect(NamedTuple):
    """What `draw_effects` draws."""

    effect: float
    low: float
    high: float
    significant: bool

    @property
    def is_estimable(self):
        return _format.is_number(self.effect)


def _effects(compared):
    """The effect of one hypothesis in each group."""
    return [
        *map(_Effect, compared.effect, compared.low, compared.high, compared.differs)
    ]
