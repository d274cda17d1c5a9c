"""What the supervised head predicts."""

import numpy as np
import pandas as pd
from sklearn.utils import column_or_1d


def encode_target(y):
    """Return y as the head sees it, the name of its loss, and its columns.

    Two distinct values are two classes; labels that are no numbers are classes;
    any other numbers are a quantity, standardised so that the weight of its loss
    means the same in every unit.

    Returns
    -------
    target : float32 or int64 ndarray of shape (n_samples,)
    loss : {"regression", "binary", "multiclass"}
    n_outputs : int
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
        return codes.astype(np.float32), "binary", 1
    if y.dtype.kind not in "iuf":
        return codes.astype(np.int64), "multiclass", len(values)
    y = y.astype(np.float64)
    return ((y - y.mean()) / y.std()).astype(np.float32), "regression", 1
