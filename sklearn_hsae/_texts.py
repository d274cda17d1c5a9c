"""How texts travel through a scikit-learn Pipeline: in the row index.

A step that knows the texts returns a DataFrame whose row index has a level named
``"text"``. Every later step of this package keeps that row index, scikit-learn's
own steps keep it after ``set_output(transform="pandas")``, and the steps that read
texts find them there. The level is named, so that a frame indexed by document ids
is never mistaken for one that carries texts.
"""

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import check_consistent_length

TEXT_LEVEL = "text"
_MAX_ROWS_IN_MESSAGE = 10


def with_texts(X, texts):
    """Attach texts to the rows of precomputed numbers.

    The result enters a pipeline behind the embedding step: its numbers are the
    embeddings (or activations), and the steps that read texts find them in the
    row index.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        The numbers. A DataFrame keeps its index and its column names; the numbers
        of an array are not copied.
    texts : sequence of str of length n_samples
        One text for each row: list, tuple, array, or a pandas or polars Series.
        The index of a pandas Series is kept when `X` is no DataFrame.

    Returns
    -------
    DataFrame of shape (n_samples, n_features)
        `X` with one more row-index level, named ``"text"``.

    Raises
    ------
    ValueError
        When the lengths differ, or a text is missing, empty or not a string.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_hsae import with_texts
    >>> frame = with_texts(np.eye(2), ["slow service", "good food"])
    >>> frame.index.names
    FrozenList([None, 'text'])
    >>> frame.index.get_level_values("text").tolist()
    ['slow service', 'good food']
    """
    strings = check_texts(texts, "with_texts")
    check_consistent_length(X, strings)
    if isinstance(X, pd.DataFrame):
        return X.set_axis(_append_texts(drop_texts(X).index, strings))
    index = _append_texts(_without_texts(row_index(texts)), strings)
    columns = getattr(X, "columns", None)  # a polars frame has names, but no index
    X = X if sparse.issparse(X) else np.asarray(X)
    if X.ndim != 2:
        raise ValueError(
            "with_texts expects numbers of shape (n_samples, n_features), got "
            f"{X.shape}."
        )
    if columns is None:
        columns = [f"x{i}" for i in range(X.shape[1])]
    if sparse.issparse(X):
        return pd.DataFrame.sparse.from_spmatrix(X, index=index, columns=columns)
    return pd.DataFrame(X, index=index, columns=columns, copy=False)


def drop_texts(X):
    """Remove the texts from the row index again.

    Use it where rows with and rows without texts are put side by side, as in a
    FeatureUnion of concepts and embeddings under ``set_output(transform="pandas")``.

    Parameters
    ----------
    X : DataFrame or any other object
        What a step of a pipeline returned.

    Returns
    -------
    DataFrame or the object itself
        `X` without the row-index level ``"text"``. Anything that carries no such
        level is returned as it is.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_hsae import drop_texts, with_texts
    >>> drop_texts(with_texts(np.eye(2), ["a", "b"])).index.tolist()
    [0, 1]
    """
    if not carries_texts(X):
        return X
    return X.set_axis(_without_texts(X.index))


def _without_texts(index):
    if TEXT_LEVEL not in index.names:
        return index
    if index.nlevels == 1:
        return pd.RangeIndex(len(index))
    return index.droplevel(TEXT_LEVEL)


def carries_texts(X):
    """Whether `X` is a frame with a row-index level named "text"."""
    return isinstance(X, pd.DataFrame) and TEXT_LEVEL in X.index.names


def get_texts(X, texts, estimator):
    """Return the text of each row as an object array; explicit `texts` win."""
    name = type(estimator).__name__
    if texts is not None:
        strings = check_texts(texts, name)
        check_consistent_length(X, strings)
        return strings
    if carries_texts(X):
        return check_texts(X.index.get_level_values(TEXT_LEVEL), name)
    raise ValueError(
        f"{name} reads the text of each row, but X carries none. Pass a DataFrame "
        "with a row-index level named 'text' (sklearn_hsae.with_texts makes one), or "
        "pass texts= to this method. If a step before it returned a plain array, "
        "call pipeline.set_output(transform='pandas')."
    )


