"""Columns that a user names, in the place of a choice by their relation to y."""

import warnings
from numbers import Integral

import numpy as np

from sklearn_hsae.selection._columns import count_active


def find_columns(columns, names, activations):
    """Find the columns that a user wants to keep.

    Parameters
    ----------
    columns : sequence of int or str
        Indices or names.
    names : list of str of length n_neurons
    activations : csc array of shape (n_samples, n_neurons)
        A warning says which of the columns fire on no row.

    Returns
    -------
    ndarray of int
        Indices, in the order of `columns`.

    Raises
    ------
    ValueError
        When a column does not exist, none is named, or one is named twice.
    """
    found = [_position(column, names) for column in columns]
    if not found or len(set(found)) < len(found):
        raise ValueError(
            f"columns must name one or more columns of X, each once; got {columns!r}."
        )
    n_active = count_active(activations)
    dead = [names[column] for column in found if n_active[column] == 0]
    if dead:
        warnings.warn(
            f"columns names neurons that fire on no row: {', '.join(dead)}.",
            UserWarning,
            stacklevel=4,
        )
    return np.array(found, dtype=np.intp)


def _position(column, names):
    if isinstance(column, str) and column in names:
        return names.index(column)
    is_index = isinstance(column, Integral) and not isinstance(column, bool)
    if is_index and 0 <= column < len(names):
        return int(column)
    raise ValueError(
        f"columns names {column!r}, which X does not have. X has {len(names)} columns, "
        f"{names[0]!r} to {names[-1]!r}."
    )
