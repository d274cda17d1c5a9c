"""How much better the text with a concept is, where one text of a pair has it."""

import numpy as np
from scipy import stats

from sklearn_hsae.inference._permutation import FEW_ROWS, step_down_min_p

_N_SIGNS = 9_999  # p is not below 1 in 10,000 where signs are drawn
_SEED = 0  # the same table from the same rows
_EQUAL = 1e-9  # relative: equal but for rounding


def compare_pairs(difference, y, weights, *, clusters=None, n_permutations=0):
    """Compare the two texts of the pairs of which only one has a concept.

    Parameters
    ----------
    difference : ndarray of shape (n_pairs, n_concepts)
        1 where only the first text has the concept, -1 where only the second has it, 0
        elsewhere.
    y : ndarray of shape (n_pairs,)
        Outcome of the first text minus that of the second, or 0.5 where the first is
        better and -0.5 where the second is.
    weights : ndarray of shape (n_pairs,)
        Greater than 0; their mean does not matter.
    clusters : int ndarray of shape (n_pairs,), default=None
        The number of each pair's cluster, where pairs are not independent.
    n_permutations : int, default=0
        Correct the p-values by as many draws of signs, if some concept has few pairs. 0
        for none.

    Returns
    -------
    separation : ndarray of shape (n_concepts,)
        Weighted mean, over the pairs of which one text has the concept, of the outcome
        of this text minus that of the other. NaN where there is no such pair.
    p : ndarray of shape (n_concepts,)
        NaN where fewer than two pairs (or clusters) say something.
    p_corrected : ndarray of shape (n_concepts,), or None without drawn signs

    Notes
    -----
    If the concept does not matter, either text of a pair is as likely to be the better
    one, so each pair's contribution is as likely to have the other sign. The test of
    such signs is exact whatever the distribution of y is. For equal contributions, as
    of a plain win or loss, it is the binomial sign test.
    """
    gains = difference * (weights * y)[:, None]
    counted = np.abs(difference) * weights[:, None]
    with np.errstate(invalid="ignore"):
        separation = gains.sum(axis=0) / counted.sum(axis=0)
    p = sign_test(difference, weights * y, clusters)
    if not n_permutations or not (np.count_nonzero(gains, axis=0) < FEW_ROWS).any():
        return separation, p, None
    tested = ~np.isnan(p)
    roots = np.sqrt(np.square(gains[:, tested]).sum(axis=0))[:, None]

    def approximate(outcomes):
        sums = difference[:, tested].T @ (weights[:, None] * outcomes)
        return 2 * stats.norm.sf(np.abs(sums) / roots)

    p_corrected = np.full(len(p), np.nan)
    first = approximate(y[:, None])[:, 0]
    p_corrected[tested] = step_down_min_p(
        first, approximate, y, n_permutations, by_orders=False, by_signs=True
    )
    return separation, p, np.fmax(p_corrected, p)


def sign_test(difference, y, clusters=None):
    """Two-sided p-values of the sums of the signed outcomes.

    Parameters
    ----------
    difference : ndarray of shape (n_pairs, n_concepts)
    y : ndarray of shape (n_pairs,)
    clusters : int ndarray of shape (n_pairs,), default=None
        The pairs of a cluster have one sign together.

    Returns
    -------
    ndarray of shape (n_concepts,)
        NaN where fewer than two contributions are not 0.
    """
    p = np.full(difference.shape[1], np.nan)
    for j, column in enumerate(difference.T):
        gains = column * y
        if clusters is not None:
            gains = np.bincount(clusters, gains)
        gains = gains[gains != 0]
        if len(gains) > 1:
            p[j] = _p_of_signs(gains)
    return p


def _p_of_signs(gains):
    sizes, total = np.abs(gains), abs(gains.sum())
    if np.ptp(sizes) <= _EQUAL * sizes.max():
        n_wins = int((gains > 0).sum())
        return stats.binomtest(n_wins, len(gains)).pvalue
    if len(gains) >= FEW_ROWS:  # conservative: the tails of such sums are lighter
        return 2 * stats.norm.sf(total / np.sqrt(np.square(gains).sum()))
    rng = np.random.default_rng(_SEED)
    is_plus = rng.integers(2, size=(_N_SIGNS, len(gains)), dtype=np.uint8)
    sums = 2 * (is_plus @ sizes) - sizes.sum()
    n_as_large = (np.abs(sums) >= total * (1 - _EQUAL)).sum()
    return (1 + n_as_large) / (1 + _N_SIGNS)
