"""Logistic regression with tests that hold for rare concepts and separated classes."""

import warnings

import numpy as np
from scipy import special, stats
from sklearn.exceptions import ConvergenceWarning

from sklearn_hsae.inference._clusters import of_rows
from sklearn_hsae.inference._design import usable_part
from sklearn_hsae.inference._estimates import Estimates
from sklearn_hsae.inference._joint_test import Covariance, joint_p
from sklearn_hsae.inference._likelihood import LogisticLikelihood
from sklearn_hsae.inference._pair_separation import sign_test

# Expected number of rows of the rarer class that have a concept. Wald's test finds too
# much below about two; from ten on it agrees with the penalized likelihood ratio.
_FEW_EXPECTED = 10
# The likelihood ratio finds too much below this: Fisher's exact test must agree.
_HARDLY_EXPECTED = 1
# How the note of a hypothesis begins where Firth's penalty was used.
PENALIZED = "penalized: "
# With more rows, only concepts that have few of a class get a profile: it takes time.
_MANY_ROWS = 20_000
_MANY_IN_CELL = 200


def fit_logistic(
    X,
    y,
    names,
    *,
    alpha,
    cov_type="nonrobust",
    weights=None,
    clusters=None,
    tested=None,
    has_intercept=True,
):
    """Regress a class on the columns of X, and an intercept.

    Maximum likelihood and Wald's tests where each concept has enough rows of both
    classes. Elsewhere, and where the classes separate so that the likelihood has no
    maximum, Firth's penalized likelihood with likelihood ratio tests and profile
    intervals, as in R's logistf (Heinze & Schemper 2002).

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_hypotheses)
    y : float ndarray of shape (n_rows,)
        0 and 1.
    names : ndarray of str of shape (n_hypotheses,)
    alpha : float or ndarray of shape (n_hypotheses,)
        The intervals cover 1 - alpha.
    cov_type : {"nonrobust", "HC3", "cluster"}, default="nonrobust"
    weights : ndarray of shape (n_rows,), default=None
        Greater than 0. Their mean matters only beside Firth's penalty.
    clusters : int ndarray of shape (n_rows,), default=None
        The number of each row's cluster, for "cluster".
    tested : bool ndarray of shape (n_hypotheses,), default=None
        With Firth's penalty: the columns that get the likelihood ratio test, which
        takes time, and then all intervals are Wald's. None tests all columns, with
        profile intervals.
    has_intercept : bool, default=True
        False for the differences of pairs: a swapped pair has the other class, and all
        columns have the other sign. This is the model of Bradley & Terry (1952).

    Returns
    -------
    Estimates

    Notes
    -----
    Under separation Wald's test has no power, since the standard error grows faster
    than the coefficient. With few rows it finds too much: of noise with 0.2 expected
    events, 1.1 % has p < 0.0033, and 0.4 % by the penalized likelihood ratio.

    With weights, a likelihood ratio is divided by the ratio of the variance of the
    weighted estimate to the inverse information (Rao & Scott 1984).

    With clusters, the variance of the estimate is CR2's, with its degrees of freedom,
    where that is larger; with "HC3" it is that of the sandwich, where that is. For a
    likelihood ratio it is taken where the coefficient is 0: at the maximum it collapses
    when the classes separate.
    """
    design = usable_part(X, names, weights, has_intercept=has_intercept)
    y = y[design.rows]
    if has_intercept and y.min() == y.max():
        intercept = float(special.logit((y.sum() + 0.5) / (len(y) + 1)))
        return Estimates.none(X.shape[1], intercept, "all rows are of one class")
    clusters = of_rows(clusters, design.rows)
    robust = _robust(cov_type, clusters)
    alpha = np.broadcast_to(alpha, X.shape[1])[design.columns]
    is_few = _has_few(design, y)
    fit = None if is_few else _maximum_likelihood(design, y, alpha, robust)
    note = ""
    if fit is None:
        has = X[np.ix_(design.rows, design.columns)]
        if tested is not None:
            tested = tested[design.columns]
        options = {"robust": robust, "clusters": clusters, "tested": tested}
        fit, converged = _penalized_likelihood(design, y, has, alpha, **options)
        note = "few rows of a class" if is_few else "the classes separate"
        note = f"{PENALIZED}{note}" + ("" if converged else " (not converged)")
    beta, error, p, ends = fit
    coefficient = beta[has_intercept:] / design.scale
    intercept = beta[0] - design.location @ coefficient if has_intercept else 0.0
    estimates = Estimates.of(
        design,
        intercept=intercept,
        coefficient=coefficient,
        standard_error=error[has_intercept:] / design.scale,
        p=p,
        ci_low=ends[0] / design.scale,
        ci_high=ends[1] / design.scale,
    )
    notes = list(estimates.notes)
    for j in design.columns[np.isnan(p)]:
        notes[j] = "decided by a single cluster"
    return estimates._replace(
        notes=[own or note for own in notes], is_penalized=bool(note)
    )


