"""Lasso selection: the penalty at which exactly n neurons have a coefficient."""

from typing import NamedTuple

import numpy as np
from scipy import linalg
from scipy.special import expit, logit
from sklearn.linear_model import lasso_path

from sklearn_hsae.selection._columns import StandardizedColumns, as_columns
from sklearn_hsae.selection._scores import strongest
from sklearn_hsae.selection._target import as_target

_PATH_RATIO = 0.9  # of one penalty of the path to the one before
_SMALLEST_PENALTY = 1e-4  # as a share of the largest: below, the fit is unpenalised
_SAME_PENALTY = 1e-7  # relative distance at which bisection stops: a tie
_KKT_SLACK = 1e-6  # relative violation of the optimality condition that is rounding
_MAX_STEPS = 100
_TOLERANCE = 1e-7  # change of a standardised coefficient
_SMALLEST_WEIGHT = 1e-5  # of a row in a Newton step, as in glmnet


def lasso_selection(X, y, n_select, *, task="auto"):
    """Choose the first `n_select` neurons that hold a coefficient on the lasso path.

    The penalty falls from the one that keeps every coefficient at zero until at least
    `n_select` neurons have one; bisection between the last two penalties then finds
    one that gives exactly `n_select`. Every fit starts from its neighbour's solution
    and works on the few columns that can matter. Columns and target are standardised,
    so neither the number of rows nor the unit of `y` plays a part.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Activations. A sparse matrix stays sparse.
    y : array-like of shape (n_samples,)
        Numbers: squared error [1]_. Two classes: logistic loss [2]_. More classes: one
        logistic fit for each class against the rest, all under one penalty; a neuron
        counts when any of them uses it.
    n_select : int
        Number of neurons.
    task : {"auto", "regression", "classification"}, default="auto"
        What `y` is, see `NeuronSelector`.

    Returns
    -------
    selected : ndarray of shape (n_selected,)
        Column indices, largest coefficient first; of equal ones the first column.
        Fewer than `n_select` when the path ends before, as it does when the other
        columns repeat the chosen ones.
    coef : ndarray of shape (n_features,)
        The coefficients of the standardised columns at that penalty, in standard
        deviations of `y` or in log-odds; of several classes the one farthest from 0.
        Where neurons enter at the very same penalty, more than `n_select` may differ
        from 0; the largest are selected.

    References
    ----------
    .. [1] R. Tibshirani, "Regression shrinkage and selection via the lasso", Journal
       of the Royal Statistical Society B 58(1), 1996.
    .. [2] J. Friedman, T. Hastie, R. Tibshirani, "Regularization paths for generalized
       linear models via coordinate descent", Journal of Statistical Software 33(1),
       2010.

    Examples
    --------
    >>> from sklearn_hsae.selection import lasso_selection
    >>> X = [[0, 0, 1], [0, 0, 0], [2, 2, 0], [2, 2, 1]]
    >>> selected, coef = lasso_selection(X, [1.0, 0.5, 4.0, 4.5], 2)
    >>> selected.tolist()
    [0, 2]
    """
    model = _LassoModel(X, y, task)
    before = fit = model.null_fit()
    while fit.n_used < n_select and fit.penalty > before.smallest_penalty:
        before, fit = fit, model.fit(fit.penalty * _PATH_RATIO, fit)
    while fit.n_used > n_select and before.penalty > fit.penalty * (1 + _SAME_PENALTY):
        middle = model.fit(np.sqrt(before.penalty * fit.penalty), before)
        if middle.n_used < n_select:
            before = middle
        else:
            fit = middle
    coef = strongest(fit.coef)
    order = np.argsort(-np.abs(coef), kind="stable")[:n_select]
    return order[coef[order] != 0], coef
