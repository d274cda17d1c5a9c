"""What an estimator gives to a training."""

from typing import NamedTuple

import numpy as np

from sklearn_hsae.sae._data._row_files import RowFile


class TrainingData(NamedTuple):
    """Checked rows with their targets and weights.

    Attributes
    ----------
    rows : array or RowFile of shape (n_samples, n_features)
    target : array of shape (n_samples,) or None
        As the head predicts it: float32, or int64 class codes.
    row_weights : float64 array of shape (n_samples,) or None
        None when all rows have the same weight.
    """

    rows: np.ndarray | RowFile
    target: np.ndarray | None
    row_weights: np.ndarray | None
