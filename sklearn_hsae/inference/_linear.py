"""Least squares with standard errors and degrees of freedom that hold in small groups.

All of it comes in closed form from one Cholesky factor. Estimates and standard errors
equal those of ``statsmodels.OLS(...).fit(cov_type="HC3")`` where that has an answer;
a row of leverage 1 makes all of its standard errors NaN.
"""

import numpy as np
from scipy import linalg, stats

from sklearn_hsae.inference._design import usable_part
from sklearn_hsae.inference._estimates import Estimates

_EXACT = 1e-12  # residuals that are smaller, relative to y, are rounding
_FEW = 10  # degrees of freedom below which the robust error alone is not trusted
_MANY = 200  # rows that share the weight evenly: then t is near normal anyway
_MAX_ROWS = 500  # with the largest weights: the others add nothing to the sum


def fit_linear(X, y, names, *, cov_type, alpha):
    """Regress y on the columns of X and an intercept.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_hypotheses)
    y : ndarray of shape (n_rows,)
    names : ndarray of str of shape (n_hypotheses,)
    cov_type : {"HC3", "nonrobust"}
    alpha : float

    Returns
    -------
    Estimates

    Notes
    -----
    HC3 with a normal or t(n - k) distribution finds far too much in rare concepts: one
    that two rows have is "significant at 5 %" in 20 % of pure noise. So each
    coefficient has its own degrees of freedom, those of Bell & McCaffrey (2002), which
    Imbens & Kolesár (2016) recommend: about the number of rows that have the concept.
    When these are fewer than 10, rows that agree by chance make the robust error
    collapse, and the classical one is taken where it is larger (Angrist & Pischke
    2009, section 8.1).
    """
    design = usable_part(X, names)
    y = y[design.rows]
    centered = y - y.mean()
    basis = design.orthonormal()
    residual = centered - basis @ (basis.T @ centered)
    if np.linalg.norm(residual) <= _EXACT * np.linalg.norm(centered):
        residual = np.zeros_like(residual)
    # Of the standardized columns; row j holds the weights of y in coefficient j.
    weights = _solve(design.triangle, basis.T) / np.sqrt(len(y))
    coefficient = weights @ centered
    if not residual.any():
        coefficient[np.abs(coefficient) < 1e-9 * centered.std()] = 0.0
    n_free = len(y) - len(weights) - 1
    classical = np.square(weights).sum(axis=1) * (residual @ residual / n_free)
    if cov_type == "HC3":
        variance, degrees = _robust(weights, basis, residual, n_free)
        few = degrees < _FEW
        variance[few] = np.maximum(variance[few], classical[few])
    else:
        variance, degrees = classical, np.full(len(weights), float(n_free))
    coefficient /= design.scale
    return Estimates.of(
        design,
        coefficient,
        np.sqrt(variance) / design.scale,
        y.mean() - design.location @ coefficient,
        distribution=stats.t(degrees),
        alpha=alpha,
    )


def _solve(triangle, b):
    return linalg.solve_triangular(
        triangle, b, lower=True, trans="T", check_finite=False
    )


def _robust(weights, basis, residual, n_free):
    """HC3 variances (MacKinnon & White 1985) and their degrees of freedom.

    A variance is the quadratic form e' A e of the residuals e = M y, with A diagonal.
    For noise of equal variance its Satterthwaite degrees of freedom are
    tr(MA)^2 / tr(MAMA), and M = I - HH' with the orthonormal H below.
    """
    H = np.column_stack([np.full(len(basis), len(basis) ** -0.5), basis])
    leverage = np.einsum("ij,ij->i", H, H)
    A = np.square(weights / (1 - leverage))
    variance = A @ np.square(residual)
    trace = A @ (1 - leverage)
    trace_of_square = np.square(A) @ (1 - 2 * leverage)
    n_sharing = np.square(A.sum(axis=1)) / np.square(A).sum(axis=1)
    for j in np.flatnonzero(n_sharing < _MANY):
        rows = _largest(A[j])
        cross = (H[rows] * A[j, rows, None]).T @ H[rows]
        trace_of_square[j] += np.square(cross).sum()
    return variance, np.clip(np.square(trace) / trace_of_square, 1.0, n_free)


def _largest(values):
    if len(values) <= _MAX_ROWS:
        return slice(None)
    return np.argpartition(values, -_MAX_ROWS)[-_MAX_ROWS:]
