"""Westfall and Young's step-down min p: a correction that knows how tests are related.

Westfall & Young (1993). Resampling-Based Multiple Testing, algorithm 2.8.
"""

import numpy as np

# A concept with more rows than this has a nearly normal coefficient: Holm's correction
# is then as good, and needs no permutation.
FEW_ROWS = 200
_N_PERMUTATIONS = 999
_PER_ALPHA = 10  # least number of possible p-values below alpha
_SEED = 0  # the same table from the same rows
_MAX_VALUES = 20_000_000  # permuted values in all: about two seconds
_VALUES_PER_CHUNK = 2_000_000


def choose_n_permutations(n_rows, alpha):
    """How many permutations a test at `alpha` takes; 0 where they would be slow."""
    number = max(_N_PERMUTATIONS, round(_PER_ALPHA / alpha) - 1)
    return number if n_rows * number <= _MAX_VALUES else 0


def step_down_min_p(p, test, values, number, *, signs=False):
    """Correct p-values by what the smallest of them is when nothing has an effect.

    Parameters
    ----------
    p : ndarray of shape (n_tests,)
        Without a NaN.
    test : callable
        Takes permuted values, an ndarray of shape (n_rows, n_draws), and returns the
        p-values of each draw, of shape (n_tests, n_draws).
    values : ndarray of shape (n_rows,)
        What is permuted: exchangeable when nothing has an effect.
    number : int
        How many permutations.
    signs : bool, default=False
        Draw a sign for each value instead of an order: for values that are symmetric
        about 0 when nothing has an effect.

    Returns
    -------
    ndarray of shape (n_tests,)
        Not below `p`, nor below 1 / (number + 1).
    """
    rng = np.random.default_rng(_SEED)
    order = np.argsort(p, kind="stable")
    threshold = p[order, None] * (1 + 1e-9)  # equal but for rounding is equal
    n_as_small = np.zeros(len(p))
    chunk = max(1, _VALUES_PER_CHUNK // len(values))
    for start in range(0, number, chunk):
        n_draws = min(chunk, number - start)
        permuted = np.tile(values, (n_draws, 1))
        if signs:
            permuted *= rng.choice((-1.0, 1.0), permuted.shape)
        else:
            permuted = rng.permuted(permuted, axis=1)
        drawn = test(permuted.T)[order]
        # The k-th smallest competes with itself and those that follow.
        smallest = np.minimum.accumulate(drawn[::-1], axis=0)[::-1]
        n_as_small += (smallest <= threshold).sum(axis=1)
    corrected = np.empty(len(p))
    corrected[order] = np.maximum.accumulate((1 + n_as_small) / (1 + number))
    return np.maximum(corrected, p)
