"""A random sample of the rows of a file that may be larger than the memory."""

import numpy as np
import pandas as pd

from sklearn_hsae.datasets._file_kinds import iter_file, with_types
from sklearn_hsae.datasets._file_table import FileTable

_ROWS_PER_PIECE = 10_000


def sample_file(path, columns, encoding=None, *, max_rows, seed):
    """Read a file, and keep `max_rows` of its rows, drawn at random, or all.

    No more than a few times `max_rows` rows are in memory.

    Parameters
    ----------
    path, columns, encoding
        As in :func:`read_file`.
    max_rows : int
    seed : int

    Returns
    -------
    table : FileTable
        In the order of the file.
    n_rows : int
        Number of rows in the file.
    """
    rng = np.random.default_rng(seed)
    frames, numbers, keys, n_read = [], [], [], 0
    largest_key = 1.0  # of the rows that are kept
    for table in iter_file(path, columns, encoding, n_rows=_ROWS_PER_PIECE):
        n_read += len(table.frame)
        drawn = rng.random(len(table.frame))
        is_kept = drawn <= largest_key
        frames.append(table.frame[is_kept])
        numbers.append(table.numbers[is_kept])
        keys.append(drawn[is_kept])
        if sum(map(len, keys)) > 2 * max_rows:
            frames, numbers, keys = _with_smallest_keys(frames, numbers, keys, max_rows)
            largest_key = keys[0].max()
    (frame,), (numbers,), _ = _with_smallest_keys(frames, numbers, keys, max_rows)
    frame = with_types(path, frame.reset_index(drop=True), columns)
    return FileTable(frame, numbers, table.row_word), n_read


def _with_smallest_keys(frames, numbers, keys, max_rows):
    frame, numbers, keys = (
        pd.concat(frames),
        np.concatenate(numbers),
        np.concatenate(keys),
    )
    rows = np.sort(np.argsort(keys, kind="stable")[:max_rows])
    return [frame.iloc[rows]], [numbers[rows]], [keys[rows]]
