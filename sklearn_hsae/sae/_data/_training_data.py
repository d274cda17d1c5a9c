"""The checked rows, targets and weights of a training."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from sklearn_hsae._sklearn_compat import check_sample_weight
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
    groups : int array of shape (n_samples,) or None
        Rows of one group are all in training or all in validation.
    """

    rows: np.ndarray | RowFile
    target: np.ndarray | None
    row_weights: np.ndarray | None
    groups: np.ndarray | None = None

    @property
    def n_used(self):
        """Number of rows with a positive weight."""
        weights = self.row_weights
        return len(self.rows) if weights is None else int((weights > 0).sum())


def training_data(X, y, sample_weight, coding, groups=None):
    """Put together rows, coded target and weights of equal length.

    Parameters
    ----------
    X : array or RowFile of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or None
    sample_weight : array-like of shape (n_samples,) or None
    coding : TargetCoding or None
        None leaves y out.
    groups : array-like of shape (n_samples,) or None

    Returns
    -------
    TrainingData
    """
    target = None
    if coding is not None:
        target = coding.encode(y)
        check_consistent_length(X, target)
    if groups is not None:
        groups = np.unique(column_or_1d(groups), return_inverse=True)[1]
        check_consistent_length(X, groups)
    if sample_weight is None:
        return TrainingData(X, target, None, groups)
    weights = check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    n_positive = int((weights > 0).sum())
    if n_positive < 2:
        raise ValueError(
            f"sample_weight is positive for {n_positive} of {len(weights)} rows; two "
            "or more are needed to train."
        )
    has_equal_weights = (weights == weights[0]).all()
    return TrainingData(X, target, None if has_equal_weights else weights, groups)