def check_texts(texts, name):
    """Return `texts` as a 1-d object array of str, or say which rows are wrong."""
    if isinstance(texts, str | bytes):
        raise ValueError(
            f"{name} expects a sequence of texts, got one {type(texts).__name__}. "
            "Pass [text] for a single text."
        )
    if sparse.issparse(texts) or not hasattr(texts, "__len__"):
        raise ValueError(
            f"{name} expects a sequence of texts (list, tuple, array, Series or "
            f"one-column frame), got {type(texts).__name__}."
        )
    values = _object_array(texts)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(
            f"{name} expects one text a row, got an input of shape {values.shape}. "
            "Select the column that holds the texts, e.g. frame['text']."
        )
    if len(values) == 0:
        raise ValueError(f"{name} got no texts: a minimum of 1 is required.")
    _check_each(values, name)
    return values


def _object_array(texts):
    if isinstance(texts, list | tuple):
        values = np.empty(len(texts), dtype=object)
        for i, text in enumerate(texts):  # values[:] = texts would unpack nested lists
            values[i] = text
        return values
    return np.asarray(texts, dtype=object)


def _check_each(values, name):
    is_text = np.fromiter((isinstance(v, str) for v in values), bool, len(values))
    is_missing = np.zeros(len(values), dtype=bool)
    is_missing[~is_text] = [_is_missing(v) for v in values[~is_text]]
    is_empty = np.fromiter(
        (isinstance(v, str) and not v.strip() for v in values), bool, len(values)
    )
    problems = [
        _describe_rows(label, rows)
        for label, rows in (
            ("missing (None or NaN)", is_missing),
            ("not a string", ~is_text & ~is_missing),
            ("empty", is_empty),
        )
        if rows.any()
    ]
    if problems:
        foreign = values[~is_text & ~is_missing]
        hint = f" ({type(foreign[0]).__name__})" if len(foreign) else ""
        raise ValueError(
            f"{name} expects a non-empty string in every row. Got: "
            f"{'; '.join(problems)}{hint}. Drop these rows from the texts and from y, "
            "or fill them in."
        )


def _is_missing(value):
    missing = pd.isna(value)
    return bool(missing) if np.ndim(missing) == 0 else False


def _describe_rows(label, mask):
    rows = np.flatnonzero(mask)
    shown = ", ".join(map(str, rows[:_MAX_ROWS_IN_MESSAGE]))
    more = ", ..." if len(rows) > _MAX_ROWS_IN_MESSAGE else ""
    return f"{len(rows)} {label} at row position {shown}{more}"


def row_index(X):
    """The pandas index that belongs to the rows of `X`, a RangeIndex by default."""
    if isinstance(X, pd.DataFrame | pd.Series):
        return X.index
    return pd.RangeIndex(X.shape[0] if hasattr(X, "shape") else len(X))


def _append_texts(rows, strings):
    # factorize hashes; the ordinary constructors of a MultiIndex sort long strings.
    text_codes, text_values = pd.factorize(strings)
    if isinstance(rows, pd.MultiIndex):
        levels, codes = list(rows.levels), list(rows.codes)
    else:
        row_codes, row_values = pd.factorize(rows)
        levels, codes = [row_values], [row_codes]
    return pd.MultiIndex(
        levels=[*levels, pd.Index(text_values, dtype=object)],
        codes=[*codes, text_codes],
        names=[*rows.names, TEXT_LEVEL],
        verify_integrity=False,
    )


def frame_like(values, X, columns):
    """`values` as a frame with the row index of `X`; as they are if X is no frame."""
    if not isinstance(X, pd.DataFrame):
        return values
    if sparse.issparse(values):
        return pd.DataFrame.sparse.from_spmatrix(values, index=X.index, columns=columns)
    return pd.DataFrame(values, index=X.index, columns=columns, copy=False)
