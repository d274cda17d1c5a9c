"""What all displays have in common: axes of their own or given ones, and labels."""

import textwrap
from abc import ABC, abstractmethod

from sklearn_hsae import _format
from sklearn_hsae._extras import import_extra

_CHARACTERS_PER_LINE = 44
_MOST_LINES = 2
_INCHES_PER_LINE = 0.2
SIGNIFICANT, OTHER = "#1f5f99", "#8a8f94"


class Display(ABC):
    """A figure. A subclass draws it in `_draw`."""

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
        """The labels that stand one below the other, for which the figure has room."""
        return []

    @abstractmethod
    def _draw(self, ax):
        """Draw on axes."""


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


def list_labels(ax, labels):
    """Write labels at the left, the first one on top."""
    ax.set_yticks(range(len(labels)), labels, fontsize="small")
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.spines[["top", "right"]].set_visible(False)


def note(ax, text):
    """Write a note above the axes."""
    ax.set_title(text, loc="left", fontsize="small", color="#444444")
