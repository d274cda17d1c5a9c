"""Which points lie in an area that a reader has drawn on a map."""

import numpy as np


def in_polygon(x, y, xs, ys):
    """Mask of the points inside a polygon.

    A ray from each point to the left crosses the border an odd number of times when the
    point is inside. Points are sorted by height, so that each side of the polygon looks
    only at the points beside it.

    Parameters
    ----------
    x, y : ndarray of shape (n_points,)
    xs, ys : sequence of float
        Corners, in order; the last one is joined with the first.

    Returns
    -------
    bool ndarray of shape (n_points,)
    """
    order = np.argsort(y, kind="stable")
    x, y = np.asarray(x, np.float64)[order], np.asarray(y, np.float64)[order]
    is_inside = np.zeros(len(x), dtype=bool)
    corners = np.column_stack([xs, ys]).astype(np.float64)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        low, high = (a, b) if a[1] <= b[1] else (b, a)
        # A corner belongs to the side above it: it is not counted twice.
        side = slice(*np.searchsorted(y, [low[1], high[1]]))
        if side.start == side.stop:
            continue
        slope = (high[0] - low[0]) / (high[1] - low[1])
        is_inside[side] ^= x[side] > low[0] + (y[side] - low[1]) * slope
    found = np.empty(len(x), dtype=bool)
    found[order] = is_inside
    return found


def in_box(x, y, x0, x1, y0, y1):
    """Mask of the points inside a rectangle, whose corners come in any order."""
    (left, right), (low, high) = sorted((x0, x1)), sorted((y0, y1))
    return (left <= x) & (x <= right) & (low <= y) & (y <= high)