def _has_few(design, y):
    """Whether some column has too few rows of the rarer class for Wald's test."""
    return bool((_expected_rows(design, y) < _FEW_EXPECTED).any())


def _expected_rows(design, y):
    """Rows of the rarer class that each column would have if it did not matter.

    A column counts as many rows as a rare concept of the same kurtosis has.
    """
    squares = np.square(design.standardized) * design.weights[:, None]
    n_rows = np.square(squares.sum(axis=0)) / np.square(squares).sum(axis=0)
    share = design.weights @ y / design.weights.sum() if design.has_intercept else 0.5
    return n_rows * min(share, 1 - share)


def _likelihood(design, y, *, penalized):
    matrix = design.standardized
    start = np.zeros(matrix.shape[1] + design.has_intercept)
    if design.has_intercept:
        matrix = np.column_stack([np.ones(len(y)), matrix])
        start[0] = special.logit(design.weights @ y / design.weights.sum())
    likelihood = LogisticLikelihood(matrix, y, design.weights, penalized=penalized)
    return likelihood, start


def _maximum_likelihood(design, y, alpha, robust):
    """Coefficients, errors, p-values and intervals, or None without a maximum."""
    likelihood, start = _likelihood(design, y, penalized=False)
    beta, *_, converged = likelihood.maximize(start)
    if not converged:
        return None
    _, unit, ratio, degrees = _spread(likelihood, beta, robust)
    error = unit * np.sqrt(ratio)
    first = int(design.has_intercept)
    return beta, error, *_wald(beta[first:], error[first:], degrees[first:], alpha)


def _robust(cov_type, clusters):
    """What gives the covariance that holds without the model; None for "nonrobust"."""
    if cov_type == "HC3":
        return LogisticLikelihood.hc3_covariance
    if clusters is None:
        return None
    return lambda likelihood, beta: likelihood.cluster_covariance(beta, clusters)


def _spread(likelihood, beta, robust):
    """How uncertain the coefficients are.

    Returns
    -------
    covariance : ndarray of shape (n_columns, n_columns)
    unit : ndarray of shape (n_columns,)
        Standard errors by the inverse information.
    ratio : ndarray of shape (n_columns,)
        Of the variances to those of the inverse information; NaN where one cluster
        alone decides a coefficient.
    degrees : ndarray of shape (n_columns,)
    """
    covariance, ratio = likelihood.covariance(beta)
    unit, degrees = np.sqrt(np.diag(covariance) / ratio), np.full(len(beta), np.inf)
    if robust is not None:
        matrix, degrees, is_lone = robust(likelihood, beta)
        ratio = np.maximum(ratio, np.diag(matrix) / np.square(unit))
        ratio[is_lone] = np.nan
    return covariance, unit, ratio, degrees


def wald_logistic(
    X,
    y,
    names,
    members,
    *,
    cov_type="nonrobust",
    weights=None,
    clusters=None,
    has_intercept=True,
):
    """Test for each group of columns that all of their coefficients are 0.

    Wald's test, or where `fit_logistic` is penalized the likelihood ratio test.

    Parameters
    ----------
    members : list of int ndarray
        The columns of each group.
    X, y, names, cov_type, weights, clusters, has_intercept
        As for `fit_logistic`.

    Returns
    -------
    ndarray of shape (n_groups,)
        p-values; NaN where no member has a coefficient.
    """
    design = usable_part(X, names, weights, has_intercept=has_intercept)
    y = y[design.rows]
    if has_intercept and y.min() == y.max():
        return np.full(len(members), np.nan)
    clusters = of_rows(clusters, design.rows)
    robust, first = _robust(cov_type, clusters), int(has_intercept)
    if not _has_few(design, y):
        likelihood, start = _likelihood(design, y, penalized=False)
        beta, *_, converged = likelihood.maximize(start)
        if converged:
            covariance = likelihood.covariance(beta)[0][first:, first:]
            covariances, is_lone = [Covariance(covariance, np.inf)], False
            if robust is not None:
                matrix, _, is_lone = (part[first:] for part in robust(likelihood, beta))
                covariances.append(_of_clusters(matrix[:, first:], clusters))
            columns = np.where(is_lone, -1, design.columns)
            return joint_p(members, columns, beta[first:], covariances)
    return _likelihood_ratios(design, y, members, robust, clusters)


