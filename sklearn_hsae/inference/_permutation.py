"""Westfall and Young's step-down min p: a correction that knows how tests are related.

Westfall & Young (1993). Resampling-Based Multiple Testing, algorithm 2.8.
Liu (1988). Bootstrap procedures under some non-i.i.d. models. Annals of Statistics 16.
"""

import numpy as np

# A concept with more rows than this has a nearly normal coefficient: Holm's correction
# is then as good, and needs no permutation.
FEW_ROWS = 200
_N_PERMUTATIONS = 999
# Normal noise exceeds it in 20 % of concepts of ten rows, and 2 % of those of fifty.
_UNEQUAL = 1.5
_PER_ALPHA = 10  # least number of possible p-values below alpha
_SEED = 0  # the same table from the same rows
_MAX_VALUES = 20_000_000  # values drawn in all: two seconds, with signs four
_VALUES_PER_CHUNK = 2_000_000


def choose_n_permutations(n_rows, alpha):
    """How many permutations a test at `alpha` takes; 0 where they would be slow."""
    number = max(_N_PERMUTATIONS, round(_PER_ALPHA / alpha) - 1)
    return number if n_rows * number <= _MAX_VALUES else 0


def step_down_min_p(p, test, values, number, *, by_orders=True, by_signs=False):
    """Correct p-values by what the smallest of them is when nothing has an effect.

    Parameters
    ----------
    p : ndarray of shape (n_tests,)
        Without a NaN.
    test : callable
        Takes drawn values, an ndarray of shape (n_rows, n_draws), and returns the
        p-values of each draw, of shape (n_tests, n_draws).
    values : ndarray of shape (n_rows,)
        What is left of the outcome when nothing has an effect.
    number : int
        Number of orders, and of draws of signs.
    by_orders : bool, default=True
        Draw other orders of the values: they are exchangeable.
    by_signs : bool or bool ndarray of shape (n_tests,), default=False
        The tests for which other signs of the values are drawn: they are symmetric
        about 0. With both, the larger corrected p-value counts.

    Returns
    -------
    ndarray of shape (n_tests,)
        Not below `p`, nor below 1 / (number + 1).

    Notes
    -----
    An order moves the noise of the rows with a concept to other rows. Where this noise
    is three times that of the others, or where rows have sampling weights, orders alone
    found a false hypothesis in 13 to 28 % of noise. A sign leaves each value in its row
    (wild bootstrap, Liu 1988), but makes a skewed outcome symmetric.
    """
    corrected = p
    if by_orders:
        corrected = np.maximum(p, _step_down(p, test, values, number, signs=False))
    if np.any(by_signs):
        drawn = _step_down(p, test, values, number, signs=True)
        corrected = np.maximum(corrected, np.where(by_signs, drawn, 0.0))
    return corrected


def needs_signs(robust, classical, weights):
    """The tests whose rows have other noise, by a variance that allows for it.

    With weights these are all tests: sampling weights say nothing of the noise.

    Parameters
    ----------
    robust, classical : ndarray of shape (n_tests,)
        Variances that allow for unequal noise, and those that do not.
    weights : ndarray of shape (n_rows,)

    Returns
    -------
    bool ndarray of shape (n_tests,)
    """
    return (robust > _UNEQUAL * classical) | (np.ptp(weights) > 0)


def _step_down(p, test, values, number, signs):
    """Corrected p-values by other orders of the values, or by other signs."""
    rng = np.random.default_rng(_SEED)
    order = np.argsort(p, kind="stable")
    threshold = p[order, None] * (1 + 1e-9)  # equal but for rounding is equal
    n_as_small = np.zeros(len(p))
    chunk = max(1, _VALUES_PER_CHUNK // len(values))
    for start in range(0, number, chunk):
        n_draws = min(chunk, number - start)
        drawn_values = np.tile(values, (n_draws, 1))
        if signs:
            drawn_values *= rng.choice((-1.0, 1.0), drawn_values.shape)
        else:
            drawn_values = rng.permuted(drawn_values, axis=1)
        drawn = test(drawn_values.T)[order]
        # The k-th smallest competes with itself and those that follow.
        smallest = np.minimum.accumulate(drawn[::-1], axis=0)[::-1]
        n_as_small += (smallest <= threshold).sum(axis=1)
    corrected = np.empty(len(p))
    corrected[order] = np.maximum.accumulate((1 + n_as_small) / (1 + number))
    return corrected
