"""How many texts have a concept, beside its effect."""

from sklearn_hsae.plot._display import OTHER, SIGNIFICANT, note, wrapped
from sklearn_hsae.plot._effect_rows import effect_unit
from sklearn_hsae.plot._evaluation_display import EvaluationDisplay
from sklearn_hsae.report import hypothesis_rows


class PrevalenceDisplay(EvaluationDisplay):
    """The share of texts that have a concept, against the effect of the concept.

    Far from the middle line are the large effects, at the right the concepts that many
    texts have. The numbers are explained beside the axes. With three or more classes,
    a concept stands at its largest effect.

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
    >>> from sklearn_hsae.plot import PrevalenceDisplay
    >>> PrevalenceDisplay.from_evaluation(evaluation)  # doctest: +SKIP
    """

    def _rows(self):
        """One row per hypothesis that has an effect, the largest effect first."""
        largest = {}
        for row in hypothesis_rows(self.evaluation):
            known = largest.get(row.name)
            if row.is_estimable and (
                known is None or abs(row.effect) > abs(known.effect)
            ):
                largest[row.name] = row
        return sorted(largest.values(), key=lambda row: -row.effect)

    def _labels(self):
        return [f"{i}  {self._label(row)}" for i, row in enumerate(self._rows(), 1)]

    def _label(self, row):
        words = row.name if row.group is None else f"{row.name} ({row.group})"
        return wrapped(words).replace("\n", "\n     ")

    def size(self):
        """Width and height of a suitable figure, in inches."""
        return 10.0, max(super().size()[1], 4.5)

    def _draw(self, ax):
        rows = self._rows()
        ax.axhline(0, color="black", linewidth=0.8)
        for number, row in enumerate(rows, 1):
            color = SIGNIFICANT if row.significant else OTHER
            face = color if row.significant else "white"
            share = 100 * row.prevalence
            ax.plot(share, row.effect, "o", color=color, markerfacecolor=face)
            ax.annotate(
                str(number),
                (share, row.effect),
                xytext=(5, 4),
                textcoords="offset points",
                fontsize="small",
            )
        ax.set_xlabel("share of texts that have the concept (%)")
        ax.margins(0.12)
        ax.set_xlim(left=0)
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_ylabel(effect_unit(self.evaluation, self.outcome))
        alpha = 100 * self.evaluation.alpha
        note(ax, f"filled: significant at {alpha:g} % after correction")
        # A legend rather than a text: layouts of matplotlib make room for it.
        handles = [ax.plot([], [], " ")[0] for _ in rows]
        ax.legend(
            handles,
            self._labels(),
            loc="center left",
            bbox_to_anchor=(1, 0.5),
            fontsize="small",
            frameon=False,
            handlelength=0,
        )
