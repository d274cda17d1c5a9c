"""Logistic regression that has an estimate even where the classes separate."""

import warnings

import numpy as np
from scipy import linalg, optimize, stats
from scipy.special import expit, log_expit
from sklearn.exceptions import ConvergenceWarning

from sklearn_hsae.inference._design import usable_part
from sklearn_hsae.inference._estimates import Estimates

# How far one more Newton step would move the log-odds of a row. Where a maximum was
# found it is below 1e-6; on the way to infinity it is 1 in each step.
_STILL_MOVING = 0.01
_MAX_ITER = 1000
_GRADIENT = 1e-7


def fit_logistic(X, y, names, *, alpha):
    """Regress a class on the columns of X and an intercept.

    Maximum likelihood by statsmodels. When a combination of hypotheses tells some
    rows of a class apart without an error, the likelihood grows for ever with the
    coefficients; Firth's penalty then gives finite estimates, and the notes say so.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_hypotheses)
    y : float ndarray of 0 and 1, of shape (n_rows,)
    names : ndarray of str of shape (n_hypotheses,)
    alpha : float

    Returns
    -------
    Estimates

    Notes
    -----
    Tests are Wald's. After Firth's penalty they are on the careful side for a concept
    that separates (Heinze & Schemper 2002).
    """
    design = usable_part(X, names)
    y = y[design.rows]
    if y.min() == y.max():
        share = (y.sum() + 0.5) / (len(y) + 1)
        note = "all rows are of one class"
        return Estimates.none(X.shape[1], float(np.log(share / (1 - share))), note)
    matrix = np.column_stack([np.ones(len(y)), design.standardized])
    start = np.zeros(matrix.shape[1])
    start[0] = np.log(y.mean() / (1 - y.mean()))
    note = ""
    found = _maximum_likelihood(matrix, y, start)
    if found is None:
        *firth, converged = _firth(matrix, y)
        found = _maximum_likelihood(matrix, y, firth[0])  # from nearer by
    if found is None:
        found = firth
        note = "penalized: the classes separate"
        note += "" if converged else " (not converged)"
    beta, errors = found
    coefficient = beta[1:] / design.scale
    estimates = Estimates.of(
        design,
        coefficient,
        errors[1:] / design.scale,
        beta[0] - design.location @ coefficient,
        distribution=stats.norm,
        alpha=alpha,
    )
    return estimates._replace(
        notes=[own or note for own in estimates.notes], is_penalized=bool(note)
    )


def _maximum_likelihood(matrix, y, start):
    """Coefficients and standard errors, or None when there is no maximum."""
    from statsmodels.discrete.discrete_model import Logit

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # Separation is looked for below, and exactly; statsmodels only suspects it.
        warnings.simplefilter("ignore")
        try:
            result = Logit(y, matrix).fit(start, disp=0)
            beta, errors = np.asarray(result.params), np.asarray(result.bse)
            share = expit(matrix @ beta)
            information = (matrix.T * (share * (1 - share))) @ matrix
            step = np.linalg.solve(information, matrix.T @ (y - share))
        except np.linalg.LinAlgError:
            return None
        is_maximum = np.abs(matrix @ step).max() < _STILL_MOVING
    return (beta, errors) if is_maximum and np.isfinite(errors).all() else None


def _firth(matrix, y):
    """Maximize the likelihood times Jeffreys' prior (Firth 1993).

    By BFGS: the usual scoring steps crawl where all classes separate.

    Returns
    -------
    beta, errors : ndarray
    converged : bool
    """
    result = optimize.minimize(
        _penalized_loss,
        np.zeros(matrix.shape[1]),
        (matrix, y),
        method="BFGS",
        jac=True,
        options={"gtol": _GRADIENT, "maxiter": _MAX_ITER},
    )
    # The line search stops early when rounding hides what is left to gain.
    converged = np.abs(result.jac).max() < 100 * _GRADIENT
    if not converged:
        warnings.warn(
            "Firth's logistic regression did not converge; the notes of the hypotheses "
            "say so.",
            ConvergenceWarning,
            stacklevel=2,
        )
    factor, _ = _information(matrix, expit(matrix @ result.x))
    inverse = linalg.solve_triangular(factor, np.eye(len(factor)), lower=True)
    return result.x, np.sqrt(np.square(inverse).sum(axis=0)), converged


def _penalized_loss(beta, matrix, y):
    """Minus the penalized log-likelihood and its gradient X'(p - y + h (p - 1/2)).

    In a unit that makes the curvature at 0, X'X / 4, one for each standardized column.
    """
    log_odds = matrix @ beta
    share = expit(log_odds)
    try:
        factor, root = _information(matrix, share)
    except linalg.LinAlgError:  # a trial step far out, where every weight is 0
        return np.inf, np.full(len(beta), np.nan)
    halved = linalg.solve_triangular(factor, root.T, lower=True)
    leverage = np.einsum("ji,ji->i", halved, halved)
    likelihood = log_expit(np.where(y > 0, log_odds, -log_odds)).sum()
    gain = likelihood + np.log(np.diag(factor)).sum()
    gradient = matrix.T @ (share - y + leverage * (share - 0.5))
    unit = 4 / len(y)
    return -gain * unit, gradient * unit


def _information(matrix, share):
    """Cholesky factor of X'WX, and the root of W times X."""
    root = matrix * np.sqrt(share * (1 - share))[:, None]
    return linalg.cholesky(root.T @ root, lower=True), root
