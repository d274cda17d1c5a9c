"""Weights of the rows and their controls, for all methods that use the target."""

import numpy as np
from sklearn.utils import check_array, check_consistent_length

from sklearn_hsae._sklearn_compat import check_sample_weight
from sklearn_hsae.selection._controls import control_basis


def weighted_rows(X, y, sample_weight, controls):
    """Leave out the rows of weight 0 and scale the other weights to mean 1.

    A row of weight 0 must have no effect at all. Without this step, it could add a
    class to `y`, or be one of the strongest rows of a neuron.

    Parameters
    ----------
    X : csc array of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    sample_weight : array-like of shape (n_samples,) or None
    controls : array-like of shape (n_samples, n_controls) or None

    Returns
    -------
    X, y, weights, basis
        The rows of weight above 0; `weights` are all 1 without `sample_weight`. `basis`
        spans the controls, see `control_basis`.
    """
    if controls is not None:
        # Rows of weight 0 may have no value.
        finite = True if sample_weight is None else "allow-nan"
        controls = check_array(controls, dtype=np.float64, ensure_all_finite=finite)
        check_consistent_length(X, controls)
    if sample_weight is None:
        weights = np.ones(X.shape[0])
        return X, y, weights, control_basis(controls, weights)
    weights = check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    is_used = weights > 0
    if not is_used.any():
        raise ValueError("sample_weight is 0 for every row. Give some rows a weight.")
    if not is_used.all():
        X, y, weights = X[is_used], np.asarray(y)[is_used], weights[is_used]
        controls = None if controls is None else controls[is_used]
    weights = weights / weights.mean()
    return X, y, weights, control_basis(controls, weights)
