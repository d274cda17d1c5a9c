"""The effects of hypotheses with their intervals."""

import numpy as np

from sklearn_hsae.plot._display import note, wrapped
from sklearn_hsae.plot._effect_rows import (
    draw_effects,
    effect_unit,
    explain_dots,
    with_room,
)
from sklearn_hsae.plot._evaluation_display import EvaluationDisplay
from sklearn_hsae.report import hypothesis_rows


class EffectsDisplay(EvaluationDisplay):
    """Effects of the hypotheses with their confidence intervals, sorted by effect.

    Filled dots are significant after correction. An interval that is many times as wide
    as the others is cut, with an arrow at its end. With three or more classes, each
    hypothesis has a dot per class.

    Parameters
    ----------
    evaluation : HypothesisEvaluation
    outcome : str, default="the outcome"
        The name of y, for the labels of the axes.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> from sklearn_hsae.plot import EffectsDisplay
    >>> EffectsDisplay.from_evaluation(evaluation, outcome="stars")  # doctest: +SKIP
    """

    def _rows(self):
        """The rows of each hypothesis, the largest effect first."""
        by_name = {}
        for row in hypothesis_rows(self.evaluation):
            by_name.setdefault(row.name, []).append(row)
        if "class" not in self.evaluation.table:
            return list(by_name.values())
        return sorted(
            by_name.values(),
            key=lambda rows: -np.nanmax([abs(r.effect) for r in rows] + [0.0]),
        )

    def _names(self):
        return [wrapped(rows[0].name) for rows in self._rows()]

    def _labels(self):
        return with_room(self._names(), max(map(len, self._rows())))

    def _draw(self, ax):
        hypotheses = self._rows()
        draw_effects(ax, hypotheses, self._names())
        ax.set_xlabel(effect_unit(self.evaluation, self.outcome))
        alpha = self.evaluation.alpha
        note(
            ax,
            f"filled: significant at {100 * alpha:g} % after correction; "
            f"lines: {100 * (1 - alpha):g} % intervals",
        )
        if len(hypotheses[0]) > 1:
            explain_dots(ax, [wrapped(row.group, 24) for row in hypotheses[0]])
