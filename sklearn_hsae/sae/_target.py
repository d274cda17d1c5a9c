"""What the supervised head predicts."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import column_or_1d


class TargetCoding(NamedTuple):
    """How y becomes numbers that the head predicts.

    Plain values only, so that it can be saved as JSON: later calls of `partial_fit`
    must code their y as the first did.
    """

    loss: str  # "regression", "binary" or "multiclass"
    classes: list | None = None
    mean: float = 0.0
    std: float = 1.0

    @property
    def n_outputs(self):
        """Number of columns of the head."""
        return len(self.classes) if self.loss == "multiclass" else 1

    def encode(self, y):
        """Values of shape (n_samples,): int64 for several classes, else float32."""
        y = _check_target(y)
        if self.classes is None:
            return ((y.astype(np.float64) - self.mean) / self.std).astype(np.float32)
        codes = pd.Index(self.classes).get_indexer(pd.Index(y))
        if (codes < 0).any():
            raise ValueError(
                f"y contains {y[codes < 0].tolist()[0]!r}, which was not among the "
                f"classes of the first call: {self.classes}."
            )
        return codes.astype(np.int64 if self.loss == "multiclass" else np.float32)


def learn_target(y):
    """The :class:`TargetCoding` of y.

    Two distinct values are two classes; labels that are no numbers are classes;
    any other numbers are a quantity, standardised so that the weight of its loss
    means the same in every unit.
    """
    y = _check_target(y)
    values = np.unique(y)
    if len(values) < 2:
        (value,) = values.tolist()
        raise ValueError(f"y is constant ({value!r}): there is nothing to predict.")
    if len(values) == 2:
        return TargetCoding("binary", values.tolist())
    if y.dtype.kind not in "iuf":
        return TargetCoding("multiclass", values.tolist())
    y = y.astype(np.float64)
    return TargetCoding("regression", None, float(y.mean()), float(y.std()))


def _check_target(y):
    y = column_or_1d(y)
    missing = pd.isna(y)
    if missing.any():
        raise ValueError(
            f"Input y contains NaN or None in {int(missing.sum())} rows, the first at "
            f"row position {int(np.flatnonzero(missing)[0])}."
        )
    return y
