"""Chunks of rows, so that work on a large matrix needs no copy of it."""

# Up to this many values are one chunk. Chunks of more fit into a processor's cache.
_VALUES_OF_ONE_CHUNK = 2_000_000
_VALUES_PER_CHUNK = 500_000


def row_chunks(n_rows, n_columns):
    """Slices of rows: copies of them need little memory.

    Parameters
    ----------
    n_rows, n_columns : int

    Returns
    -------
    list of slice
    """
    if n_rows * n_columns <= _VALUES_OF_ONE_CHUNK:
        return [slice(0, n_rows)]
    step = max(1, _VALUES_PER_CHUNK // n_columns)
    return [slice(first, first + step) for first in range(0, n_rows, step)]
