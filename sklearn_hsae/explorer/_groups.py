"""Groups of texts that can be compared with each other."""

import numpy as np
import pandas as pd

from sklearn_hsae import _format
from sklearn_hsae.explorer._features import HYPOTHESIS
from sklearn_hsae.explorer._filters import as_words, choices, filter_kind

OTHERS = "all others"
SELECTION = "selection"
_MAX_GROUPS = 30


def groupings(content):
    """What texts can be grouped by.

    Returns
    -------
    dict of str to str
        A heading for each key that `groups_by` takes.
    """
    found = {
        "outcome": str(content.outcome.name),
        SELECTION: "area or filter on the map",
    }
    for column, values in content.columns.items():
        if filter_kind(values) != "words":
            found[f"column:{column}"] = str(column)
    for name in content.annotations:
        found[f"{HYPOTHESIS}:{name}"] = str(name)
    return found


def groups_by(content, key):
    """The groups of a grouping.

    Parameters
    ----------
    content : Content
    key : str
        Of `groupings`, without the selection.

    Returns
    -------
    dict of str to bool ndarray of shape (n_texts,)
        A number is cut at its median.
    """
    kind, _, name = key.partition(":")
    if kind == HYPOTHESIS:
        values = content.annotations[name].to_numpy()
        other = 0 if content.pairs is None else -1
        return dict(zip(content.sides, (values == 1, values == other), strict=True))
    values = content.outcome if kind == "outcome" else content.columns[name]
    if filter_kind(values) == "range":
        return _halves(values.to_numpy(dtype=np.float64))
    words = as_words(values).to_numpy()
    named = choices(values)[:_MAX_GROUPS]
    return {_format.shorten(value, 60): words == value for value in named}


def _halves(numbers):
    """Above the median and the rest; above the smallest where that is the median."""
    middle = np.nanmedian(numbers)
    if not (numbers > middle).any():
        lower = numbers[numbers < middle]
        if len(lower) == 0:
            return {"all": ~np.isnan(numbers)}
        middle = lower.max()
    limit = _format.number(middle)
    return {f"above {limit}": numbers > middle, f"up to {limit}": numbers <= middle}


def scatter_shares(table, n_first, n_second):
    """Shares for axes with a logarithmic scale: a share of 0 counts as half a text.

    So does a share that is not known, since the group has no text.

    Parameters
    ----------
    table : DataFrame
        What `compare` returned.
    n_first, n_second : int
        Number of texts of the groups.

    Returns
    -------
    first, second : ndarray
    """
    return tuple(
        np.fmax(table[side].to_numpy(), 0.5 / max(n, 1))
        for side, n in (("share_in", n_first), ("share_out", n_second))
    )


def spread_out(x, y, order, most, x_gap, y_gap):
    """Positions of points that can have a label without one covering another.

    Parameters
    ----------
    x, y : ndarray
    order : sequence of int
        The most important one first.
    most : int
    x_gap, y_gap : float
        Smallest distance of two labels in each direction; one of them suffices.

    Returns
    -------
    list of int
    """
    chosen = []
    for i in order:
        is_free = all(
            abs(x[i] - x[j]) > x_gap or abs(y[i] - y[j]) > y_gap for j in chosen
        )
        if is_free:
            chosen.append(int(i))
        if len(chosen) == most:
            break
    return chosen


def as_table(table, namer):
    """A comparison as a reader looks through it.

    Returns
    -------
    DataFrame
    """
    return pd.DataFrame(
        {
            "label": [namer(name) for name in table["name"]],
            "kind": table["kind"].to_numpy(),
            "first": 100 * table["share_in"].to_numpy(),
            "second": 100 * table["share_out"].to_numpy(),
            "z": table["z"].to_numpy(),
        }
    )
