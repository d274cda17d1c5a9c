"""Read the activations for the analyses of corpora."""

import numpy as np
import pandas as pd
from sklearn.utils import check_array

from sklearn_hsae._sklearn_compat import get_feature_names
from sklearn_hsae.selection import as_columns


def read_activations(X):
    """The columns of `X`, sparse, and their names.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of shape (n_texts, n_features)

    Returns
    -------
    columns : csc array of float64 of shape (n_texts, n_features)
        No stored zeros.
    names : ndarray of str of shape (n_features,)
        Names of the columns; x0, x1, ... where `X` has none.

    Raises
    ------
    ValueError
        When `X` is a sequence of texts, or no table of finite numbers.
    """
    is_sequence = isinstance(X, list | tuple | pd.Series)
    if is_sequence and any(isinstance(row, str) for row in X):
        raise ValueError(
            "X must hold activations, one row per text, and got the texts themselves. "
            "Pass what an autoencoder or an interpreter returns for them, for example "
            "pipe[:3].transform(texts)."
        )
    names = get_feature_names(X)
    columns = as_columns(check_array(X, accept_sparse="csc", dtype=np.float64))
    if names is None:
        names = np.array([f"x{i}" for i in range(columns.shape[1])], dtype=object)
    return columns, np.asarray(names, dtype=object)


def strongest_rows(columns, j, n_rows, among=None):
    """Positions of the rows on which column `j` is largest, among those above 0.

    Parameters
    ----------
    columns : csc array of shape (n_texts, n_features)
    j : int
    n_rows : int
        Largest number of positions.
    among : bool ndarray of shape (n_texts,), default=None
        Rows that may be returned; None for all.

    Returns
    -------
    list of int
        Largest first; of equal ones the earlier row first.
    """
    entries = slice(columns.indptr[j], columns.indptr[j + 1])
    rows, values = columns.indices[entries], columns.data[entries]
    may_be = values > 0
    if among is not None:
        may_be &= among[rows]
    rows, values = rows[may_be], values[may_be]
    return rows[np.lexsort((rows, -values))[:n_rows]].tolist()
