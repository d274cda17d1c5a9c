"""Which hypotheses come back in another search."""

from sklearn_hsae.plot._display import (
    OTHER,
    SIGNIFICANT,
    Display,
    list_labels,
    note,
    wrapped,
)


class StabilityDisplay(Display):
    """In how many repeats each hypothesis came back, and how well it agreed.

    Bars: the share of the repeats that found the hypothesis again. Dots: the mean
    correlation with the most similar hypothesis of each repeat.

    Parameters
    ----------
    table : DataFrame
        What :func:`~sklearn_hsae.evaluation.stability` returned.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> from sklearn_hsae.plot import StabilityDisplay
    >>> StabilityDisplay.from_table(table)  # doctest: +SKIP
    """

    def __init__(self, table):
        if "share_returned" not in table:
            raise ValueError(
                "Expected the table of sklearn_hsae.evaluation.stability, got one with "
                f"the columns {list(table)}."
            )
        self.table = table

    @classmethod
    def from_table(cls, table, *, ax=None):
        """Draw a table of :func:`~sklearn_hsae.evaluation.stability`.

        Parameters
        ----------
        table : DataFrame
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None makes a figure of a suitable size.

        Returns
        -------
        StabilityDisplay
            With the attributes `ax_` and `figure_`.

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        ValueError
            When the table is another one.
        """
        return cls(table).plot(ax=ax)

    def _labels(self):
        return [wrapped(name) for name in self.table["hypothesis"]]

    def _draw(self, ax):
        table, rows = self.table, range(len(self.table))
        ax.barh(rows, table["share_returned"], color="#b9c6d2", height=0.62)
        ax.plot(table["agreement"], rows, "o", color=SIGNIFICANT, label="agreement")
        for row, line in enumerate(table.itertuples()):
            said = f"{line.n_returned} of {line.n_repeats}"
            if line.same_sign < 1:
                said += f", same sign in {line.same_sign:.0%}"
            ax.text(1.04, row, said, va="center", fontsize="small", color=OTHER)
        list_labels(ax, self._labels())
        ax.set_xlim(min(0, table["agreement"].min()) - 0.02, 1.02)
        ax.set_xlabel("bars: share of repeats that found it; dots: mean correlation")
        note(ax, "do the hypotheses come back with other seeds?")
