"""Exact tests of counts, for many features at once.

scipy's `fisher_exact` and `hypergeom` take about half a millisecond per feature, and
an autoencoder that reads a language model has 65,000. A normal approximation is no
substitute: with corpora of 40 and 3,960 texts and 200 features, it found something in
72 % of pure noise after Holm's correction, because its tails are too small.
"""

import numpy as np
from scipy import special

# A term of a tail below this share of the sum ends it.
_NEGLIGIBLE = 1e-13


def fisher_p(count_a, count_b, n_a, n_b):
    """Two-sided p-values of Fisher's exact test that two shares are equal.

    Parameters
    ----------
    count_a, count_b : ndarray of int of shape (n_features,)
        Texts of each corpus that have the feature.
    n_a, n_b : int or ndarray of int of shape (n_features,)
        Texts of each corpus.

    Returns
    -------
    ndarray of shape (n_features,)
        Twice the smaller tail, at most 1: the two-sided version that is valid for
        each direction (Fay 2010).
    """
    count_a, count_b = np.asarray(count_a, float), np.asarray(count_b, float)
    a_is_larger = count_a * n_b >= count_b * n_a
    count = np.where(a_is_larger, count_a, count_b)
    drawn = np.where(a_is_larger, n_a, n_b).astype(float)
    tail = _upper_tail(count, count_a + count_b, drawn, n_a + n_b)
    return np.minimum(2 * tail, 1.0)


def mcnemar_p(only_a, only_b):
    """Two-sided p-values of McNemar's exact test, of shape (n_features,).

    Parameters
    ----------
    only_a, only_b : ndarray of int of shape (n_features,)
        Pairs in which just the first, or just the second text has the feature.
    """
    smaller = np.minimum(only_a, only_b)
    n_pairs = np.add(only_a, only_b).astype(np.intp)
    return np.minimum(2 * special.bdtr(smaller, n_pairs, 0.5), 1.0)


def _upper_tail(count, n_with, drawn, n_texts):
    """P(at least `count` of the `drawn` texts are among the `n_with`), each an array.

    `count` is not below its expectation, so the terms of the sum fall.
    """
    term = np.exp(
        _log_choose(n_with, count)
        + _log_choose(n_texts - n_with, drawn - count)
        - _log_choose(n_texts, drawn)
    )
    tail = term.copy()
    while (term > _NEGLIGIBLE * tail).any():
        numerator = (n_with - count) * (drawn - count)
        term = term * numerator / ((count + 1) * (n_texts - n_with - drawn + count + 1))
        tail += term
        count = count + 1
    return tail


def _log_choose(n, k):
    return special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
