"""Mean and scale of the training rows, which standardise all rows."""

import numpy as np

_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


def mean_and_scale(blocks):
    """Weighted mean of the rows, and their root mean square distance from it.

    One pass in float64. The first row is subtracted from all rows, so that no digits
    are lost when the rows are far from the origin.

    Parameters
    ----------
    blocks : iterable of (rows, weights)
        Arrays of shape (n_rows, n_features) and (n_rows,), or None for weights of 1.

    Returns
    -------
    mean : float64 array of shape (n_features,)
    scale : float
        1 when all rows are the same.

    Raises
    ------
    ValueError
        When an entry exceeds the range of float32.
    """
    origin, total_weight, total, squares = None, 0, 0.0, 0.0
    for rows, weights in blocks:
        _check_range(rows)
        if origin is None:
            origin = rows[0].astype(np.float64)
        rows = rows - origin
        weighted = rows if weights is None else rows * weights[:, None]
        total_weight += len(rows) if weights is None else weights.sum()
        total = total + weighted.sum(axis=0)
        squares += np.vdot(weighted, rows)
    shift = total / total_weight
    variance = max(squares / total_weight - shift @ shift, 0.0)
    return origin + shift, float(np.sqrt(variance)) or 1.0


def _check_range(rows):
    if rows.dtype != np.float64:
        return
    largest = np.abs(rows).max()
    if largest > _LARGEST_FLOAT32:
        raise ValueError(
            f"X has entries as large as {largest:.3g}, but the autoencoder computes in "
            f"float32, up to {_LARGEST_FLOAT32:.2g}. Divide X by a constant, for "
            "example X / np.abs(X).max()."
        )
