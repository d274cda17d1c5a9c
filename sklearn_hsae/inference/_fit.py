"""The two regressions: least squares, and logistic regression that cannot diverge."""

import warnings
from typing import NamedTuple

import numpy as np
from scipy import stats

from sklearn_hsae.inference._design import independent_columns

# A coefficient of 15 on a 0/1 column is odds of three million to one: the sign of a
# likelihood that grows for ever.
_DIVERGED = 15.0


class RegressionFit(NamedTuple):
    """What a regression found; NaN for a hypothesis that it left out.

    coefficient, standard_error, p : ndarray of shape (n_hypotheses,)
    intercept : float
    quantile : float, half the width of an interval in standard errors
    notes : list of str of length n_hypotheses
    is_penalized : bool
    """

    coefficient: np.ndarray
    standard_error: np.ndarray
    p: np.ndarray
    intercept: float
    quantile: float
    notes: list
    is_penalized: bool = False


def fit_linear(X, y, names, *, cov_type, alpha):
    """Least squares by statsmodels, with an intercept of its own."""
    from statsmodels.regression.linear_model import OLS

    design = independent_columns(X, names)
    matrix = np.column_stack([np.ones(len(X)), X[:, design.columns]])
    degrees = len(X) - matrix.shape[1]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # A row of its own (leverage 1) has no robust error; it comes out as NaN.
        warnings.simplefilter("ignore")
        result = OLS(y, matrix).fit(cov_type=cov_type, use_t=True)
        errors = np.asarray(result.bse, dtype=np.float64)
        p = np.asarray(result.pvalues, dtype=np.float64)
    unknown = ~np.isfinite(errors) | (errors <= 0) | (degrees <= 0)
    errors[unknown], p[unknown] = np.nan, np.nan
    quantile = float(stats.t.ppf(1 - alpha / 2, max(degrees, 1)))
    return _spread_out(design, result.params, errors, p, quantile)


def fit_logistic(X, y, names, *, alpha):
    """Logistic regression by maximum likelihood, by Firth's where that has none.

    When a combination of hypotheses tells the classes apart without an error, the
    likelihood grows for ever with the coefficients. Firth's penalty (Firth 1993;
    Heinze & Schemper 2002) then gives finite estimates; `is_penalized` and the notes
    say so.
    """
    design = independent_columns(X, names)
    matrix = np.column_stack([np.ones(len(X)), X[:, design.columns]])
    found = _maximum_likelihood(matrix, y, X[:, design.columns])
    is_penalized = found is None
    if is_penalized:
        found = _firth(matrix, y)
    beta, errors = found
    with np.errstate(all="ignore"):
        p = 2 * stats.norm.sf(np.abs(beta / errors))
    quantile = float(stats.norm.ppf(1 - alpha / 2))
    fit = _spread_out(design, beta, errors, p, quantile)
    if is_penalized:
        notes = [note or "penalized: the classes separate" for note in fit.notes]
        fit = fit._replace(is_penalized=True, notes=notes)
    return fit


def _spread_out(design, beta, errors, p, quantile):
    """Back to one entry a hypothesis, in the order they came in."""
    n = len(design.notes)
    columns = {}
    for name, values in (("coefficient", beta), ("standard_error", errors), ("p", p)):
        columns[name] = np.full(n, np.nan)
        columns[name][design.columns] = np.asarray(values)[1:]
    return RegressionFit(
        **columns, intercept=float(beta[0]), quantile=quantile, notes=design.notes
    )


def _maximum_likelihood(matrix, y, columns):
    """Coefficients and errors by statsmodels, or None when there is no maximum."""
    from statsmodels.discrete.discrete_model import Logit
    from statsmodels.tools.sm_exceptions import PerfectSeparationError

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            result = Logit(y, matrix).fit(disp=0, maxiter=50)
        except (np.linalg.LinAlgError, PerfectSeparationError):
            return None
        errors = np.asarray(result.bse, dtype=np.float64)
    beta = np.asarray(result.params, dtype=np.float64)
    in_spreads = np.abs(beta[1:]) * columns.std(axis=0)
    diverged = not result.mle_retvals["converged"] or (in_spreads > _DIVERGED).any()
    fitted = np.asarray(result.predict())
    separated = np.minimum(fitted, 1 - fitted).max() < 1e-6
    # Quasi-separation: one coefficient runs away while the others converge.
    runs_away = (~np.isfinite(errors)).any() or (errors[1:] > 50).any()
    return None if diverged or separated or runs_away else (beta, errors)


def _firth(matrix, y, *, max_iter=200, tol=1e-8):
    """Newton steps on the score that Jeffreys' prior adds h (1/2 - p) to."""
    beta = np.zeros(matrix.shape[1])
    for _ in range(max_iter):
        p = 1 / (1 + np.exp(-np.clip(matrix @ beta, -500, 500)))
        weight = p * (1 - p)
        covariance = np.linalg.pinv((matrix * weight[:, None]).T @ matrix)
        leverage = weight * np.einsum("ij,jk,ik->i", matrix, covariance, matrix)
        step = covariance @ (matrix.T @ (y - p + leverage * (0.5 - p)))
        longest = np.abs(step).max()
        step *= min(1.0, 5.0 / max(longest, 1e-300))
        beta = beta + step
        if longest < tol:
            break
    return beta, np.sqrt(np.diag(covariance))