def _likelihood_ratios(design, y, members, robust, clusters):
    """Penalized likelihood ratio tests that the coefficients of each group are 0."""
    likelihood, start = _likelihood(design, y, penalized=True)
    best, top, *_ = likelihood.maximize(start)
    first, p = int(design.has_intercept), np.full(len(members), np.nan)
    for i, group in enumerate(members):
        own = first + np.flatnonzero(np.isin(design.columns, group))
        at_null = np.where(np.isin(np.arange(len(best)), own), 0.0, best)
        at_null, null, *_ = likelihood.maximize(at_null, fixed=own)
        covariance, _, ratio, _ = _spread(likelihood, at_null, robust)
        own = own[np.isfinite(ratio[own])]
        if len(own):
            drop = max(2 * (top - null), 0) / ratio[own].max()
            p[i] = _of_clusters(covariance, clusters).p(drop, len(own))
    return p


def _of_clusters(covariance, clusters):
    """The covariance with degrees of freedom: those of many rows, or of clusters."""
    if clusters is None:
        return Covariance(covariance, np.inf)
    return Covariance(covariance, clusters.max(), is_of_clusters=True)


def _wald(beta, error, degrees, alpha):
    """Wald's p-values and intervals."""
    width = stats.t.isf(alpha / 2, degrees) * error
    return 2 * stats.t.sf(np.abs(beta / error), degrees), [beta - width, beta + width]


def _penalized_likelihood(design, y, has, alpha, *, robust, clusters, tested):
    """Coefficients, errors, p-values and intervals; and whether all converged."""
    likelihood, start = _likelihood(design, y, penalized=True)
    best, top, _, converged = likelihood.maximize(start)
    if not converged:
        warnings.warn(
            "Firth's logistic regression did not converge; the notes of the hypotheses "
            "say so.",
            ConvergenceWarning,
            stacklevel=2,
        )
    covariance, unit, ratio, degrees = _spread(likelihood, best, robust)
    error = unit * np.sqrt(ratio)
    first = int(design.has_intercept)
    p, (low, high) = _wald(best[first:], error[first:], degrees[first:], alpha)
    has_profile = _needs_profile(has != 0, y) & (True if tested is None else tested)
    for column in np.flatnonzero(has_profile):
        j = column + first
        direction = covariance[:, j] / covariance[j, j]
        at_null, null, *_ = likelihood.profile(j, 0.0, best, direction)
        if robust is not None:
            ratio[j], degrees[j] = (
                values[j] for values in _spread(likelihood, at_null, robust)[2:]
            )
            error[j] = unit[j] * np.sqrt(ratio[j])
        if np.isnan(ratio[j]):
            p[column] = low[column] = high[column] = np.nan
            continue
        root = np.sqrt(max(2 * (top - null), 0) / ratio[j])
        p[column] = 2 * stats.t.sf(root, degrees[j])
        if tested is not None:
            continue
        drop = np.square(stats.t.isf(alpha[column] / 2, degrees[j])) * ratio[j]
        low[column], high[column] = (
            likelihood.profile_end(j, best, top, drop, side * unit[j], direction)
            for side in (-1, 1)
        )
    if design.has_intercept:
        bound = _fisher_bound(has != 0, y)
    else:
        bound = _sign_bound(has, design.weights * (y - 0.5), clusters)
    return (best, error, np.maximum(p, bound), [low, high]), converged


def _needs_profile(has, y):
    if len(y) <= _MANY_ROWS:
        return np.ones(has.shape[1], dtype=bool)
    return _cells(has, y).min(axis=(0, 1)) < _MANY_IN_CELL


def _fisher_bound(has, y):
    """Fisher's one-sided p where hardly a row is expected; 0 elsewhere.

    One such row is then all the evidence, and no approximation holds.
    """
    cells = _cells(has, y)
    n_rows, n_of_class = len(y), cells.sum(axis=0)
    n_with = cells.sum(axis=1)
    # The smaller group and the rarer class.
    group, label = np.argmin(n_with, axis=0), np.argmin(n_of_class, axis=0)
    column = np.arange(has.shape[1])
    size, n_rare = n_with[group, column], n_of_class[label, column]
    bound = stats.hypergeom.sf(cells[group, label, column] - 1, n_rows, n_rare, size)
    is_rare = (size > 0) & (size * n_rare < _HARDLY_EXPECTED * n_rows)
    return np.where(is_rare, bound, 0.0)


def _sign_bound(difference, outcome, clusters):
    """The p of the exact sign test where few pairs differ in a concept; 0 elsewhere."""
    is_few = np.count_nonzero(difference, axis=0) < 2 * _FEW_EXPECTED
    return np.where(is_few, np.nan_to_num(sign_test(difference, outcome, clusters)), 0)


def _cells(has, y):
    """Rows without and with each concept, of class 0 and 1: (2, 2, n_concepts)."""
    of_class = np.stack([1 - y, y])
    with_concept = of_class @ has
    return np.stack([of_class.sum(axis=1)[:, None] - with_concept, with_concept])
