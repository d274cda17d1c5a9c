"""Scores of single neurons: prevalence, correlation and separation."""

import itertools

import numpy as np
from scipy import sparse

from sklearn_hsae.selection._columns import (
    DEPENDENT,
    StandardizedColumns,
    active_entries,
    as_columns,
    count_active,
)
from sklearn_hsae.selection._target_columns import target_columns
from sklearn_hsae.selection._weights import weighted_rows


def prevalence_score(X):
    """Share of the rows where each neuron fires.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Activations. A neuron fires where its activation is above zero.

    Returns
    -------
    ndarray of shape (n_features,)
        Shares, from 0 to 1.

    Examples
    --------
    >>> from sklearn_hsae.selection import prevalence_score
    >>> prevalence_score([[0.0, 2.0], [0.0, 1.0], [3.0, 1.0], [0.0, 4.0]])
    array([0.25, 1.  ])
    """
    X = as_columns(X)
    return count_active(X) / X.shape[0]


def correlation_score(X, y, *, task="auto", sample_weight=None, controls=None):
    """Pearson correlation of each neuron with the target.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Activations.
    y : array-like of shape (n_samples,)
        Numbers or classes. Two classes count as 0 and 1 in sorted order. With more
        classes the score is the correlation with membership in one class: the one
        with the largest absolute correlation.
    task : {"auto", "regression", "classification"}, default="auto"
        What `y` is, see `NeuronSelector`.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows.
    controls : array-like of shape (n_samples, n_controls) or None, default=None
        Numbers. With controls, the scores are partial correlations: those of what the
        controls leave of the neuron and of the target, by least squares.

    Returns
    -------
    ndarray of shape (n_features,)
        Correlations, from -1 to 1; 0 for a constant neuron.

    Examples
    --------
    >>> from sklearn_hsae.selection import correlation_score
    >>> X = [[0.0, 1.0], [0.0, 0.0], [2.0, 0.0], [2.0, 1.0]]
    >>> correlation_score(X, [1.0, 2.0, 4.0, 5.0]).round(2) + 0.0
    array([0.95, 0.  ])
    """
    X, y, weights, basis = weighted_rows(as_columns(X), y, sample_weight, controls)
    Y = target_columns(y, task, weights, basis).columns
    columns = StandardizedColumns(X, weights)
    correlation = strongest(columns.mean_product(Y))
    left = columns.variance_beside(basis)
    varies = left > DEPENDENT
    return np.where(varies, correlation / np.sqrt(np.where(varies, left, 1.0)), 0.0)


def separation_score(
    X,
    y,
    *,
    n_top=100,
    standardize=True,
    task="auto",
    sample_weight=None,
    controls=None,
):
    """Mean target of a neuron's strongest rows minus the mean of its silent rows.

    The score is ``mean(y[top]) - mean(y[silent])``. `top` are the `n_top` rows with the
    largest activations above 0, or all rows above 0 when there are fewer. `silent` are
    the rows at 0 or below. Of equal activations the earlier row comes first.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Activations.
    y : array-like of shape (n_samples,)
        Numbers or classes, see `correlation_score`.
    n_top : int, default=100
        Number of strongest rows; the default is that of [1]_.
    standardize : bool, default=True
        Divide by the standard error ``std(y) * sqrt(1 / n_top + 1 / n_silent)``. A
        neuron that fires on three rows may reach a large difference by chance. In
        standard errors, it does not outrank a neuron that fires often. The standard
        deviation is that of all of `y`, because that of three rows may be 0. With False
        the score is the plain difference, in units of `y` (for classes, a difference of
        shares).
    task : {"auto", "regression", "classification"}, default="auto"
        What `y` is, see `NeuronSelector`.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows in both means. `n_top` still counts rows, and the standard
        error uses the effective numbers of rows of Kish [2]_, ``sum(w)**2 /
        sum(w**2)``.
    controls : array-like of shape (n_samples, n_controls) or None, default=None
        Numbers. With controls, y is replaced by what they leave of it, by least
        squares.

    Returns
    -------
    ndarray of shape (n_features,)
        Scores; 0 for a neuron that fires on no row, or on all rows.

    References
    ----------
    .. [1] R. Movva, K. Peng, N. Garg, J. Kleinberg, E. Pierson, "Sparse autoencoders
       for hypothesis generation", ICML 2025, https://arxiv.org/abs/2502.04382
    .. [2] L. Kish, "Survey Sampling", Wiley, 1965.

    Examples
    --------
    >>> from sklearn_hsae.selection import separation_score
    >>> X = [[0.0, 1.0], [0.0, 0.0], [2.0, 0.0], [3.0, 1.0]]
    >>> separation_score(X, [1.0, 2.0, 4.0, 5.0], standardize=False).round(2) + 0.0
    array([3., 0.])
    """
    X, y, weights, basis = weighted_rows(as_columns(X), y, sample_weight, controls)
    target = target_columns(y, task, weights, basis)
    top = _top_entries(X, n_top)
    active = active_entries(X)
    has_both = (top.sum(axis=0) > 0) & (active.sum(axis=0) < X.shape[0])
    weighted = weights[:, np.newaxis] * target.columns
    top_mean, top_share = _group_mean(
        top.T @ weighted, top.T @ weights, top.T @ weights**2
    )
    silent_mean, silent_share = _group_mean(
        weighted.sum(axis=0) - active.T @ weighted,
        weights.sum() - active.T @ weights,
        (weights**2).sum() - active.T @ weights**2,
    )
    scores = top_mean - silent_mean
    if standardize:
        scores[has_both] /= np.sqrt(top_share + silent_share)[has_both]
    else:
        scores *= target.scale
    scores[~has_both] = 0.0
    return strongest(scores)


def _group_mean(total, weight, squared_weight):
    """Mean of each group, and 1 / its effective number of rows.

    An empty group has the mean 0; its score is not used.
    """
    weight = np.where(weight > 0, weight, 1.0)[:, np.newaxis]
    return total / weight, squared_weight[:, np.newaxis] / weight**2


def _top_entries(X, n_top):
    """1.0 at the `n_top` largest entries above zero of each column of `X`."""
    # Column by column: one sort of all entries takes several arrays of their number.
    kept = [
        start + np.argsort(-X.data[start:stop], kind="stable")[:n_top]
        for start, stop in itertools.pairwise(X.indptr)
    ]
    kept = np.concatenate([np.empty(0, dtype=np.intp), *kept])
    kept = kept[X.data[kept] > 0]
    column = np.searchsorted(X.indptr, kept, side="right") - 1
    ones = np.ones(len(kept))
    return sparse.csc_array((ones, (X.indices[kept], column)), shape=X.shape)


def strongest(scores):
    """The score farthest from 0 in each row of `scores` (n_features, n_targets)."""
    best = np.abs(scores).argmax(axis=1)
    return scores[np.arange(len(scores)), best]
