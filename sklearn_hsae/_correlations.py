"""Pearson's correlation: with one column, from counts, and between annotations."""

import numpy as np

from sklearn_hsae._row_chunks import row_chunks


def pearson(columns, values):
    """Pearson's correlation of each column with the values; 0 when one is constant.

    Parameters
    ----------
    columns : ndarray of shape (n_rows,) or (n_rows, n_columns)
        float32 columns are correlated in float32.
    values : ndarray of shape (n_rows,)

    Returns
    -------
    float or ndarray of shape (n_columns,)
    """
    varies = _varies(columns) & _varies(values)
    if not varies.any():
        return np.zeros(varies.shape) if columns.ndim == 2 else 0.0
    columns = columns - columns.mean(axis=0)
    values = (values - values.mean()).astype(columns.dtype)
    scale = np.linalg.norm(columns, axis=0) * np.linalg.norm(values)
    correlation = np.zeros_like(scale)
    np.divide(values @ columns, scale, out=correlation, where=varies & (scale > 0))
    return correlation if columns.ndim == 2 else float(correlation)


def phi(both, n_first, n_second, n_rows):
    """Pearson's correlation of two columns of 0 and 1, from counts; 0 for a constant.

    Parameters
    ----------
    both : ndarray
        Number of rows where both are 1.
    n_first, n_second : ndarray
        Number of rows where the first is 1, and where the second is.
    n_rows : int or ndarray

    Returns
    -------
    ndarray
    """
    scale = np.sqrt(n_first * (n_rows - n_first) * n_second * (n_rows - n_second))
    covariance = n_rows * both - n_first * n_second
    return np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0)


def annotation_correlations(annotations):
    """Correlations between the columns of annotations.

    Parameters
    ----------
    annotations : ndarray of shape (n_rows, n_hypotheses)
        1, 0 or NaN; for pairs of texts positive, 0, negative or NaN. Only the sign
        counts. Rows with a NaN are left out.

    Returns
    -------
    ndarray of shape (n_hypotheses, n_hypotheses)
        NaN in the row and the column of a hypothesis that is constant.
    """
    n_rows, total, both = 0, 0.0, 0.0
    for rows in row_chunks(*annotations.shape):
        has = np.sign(annotations[rows])
        has = has[~np.isnan(has).any(axis=1)]
        n_rows, total, both = (
            n_rows + len(has),
            total + has.sum(axis=0),
            both + has.T @ has,
        )
    covariance = n_rows * both - np.outer(total, total)  # whole numbers: exact
    spread = np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        return covariance / np.outer(spread, spread)


def _varies(columns):
    return (columns != columns[:1]).any(axis=0)
