"""What the target is: a number for each row, two classes, or more."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import column_or_1d

_MAX_ROWS_IN_MESSAGE = 10
_NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal")


class Target(NamedTuple):
    """A target as standardised columns.

    columns : ndarray of shape (n_samples, n_targets), mean 0 and variance 1
    scale : ndarray of shape (n_targets,), their standard deviations before
    is_classification : bool
    """

    columns: np.ndarray
    scale: np.ndarray
    is_classification: bool


def as_target(y, task="auto"):
    """Return `y` as a `Target`.

    Numbers give one column, two classes one (the class that sorts last against the
    first), more classes one each, against the rest.
    """
    y = check_target(y)
    is_classification = task == "classification" or (
        task == "auto" and (len(pd.unique(y)) == 2 or not _are_numbers(y))
    )
    if is_classification:
        classes, codes = np.unique(y, return_inverse=True)
        columns = np.eye(len(classes))[codes]
        columns = columns[:, 1:] if len(classes) == 2 else columns
    else:
        columns = _as_numbers(y)[:, np.newaxis]
    # By the range before the squares: those of numbers near 1e200 would overflow.
    columns = columns - columns.mean(axis=0)
    reach = np.abs(columns).max(axis=0)
    columns = columns / reach
    spread = columns.std(axis=0)
    return Target(columns / spread, reach * spread, is_classification)


def check_target(y):
    """Return `y` as a 1-d array; refuse missing values and a constant target."""
    y = column_or_1d(y, warn=True)
    is_missing = pd.isna(y)
    if y.dtype.kind == "f":
        is_missing = ~np.isfinite(y)
    if is_missing.any():
        rows = np.flatnonzero(is_missing)
        shown = ", ".join(map(str, rows[:_MAX_ROWS_IN_MESSAGE]))
        more = ", ..." if len(rows) > _MAX_ROWS_IN_MESSAGE else ""
        raise ValueError(
            f"Input y contains NaN, None or infinity in {len(rows)} of {len(y)} rows, "
            f"at row position {shown}{more}. Drop these rows from X and from y."
        )
    if len(y) and (y == y[0]).all():
        raise ValueError(
            f"y is constant: each of its {len(y)} values is "
            f"{y[:1].tolist()[0]!r}, one class only. Pass a target with at least two "
            "different values."
        )
    is_numeric_object = y.dtype.kind == "O" and _are_numbers(y)
    return y.astype(np.float64) if is_numeric_object else y


def _are_numbers(y):
    if y.dtype.kind == "O":
        return pd.api.types.infer_dtype(y) in _NUMBERS
    return y.dtype.kind in "iuf"


def _as_numbers(y):
    try:
        return y.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"task='regression' needs numbers in y, got {y[:1].tolist()[0]!r}. Pass "
            "task='classification' when y holds classes."
        ) from None
