"""Lasso selection: the penalty at which exactly n neurons have a coefficient."""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit

from sklearn_hsae.selection._columns import StandardizedColumns, as_columns
from sklearn_hsae.selection._scores import strongest
from sklearn_hsae.selection._target_columns import target_columns

_PATH_RATIO = 0.9  # of one penalty of the path to the one before
_SMALLEST_PENALTY = 1e-4  # as a share of the largest: below, the fit is unpenalised
_SAME_PENALTY = 1e-7  # relative distance at which bisection stops: a tie
_KKT_SLACK = 1e-6  # relative violation of the optimality condition that is rounding
_MAX_STEPS = 100
_ROUNDING = 1e-9  # share of the penalty by which a column must exceed it to be used
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


class _Fit(NamedTuple):
    """A solution at one penalty.

    coef : ndarray of shape (n_features, n_targets), of standardised columns
    intercept : ndarray of shape (n_targets,)
    penalty : float
    smallest_penalty : float, where the path ends
    """

    coef: np.ndarray
    intercept: np.ndarray
    penalty: float
    smallest_penalty: float

    @property
    def n_used(self):
        return int(self.coef.any(axis=1).sum())


class _LassoModel:
    """Penalised fits of all targets, each started from another one."""

    def __init__(self, X, y, task):
        target = target_columns(y, task)
        self.columns = StandardizedColumns(as_columns(X))
        self.is_logistic = target.is_classification
        # A standardised membership column is positive for the members.
        self.targets = (
            (target.columns > 0).astype(np.float64)
            if self.is_logistic
            else target.columns
        )

    def null_fit(self):
        """The fit at the largest penalty, which leaves every coefficient at 0."""
        shares = self.targets.mean(axis=0)
        products = self.columns.transpose_dot(self.targets - shares)
        largest = float(np.abs(products).max() / len(self.targets))
        return _Fit(
            np.zeros(products.shape),
            logit(shares) if self.is_logistic else shares,
            largest,
            largest * _SMALLEST_PENALTY,
        )

    def fit(self, penalty, start):
        """The fit at `penalty`, from the solution `start`."""
        solved = [
            self._solve(
                self.targets[:, t], penalty, start.coef[:, t], start.intercept[t]
            )
            for t in range(self.targets.shape[1])
        ]
        coef = np.column_stack([coef for coef, _ in solved])
        intercept = np.array([intercept for _, intercept in solved])
        return _Fit(coef, intercept, penalty, start.smallest_penalty)

    def _solve(self, target, penalty, coef, intercept):
        """Fit the columns that hold a coefficient; add those that should hold one."""
        coef = coef.copy()
        active = np.flatnonzero(coef)
        for _ in range(_MAX_STEPS):
            if len(active):
                intercept = self._fit_active(active, target, penalty, coef, intercept)
            residual = target - self._mean(active, coef, intercept)
            slope = self.columns.transpose_dot(residual) / len(target)
            is_wrong = np.abs(slope) > penalty * (1 + _KKT_SLACK)
            is_wrong[active] = False
            if not is_wrong.any():
                break
            active = np.union1d(active, np.flatnonzero(is_wrong))
        return coef, intercept

    def _mean(self, active, coef, intercept):
        linear = self.columns.dot(active, coef[active]) + intercept
        return expit(linear) if self.is_logistic else linear

    def _fit_active(self, active, target, penalty, coef, intercept):
        """Change `coef` on `active` in place; return the new intercept."""
        for _ in range(_MAX_STEPS if self.is_logistic else 1):
            values, weights = self._working_response(active, target, coef, intercept)
            gram, product, column_mean, value_mean = self.columns.weighted_gram(
                active, values, weights
            )
            before = coef[active]
            coef[active] = _coordinate_descent(
                gram, product, penalty / weights.mean(), before
            )
            intercept = value_mean - column_mean @ coef[active]
            if np.abs(coef[active] - before).max() < _TOLERANCE:
                break
        return intercept

    def _working_response(self, active, target, coef, intercept):
        """Values and weights of the least-squares problem that a Newton step solves."""
        if not self.is_logistic:
            return target, np.ones(len(target))
        linear = self.columns.dot(active, coef[active]) + intercept
        share = expit(linear)
        weights = np.maximum(share * (1 - share), _SMALLEST_WEIGHT)
        return linear + (target - share) / weights, weights


def _coordinate_descent(gram, product, penalty, coef):
    """Minimise ``coef @ gram @ coef / 2 - product @ coef + penalty * |coef|_1``."""
    coef = coef.copy()
    slope = product - gram @ coef
    for _ in range(_MAX_STEPS * 10):
        largest_change = 0.0
        for j in range(len(coef)):
            wanted = slope[j] + gram[j, j] * coef[j]
            shrunk = abs(wanted) - penalty
            # An equal column is left with the penalty itself, up to rounding.
            is_used = shrunk > _ROUNDING * penalty
            new = np.copysign(shrunk, wanted) / gram[j, j] if is_used else 0.0
            change = new - coef[j]
            if change:
                slope -= gram[:, j] * change
                coef[j] = new
                largest_change = max(largest_change, abs(change))
        if largest_change < _TOLERANCE:
            break
    return coef
