"""What the supervised head predicts."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import column_or_1d


class Target(NamedTuple):
    """Values to predict, the name of the loss, and how many columns the head has."""

    values: np.ndarray
    loss: str
    n_outputs: int


def encode_target(y):
    """Return y as the head sees it.

    Two distinct values are two classes; labels that are no numbers are classes;
    any other numbers are a quantity, standardised so that the weight of its loss
    means the same in every unit.

    Returns
    -------
    Target
        With `values` of shape (n_samples,), float32 or int64, and `loss` one of
        "regression", "binary" and "multiclass".
    """
    y = column_or_1d(y)
    missing = pd.isna(y)
    if missing.any():
        raise ValueError(
            f"Input y contains NaN or None in {int(missing.sum())} rows, the first at "
            f"row position {int(np.flatnonzero(missing)[0])}."
        )
    values, codes = np.unique(y, return_inverse=True)
    if len(values) < 2:
        raise ValueError(f"y is constant ({y[0]!r}): there is nothing to predict.")
    if len(values) == 2:
        return Target(codes.astype(np.float32), "binary", 1)
    if y.dtype.kind not in "iuf":
        return Target(codes.astype(np.int64), "multiclass", len(values))
    y = y.astype(np.float64)
    y = (y - y.mean()) / y.std()
    return Target(y.astype(np.float32), "regression", 1)
