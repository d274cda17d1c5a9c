"""Effects drawn one below the other, with a dot per class or group."""

import textwrap

import numpy as np

from sklearn_hsae import _format
from sklearn_hsae.plot._display import OTHER, SIGNIFICANT, list_labels, wrapped
from sklearn_hsae.report import fit_scale

_UNIT_CHARACTERS = 60
_SPREAD = 0.7  # of the height of a hypothesis, for its dots
_DOTS_PER_LABEL = 3  # for which the lines of a label leave room


def effect_unit(evaluation, outcome):
    """The label of an axis of effects."""
    outcome = _format.printable(outcome)
    if evaluation.task == "regression":
        return textwrap.fill(f"difference in {outcome}", _UNIT_CHARACTERS)
    said = textwrap.fill(evaluation.direction(outcome), _UNIT_CHARACTERS)
    return f"difference in log-odds\n({_format.printable(said)})"


def with_room(labels, n_dots):
    """Labels with empty lines below them, where a hypothesis has many dots."""
    n_more = max(n_dots - _DOTS_PER_LABEL, 0)
    return [label + "\n" * ((n_more + 1) // 2) for label in labels]


def draw_effects(ax, hypotheses, labels):
    """Draw effects with their intervals; filled where they are significant.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    hypotheses : list of lists
        The effects of each hypothesis, as many for each. They have the attributes
        `effect`, `low`, `high`, `significant` and `is_estimable`.
    labels : list of str
        Of the hypotheses.
    """
    flat = [row for rows in hypotheses for row in rows]
    scale = fit_scale(*np.array([(r.effect, r.low, r.high) for r in flat], float).T)
    ax.axvline(0, color="black", linewidth=0.8)
    n_dots = max(map(len, hypotheses))
    for i, rows in enumerate(hypotheses):
        for j, row in enumerate(rows):
            y = i + _SPREAD * ((j + 0.5) / n_dots - 0.5)
            color = _dot_color(j) if n_dots > 1 else SIGNIFICANT
            _draw_effect(ax, row, y, color, scale)
    list_labels(ax, labels)
    ax.set_xlim(scale.low, scale.high)


def explain_dots(ax, labels, title=None):
    """Say beside the axes which colour is which class or group."""
    for j, label in enumerate(labels):
        ax.plot([], [], "o", color=_dot_color(j), label=label)
    ax.legend(
        title=title and wrapped(title, 24),
        fontsize="small",
        loc="center left",
        bbox_to_anchor=(1, 0.5),
    )


def _dot_color(j):
    return f"C{j % 10}"


def _draw_effect(ax, row, y, color, scale):
    """Draw one effect with its interval, which is cut at the ends of the scale."""
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
