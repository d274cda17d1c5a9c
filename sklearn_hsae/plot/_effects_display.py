"""The effects of hypotheses with their intervals."""

import numpy as np

from sklearn_hsae.plot._display import SIGNIFICANT, list_labels, note, wrapped
from sklearn_hsae.plot._evaluation_display import (
    EvaluationDisplay,
    draw_effect,
    effect_unit,
)
from sklearn_hsae.report import fit_scale, hypothesis_rows

_SPREAD = 0.7  # of the height of a hypothesis, for its classes


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

    def _labels(self):
        n_classes = max(len(rows) for rows in self._rows())
        # Room for the dots of many classes.
        return [
            wrapped(rows[0].name) + "\n" * (max(n_classes - 3, 0) // 2)
            for rows in self._rows()
        ]

    def _draw(self, ax):
        hypotheses = self._rows()
        flat = [row for rows in hypotheses for row in rows]
        ends = np.array([(row.effect, row.low, row.high) for row in flat], float).T
        scale = fit_scale(*ends)
        ax.axvline(0, color="black", linewidth=0.8)
        n_classes = max(map(len, hypotheses))
        for i, rows in enumerate(hypotheses):
            for c, row in enumerate(rows):
                y = i + _SPREAD * ((c + 0.5) / n_classes - 0.5)
                color = f"C{c % 10}" if n_classes > 1 else SIGNIFICANT
                draw_effect(ax, row, y, color, scale)
        list_labels(ax, [wrapped(rows[0].name) for rows in hypotheses])
        ax.set_xlim(scale.low, scale.high)
        ax.set_xlabel(effect_unit(self.evaluation, self.outcome))
        alpha = self.evaluation.alpha
        note(
            ax,
            f"filled: significant at {100 * alpha:g} % after correction; "
            f"lines: {100 * (1 - alpha):g} % intervals",
        )
        if n_classes > 1:
            for c, row in enumerate(hypotheses[0]):
                ax.plot([], [], "o", color=f"C{c % 10}", label=wrapped(row.group, 24))
            ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
