"""Weights of the rows, for all methods that use the target."""

import numpy as np

from sklearn_hsae._sklearn_compat import check_sample_weight


def weighted_rows(X, y, sample_weight):
    """Leave out the rows of weight 0 and scale the other weights to mean 1.

    A row of weight 0 must have no effect at all. Without this step, it could add a
    class to `y`, or be one of the strongest rows of a neuron.

    Parameters
    ----------
    X : csc array of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    sample_weight : array-like of shape (n_samples,) or None

    Returns
    -------
    X, y, weights
        The rows of weight above 0; `weights` are all 1 without `sample_weight`.
    """
    if sample_weight is None:
        return X, y, np.ones(X.shape[0])
    weights = check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    is_used = weights > 0
    if not is_used.any():
        raise ValueError("sample_weight is 0 for every row. Give some rows a weight.")
    if not is_used.all():
        X, y, weights = X[is_used], np.asarray(y)[is_used], weights[is_used]
    return X, y, weights / weights.mean()
