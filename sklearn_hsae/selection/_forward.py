"""Forward selection: each new neuron explains most of the remaining variance."""

import numpy as np

from sklearn_hsae.selection._columns import (
    DEPENDENT,
    StandardizedColumns,
    as_columns,
)
from sklearn_hsae.selection._target_columns import target_columns
from sklearn_hsae.selection._weights import weighted_rows


def forward_selection(
    X, y, n_select, *, task="auto", sample_weight=None, controls=None
):
    """Add, one at a time, the neuron that most raises the R² of a least-squares fit.

    This is orthogonal least squares [1]_. Only the part of a neuron that the chosen
    neurons do not predict counts. So of two neurons that say the same, only one is
    chosen. Each step needs one product with `X`, which stays sparse: the squared length
    of each column's residual, and its product with the target's residual, are updated
    instead of computed again.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Activations.
    y : array-like of shape (n_samples,)
        Numbers or classes. Classes are fitted by least squares on standardised
        membership columns, the R² averaged over them: for two classes this gives the
        direction of linear discriminant analysis.
    n_select : int
        Number of neurons.
    task : {"auto", "regression", "classification"}, default="auto"
        What `y` is, see `NeuronSelector`.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows in the least-squares fit.
    controls : array-like of shape (n_samples, n_controls) or None, default=None
        Numbers that are in the fit from the start. Only what they do not predict
        counts, of a neuron and of the target.

    Returns
    -------
    selected : ndarray of shape (n_selected,)
        Column indices, in the order in which they were added. Fewer than `n_select`
        when no other column is linearly independent of the chosen ones. Of equal
        columns the first is chosen.
    gains : ndarray of shape (n_selected,)
        The increase of R² by each chosen neuron, on the given rows; with controls, as a
        share of the variance that they leave.

    References
    ----------
    .. [1] S. Chen, S. A. Billings, W. Luo, "Orthogonal least squares methods and
       their application to non-linear system identification", International Journal
       of Control 50(5), 1989.

    Examples
    --------
    The second column repeats the first; the third explains the rest.

    >>> from sklearn_hsae.selection import forward_selection
    >>> X = [[0, 0, 1], [0, 0, 0], [2, 2, 0], [2, 2, 1]]
    >>> selected, gains = forward_selection(X, [1.0, 0.5, 4.0, 4.5], 2)
    >>> selected.tolist(), gains.sum().round(6).item()
    ([0, 2], 1.0)
    """
    X, y, weights, basis = weighted_rows(as_columns(X), y, sample_weight, controls)
    columns = StandardizedColumns(X, weights)
    Y = target_columns(y, task, weights, basis).columns
    n_samples, n_targets = Y.shape
    covariance = columns.mean_product(Y)
    left = columns.variance_beside(basis)  # residual variance of each column
    selected, gains = [], []
    while len(selected) < n_select:
        usable = left > DEPENDENT
        gain = np.square(covariance).sum(axis=1) / np.where(usable, left, 1.0)
        gain[~usable] = 0.0
        best = int(gain.argmax())
        if gain[best] <= np.finfo(np.float64).eps:
            break
        selected.append(best)
        gains.append(gain[best] / n_targets)
        direction = _orthonormal(columns.dot([best], np.ones(1)), basis, weights)
        basis = np.column_stack([basis, direction])
        along = columns.mean_product(direction)
        covariance -= np.outer(along, (weights * direction) @ Y / n_samples)
        left -= along**2
        left[best] = 0.0
    return np.array(selected, dtype=np.intp), np.array(gains)


def _orthonormal(column, basis, weights):
    """Remove the projection on `basis` from `column`, and scale it to mean square 1."""
    for _ in range(2):  # the second pass removes the rounding error of the first
        column = column - basis @ (basis.T @ (weights * column)) / len(column)
    return column / np.sqrt(np.mean(weights * column**2))
