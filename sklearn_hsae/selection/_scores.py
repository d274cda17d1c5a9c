"""Scores of one neuron at a time, for all neurons at once."""

import numpy as np
from scipy import sparse

from sklearn_hsae.selection._columns import (
    StandardizedColumns,
    active_entries,
    as_columns,
    count_active,
)
from sklearn_hsae.selection._target_columns import target_columns


def prevalence_score(X):
    """Share of the rows on which each neuron fires.

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


def correlation_score(X, y, *, task="auto"):
    """Pearson correlation of each neuron with the target.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Activations.
    y : array-like of shape (n_samples,)
        Numbers or classes. Two classes count as 0 and 1 in sorted order. With more
        classes the score is the correlation with membership in the one class that
        the neuron goes with, or against, most.
    task : {"auto", "regression", "classification"}, default="auto"
        What `y` is, see `NeuronSelector`.

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
    X = as_columns(X)
    Y = target_columns(y, task).columns
    return strongest(StandardizedColumns(X).transpose_dot(Y) / X.shape[0])


def separation_score(X, y, *, n_top=100, standardize=True, pad=False, task="auto"):
    """Mean target where each neuron fires strongest minus the mean where it is silent.

    The score is ``mean(y[top]) - mean(y[silent])``. `top` holds the `n_top` rows of
    largest activation among those above zero, all of them when there are fewer;
    `silent` holds the rows at zero or below. Of equal activations the earlier row
    comes first.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Activations.
    y : array-like of shape (n_samples,)
        Numbers or classes, see `correlation_score`.
    n_top : int, default=100
        Number of strongest rows, the value of [1]_.
    standardize : bool, default=True
        Divide by the standard error ``std(y) * sqrt(1 / n_top + 1 / n_silent)``. A
        neuron that fired on three rows reaches a large difference by chance; in
        standard errors it does not outrank a common one. The standard deviation is
        that of all of `y`: the one of three rows may well be zero. With False the
        score is the plain difference, in units of `y` (or a difference of shares
        for classes).
    pad : bool, default=False
        Fill `top` up to `n_top` rows with silent ones, first rows first, where a
        neuron fires on fewer. This is what HypotheSAEs 2.0.1 computes; it exists for
        comparison, because it dilutes rare neurons and gives dead ones a score.
    task : {"auto", "regression", "classification"}, default="auto"
        What `y` is, see `NeuronSelector`.

    Returns
    -------
    ndarray of shape (n_features,)
        Scores; 0 for a neuron without strong or without silent rows.

    References
    ----------
    .. [1] R. Movva, K. Peng, N. Garg, J. Kleinberg, E. Pierson, "Sparse autoencoders
       for hypothesis generation", ICML 2025, https://arxiv.org/abs/2502.04382

    Examples
    --------
    >>> from sklearn_hsae.selection import separation_score
    >>> X = [[0.0, 1.0], [0.0, 0.0], [2.0, 0.0], [3.0, 1.0]]
    >>> separation_score(X, [1.0, 2.0, 4.0, 5.0], standardize=False).round(2) + 0.0
    array([3., 0.])
    """
    X = as_columns(X)
    target = target_columns(y, task)
    Y = target.columns
    n_active = count_active(X)
    n_silent = X.shape[0] - n_active
    silent_sum = Y.sum(axis=0) - active_entries(X).T @ Y
    top_sum = _top_entries(X, n_top).T @ Y
    n_strong = np.minimum(n_active, n_top)
    if pad:
        padding = _padding_rows(X, n_top - n_strong)
        top_sum += padding.T @ Y[: len(padding)]
        n_strong = n_strong + padding.sum(axis=0)
    # Counts of zero are kept from dividing; their scores are set to 0 below.
    top_share = 1.0 / np.maximum(n_strong, 1)[:, np.newaxis]
    silent_share = 1.0 / np.maximum(n_silent, 1)[:, np.newaxis]
    scores = top_sum * top_share - silent_sum * silent_share
    if standardize:
        scores /= np.sqrt(top_share + silent_share)
    else:
        scores *= target.scale
    scores[(n_strong == 0) | (n_silent == 0)] = 0.0
    return strongest(scores)


def _top_entries(X, n_top):
    """1.0 at the `n_top` largest entries above zero of each column of `X`."""
    column = np.repeat(np.arange(X.shape[1]), np.diff(X.indptr))
    order = np.lexsort((-X.data, column))  # stable: equal entries stay in row order
    rank = np.arange(len(order)) - X.indptr[column]
    kept = order[(rank < n_top) & (X.data[order] > 0)]
    ones = np.ones(len(kept))
    return sparse.csc_array((ones, (X.indices[kept], column[kept])), shape=X.shape)


def _padding_rows(X, n_missing):
    """1.0 at the first `n_missing` silent rows of each column of `X`.

    Only the head of `X` is looked at: a column that lacks rows fires on few, so its
    first silent rows come early.
    """
    n_active = count_active(X)
    depth = int(np.where(n_missing > 0, n_missing + n_active, 0).max(initial=0))
    is_silent = sparse.csr_array(X)[:depth].toarray() <= 0
    is_first = is_silent.cumsum(axis=0) <= n_missing
    return (is_silent & is_first).astype(np.float64)


def strongest(scores):
    """Of the scores of each row, (n_features, n_targets), the one farthest from 0."""
    best = np.abs(scores).argmax(axis=1)
    return scores[np.arange(len(scores)), best]
