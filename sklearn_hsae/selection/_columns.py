"""Activations as standardised columns of a sparse array."""

import numpy as np
from scipy import sparse

# A variance below this share of the mean square is rounding error, not variation.
_CONSTANT = 1e-12
# A column that depends linearly on others has a residual of rounding error. Residuals
# below this share of its variance count as 0.
DEPENDENT = 1e-8


def as_columns(X):
    """Return `X` as a canonical float64 csc array that stores no zeros.

    Most activations are 0, also in a dense array. With one format there is one code
    path, and dense, csr and pandas-sparse input give equal results. `X` is not changed.
    """
    if _is_canonical(X):
        return X
    columns = sparse.csc_array(X, dtype=np.float64, copy=True)
    columns.sum_duplicates()
    columns.eliminate_zeros()
    return columns


def _is_canonical(X):
    return (
        isinstance(X, sparse.csc_array)
        and X.dtype == np.float64
        and X.has_canonical_format
        and X.data.all()
    )


def active_entries(X):
    """Return a csc array like `X`: 1.0 where it is above zero, 0.0 elsewhere."""
    is_active = (X.data > 0).astype(np.float64)
    return sparse.csc_array((is_active, X.indices, X.indptr), shape=X.shape)


def count_active(X):
    """Return the number of rows where each column of `X` is above zero."""
    return active_entries(X).sum(axis=0).astype(np.intp)


def on_or_off(X, *, n_most):
    """Return a csc array like `X`: 1.0 where it is above zero.

    A column that is above zero on more than `n_most` rows keeps its values: it is not a
    neuron that fires or does not.
    """
    is_neuron = np.repeat(count_active(X) <= n_most, np.diff(X.indptr))
    compared = X.copy()
    compared.data[is_neuron] = X.data[is_neuron] > 0
    return as_columns(compared)


class StandardizedColumns:
    """The columns of a csc array with mean 0 and variance 1, without centring them.

    Centring would make the array dense. Instead, each product is corrected for the
    means. A constant column counts as a column of zeros.

    Parameters
    ----------
    X : csc array of shape (n_samples, n_features)
        From `as_columns`.
    weights : ndarray of shape (n_samples,) or None
        Weights of the rows, with mean 1. All means and variances are weighted.
    """

    def __init__(self, X, weights=None):
        n_samples = X.shape[0]
        self.X = X
        self.weights = np.ones(n_samples) if weights is None else weights
        squares = sparse.csc_array((X.data**2, X.indices, X.indptr), shape=X.shape)
        mean_square = squares.T @ self.weights / n_samples
        self.mean = X.T @ self.weights / n_samples
        variance = mean_square - self.mean**2
        self.varies = variance > _CONSTANT * mean_square
        self.scale = np.sqrt(np.where(self.varies, variance, 1.0))

    def dot(self, columns, coef):
        """Return the linear combination of `columns` with the coefficients `coef`."""
        coef = coef / self.scale[columns]
        return self.X[:, columns] @ coef - self.mean[columns] @ coef

    def mean_product(self, values):
        """Return the mean over the rows of column times `values`, for each column.

        This is the correlation when `values`, of shape (n_samples,) or (n_samples,
        n_targets), have mean 0 and variance 1.
        """
        values = (values.T * self.weights).T
        offset = np.multiply.outer(values.sum(axis=0), self.mean)
        product = ((self.X.T @ values).T - offset) / self.scale / len(values)
        return np.where(self.varies, product, 0.0).T

    def variance_beside(self, basis):
        """Return the share of each column's variance that the controls leave.

        `basis` spans the controls, see `control_basis`.
        """
        explained = np.square(self.mean_product(basis)).sum(axis=1)
        return np.where(self.varies, np.maximum(1.0 - explained, 0.0), 0.0)

    def weighted_gram(self, columns, values, weights, free):
        """Return what a Newton step needs, with unpenalised columns projected out.

        Parameters
        ----------
        columns : ndarray of int of shape (n_columns,)
        values : ndarray of shape (n_samples,)
        weights : ndarray of shape (n_samples,)
        free : ndarray of shape (n_samples, n_free)
            The unpenalised columns: ones for the intercept, then the controls.

        Returns
        -------
        gram : ndarray of shape (n_columns, n_columns)
            Weighted means of products of the residuals of the columns.
        product : ndarray of shape (n_columns,)
            The same for the columns and `values`.
        free_on_columns : ndarray of shape (n_free, n_columns)
            Coefficients of the columns on `free`.
        free_on_values : ndarray of shape (n_free,)
            Coefficients of `values` on `free`.
        """
        weights = weights / weights.sum()
        block, scale = self.X[:, columns], self.scale[columns]
        weighted = sparse.csc_array(block.multiply(weights[:, np.newaxis]))
        on_free = weighted.T @ free
        square = free.T @ (weights[:, np.newaxis] * free)
        free_on_values = np.linalg.solve(square, free.T @ (weights * values))
        free_on_columns = np.linalg.solve(square, on_free.T)
        gram = (weighted.T @ block).toarray() - on_free @ free_on_columns
        product = weighted.T @ (values - free @ free_on_values)
        free_on_columns[0] -= self.mean[columns]  # the columns are centred
        return (
            gram / np.outer(scale, scale),
            product / scale,
            free_on_columns / scale,
            free_on_values,
        )
