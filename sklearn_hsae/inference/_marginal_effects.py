"""Coefficients of a logistic regression as differences in probability."""

import numpy as np
from scipy.special import expit


def average_marginal_effects(X, estimates, weights, pairs=False):
    """Mean difference in probability that each column makes.

    A column of 0 and 1 is set to 1 and to 0 in every row, all others as they are. For
    other numbers it is the mean slope.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_hypotheses)
    estimates : Estimates
        Of a logistic regression on `X`.
    weights : ndarray of shape (n_rows,)
    pairs : bool, default=False
        Columns of -1, 0 and 1 are set to 1 and to -1, and half the difference counts.

    Returns
    -------
    ndarray of shape (n_hypotheses,)
        NaN where there is no estimate.
    """
    coef = np.nan_to_num(estimates.coefficient)
    log_odds = X @ coef + estimates.intercept
    share = expit(log_odds)
    slope = np.average(share * (1 - share), weights=weights)
    effects = np.full(X.shape[1], np.nan)
    for j in np.flatnonzero(np.isfinite(estimates.coefficient)):
        without = log_odds - coef[j] * X[:, j]
        if pairs and np.isin(X[:, j], (-1, 0, 1)).all():
            difference = (expit(without + coef[j]) - expit(without - coef[j])) / 2
            effects[j] = np.average(difference, weights=weights)
        elif np.isin(X[:, j], (0, 1)).all():
            difference = expit(without + coef[j]) - expit(without)
            effects[j] = np.average(difference, weights=weights)
        else:
            effects[j] = coef[j] * slope
    return effects
