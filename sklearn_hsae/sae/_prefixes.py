"""Nested sizes of the autoencoder, as the user gives them."""

from itertools import pairwise
from numbers import Integral

import numpy as np


def resolve_prefixes(prefixes, n_neurons):
    """Return the prefixes as growing ints that end in `n_neurons`.

    Parameters
    ----------
    prefixes : sequence of int or float, or None
        Sizes, or fractions of `n_neurons`; `n_neurons` itself is appended when
        absent. None is the full size alone.
    n_neurons : int

    Raises
    ------
    ValueError
        When they do not grow, or leave the range from 1 to `n_neurons`.
    """
    given = [] if prefixes is None else list(prefixes)
    sizes = [prefix_size(prefix, n_neurons) for prefix in given]
    if not sizes or sizes[-1] != n_neurons:
        sizes.append(n_neurons)
    if any(later <= earlier for earlier, later in pairwise(sizes)):
        raise ValueError(
            f"prefixes must grow and be at most n_neurons={n_neurons}, got {given} "
            f"(sizes {sizes}). For example prefixes=(0.125, 1.0)."
        )
    return tuple(sizes)


def prefix_size(prefix, n_neurons):
    """Number of neurons in a prefix given as an int or as a fraction."""
    is_int = isinstance(prefix, Integral) and not isinstance(prefix, bool)
    if is_int and 1 <= prefix <= n_neurons:
        return int(prefix)
    if isinstance(prefix, float) and 0.0 < prefix <= 1.0:
        return max(1, round(prefix * n_neurons))
    raise ValueError(
        f"Each prefix must be an int from 1 to n_neurons={n_neurons} or a float in "
        f"(0, 1], a fraction of it; got {prefix!r}."
    )


def resolve_prefix_weights(prefix_weights, n_prefixes):
    """Return one weight a prefix, with sum 1; equal ones when None is given."""
    if prefix_weights is None:
        return np.full(n_prefixes, 1.0 / n_prefixes)
    weights = np.asarray(prefix_weights, dtype=np.float64)
    if weights.shape != (n_prefixes,) or not (weights >= 0).all() or not weights.any():
        raise ValueError(
            f"prefix_weights must be {n_prefixes} numbers >= 0, not all 0, one for "
            f"each prefix (the full size included), got {prefix_weights!r}."
        )
    return weights / weights.sum()
