"""How texts travel through a scikit-learn Pipeline: in the row index.

A step that knows the texts returns a DataFrame. The last level of its row index is
named ``"text"`` and contains the texts. All later steps of this package keep this row
index, and scikit-learn's own steps keep it after ``set_output(transform="pandas")``. So
the steps that read texts find them there. The level has a name, so that document ids in
an index are never mistaken for texts.
"""

import functools
import warnings
from collections.abc import Iterator, KeysView, Mapping, Set, ValuesView

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import check_consistent_length

from sklearn_hsae._sklearn_compat import in_chosen_container

TEXT_LEVEL = "text"
_MAX_ROWS_IN_MESSAGE = 10
_MAX_COLUMNS_IN_MESSAGE = 3
_GIVE_TEXTS = (
    "A meta-estimator such as BaggingRegressor turns frames into arrays: pass it the "
    "texts, as an array of shape (n_samples, 1)."
)


def with_texts(X, texts):
    """Attach texts to the rows of precomputed numbers.

    The result enters a pipeline after the embedding step: its numbers are the
    embeddings (or activations), and the steps that read texts find them in the
    row index.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        The numbers. A DataFrame keeps its index and its column names; the numbers
        of an array are not copied.
    texts : sequence of str of length n_samples
        One text per row: list, tuple, array, or a pandas or polars Series. The index
        of a pandas Series is kept when `X` is not a DataFrame. A text may be empty, and
        a warning names the rows: in ``transform`` and ``predict`` it counts as a text
        without any concept, in ``fit`` it is an error.

    Returns
    -------
    DataFrame of shape (n_samples, n_features)
        `X` with one more row-index level at the end, named ``"text"``.

    Raises
    ------
    ValueError
        When the lengths differ, or a text is missing or not a string.

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
    strings = check_texts(texts, "with_texts", allow_empty=True)
    warn_of_empty(strings)
    return attach_texts(X, texts, strings)


def attach_texts(X, texts, strings):
    """`with_texts` for checked texts: `strings` are the texts in `texts`."""
    check_consistent_length(X, strings)
    if isinstance(X, pd.DataFrame):
        return X.set_axis(_append_texts(_own_index(X.index), strings))
    index = _append_texts(_own_index(row_index(texts)), strings)
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
    """Remove the texts from the row index.

    Use it where frames with and without texts are joined: in a FeatureUnion or a
    ColumnTransformer with ``set_output(transform="pandas")``, for example
    ``make_pipeline(embed, sae, FunctionTransformer(drop_texts))``.

    Parameters
    ----------
    X : DataFrame or any other object
        Output of a step of a pipeline.

    Returns
    -------
    DataFrame or the object itself
        `X` without the row-index level ``"text"``. An object without this level is
        returned unchanged.

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


def _text_level(index):
    """Position of the level with the texts: the last one of this name, or None.

    The index of the caller may have a level of the same name; it comes before ours.
    """
    positions = [i for i, name in enumerate(index.names) if name == TEXT_LEVEL]
    return positions[-1] if positions else None


def _without_texts(index):
    level = _text_level(index)
    if level is None:
        return index
    if index.nlevels == 1:
        return pd.RangeIndex(len(index))
    return index.droplevel(level)


def _own_index(index):
    """The index without texts that `with_texts` attached before.

    A single level named "text" belongs to the caller: `with_texts` makes two or more.
    """
    return index if index.nlevels == 1 else _without_texts(index)


def carries_texts(X):
    """Whether `X` is a frame with a row-index level named "text"."""
    return isinstance(X, pd.DataFrame) and _text_level(X.index) is not None


def get_texts(X, texts, estimator, *, allow_empty=False):
    """Return the text of each row as an object array; explicit `texts` win.

    Parameters
    ----------
    X : object
        Input of `estimator`.
    texts : sequence of str or None
    estimator : object
        Its class is named in error messages.
    allow_empty : bool
        See `check_texts`.
    """
    name = type(estimator).__name__
    if texts is None and not carries_texts(X):
        raise ValueError(
            f"{name} reads the text of each row, but X carries no texts. "
            f"{_where_texts_were_lost(X)} Or pass texts= to this method, or a frame "
            "that sklearn_hsae.with_texts(X, texts) made."
        )
    if texts is None:
        texts = X.index.get_level_values(_text_level(X.index))
    strings = check_texts(texts, name, allow_empty=allow_empty)
    check_consistent_length(X, strings)
    return strings


def _where_texts_were_lost(X):
    """Describe which step may have dropped the texts, and how to prevent it."""
    if isinstance(X, pd.DataFrame):
        columns = [repr(column) for column in X.columns[:_MAX_COLUMNS_IN_MESSAGE]]
        more = ", ..." if X.shape[1] > _MAX_COLUMNS_IN_MESSAGE else ""
        return (
            "X is a DataFrame without a row-index level named 'text' (its columns are "
            f"{', '.join(columns)}{more}). If a step was added or replaced, call "
            "pipeline.set_output(transform='pandas') again. If a sampler dropped that "
            f"level, put it before the embedding, where it draws texts. {_GIVE_TEXTS}"
        )
    if type(X).__module__.split(".")[0] == "polars":
        return (
            "X is a polars frame, which has no row index to carry texts. A step of "
            "another package returned it: call set_output(transform='pandas') on that "
            "step. Steps of sklearn_hsae pass texts on under "
            "set_output(transform='polars') as well."
        )
    kind = "sparse matrix" if sparse.issparse(X) else "plain array"
    return (
        f"X is a {kind}, which an earlier step returned. Call "
        "pipeline.set_output(transform='pandas'); call it again after set_params has "
        f"added a step such as PCA(). {_GIVE_TEXTS}"
    )


def check_texts(texts, name, *, allow_empty=False):
    """Return `texts` as a 1-d object array of str. Errors name the wrong rows.

    Parameters
    ----------
    texts : sequence of str
    name : str
        Name of the caller, for error messages.
    allow_empty : bool
        Whether to accept empty texts, and no text at all. `transform` does, because one
        empty text must not stop the others, and a week may have no text. `fit` does
        not, because it cannot learn from them.
    """
    if isinstance(texts, str | bytes):
        raise ValueError(
            f"{name} expects a sequence of texts, got one {type(texts).__name__}. "
            "Pass [text] for a single text."
        )
    values = _object_array(texts, name)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(
            f"{name} expects one text per row, got an input of shape {values.shape}. "
            "Select the column that holds the texts, e.g. frame['text']."
        )
    if len(values) == 0 and not allow_empty:
        raise ValueError(f"{name} got no texts: a minimum of 1 is required.")
    _check_each(values, name, allow_empty)
    return values


def are_empty(strings):
    """Mask of the texts with nothing but white space."""
    return np.fromiter((not text.strip() for text in strings), bool, len(strings))


def warn_of_empty(strings):
    """Warn about empty texts and say how they are treated."""
    is_empty = are_empty(strings)
    if is_empty.any():
        n_empty = is_empty.sum()
        noun, verb = ("text", "It counts as a text")
        if n_empty > 1:
            noun, verb = ("texts", "They count as texts")
        warnings.warn(
            f"Got {_describe_rows(f'empty {noun}', is_empty)}. {verb} without any "
            "concept.",
            UserWarning,
            stacklevel=3,
        )


def readable(text):
    """Replace halves of surrogate pairs, left by broken decoding, which have no UTF-8.

    Two halves that belong together become the character they stand for.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class CarriesTextsMixin:
    """`set_output` for steps whose frames may carry texts.

    A frame with texts stays a pandas frame, also with
    ``set_output(transform="polars")``: polars has no row index, and later steps need
    the texts. All other output is converted as `set_output` says.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name in ("transform", "fit_transform"):
            method = getattr(cls, name)
            if not hasattr(method, "keeps_texts"):
                # scikit-learn has wrapped it; __wrapped__ is the method itself.
                setattr(cls, name, _keeping_texts(method.__wrapped__))


def texts_tags(tags):
    """The tags of a transformer whose input are texts; `tags` are changed."""
    tags.input_tags.string = True
    tags.input_tags.two_d_array = False
    tags.transformer_tags.preserves_dtype = []
    return tags


def _keeping_texts(method):
    @functools.wraps(method)
    def kept(self, X, *args, **kwargs):
        returned = method(self, X, *args, **kwargs)
        if carries_texts(returned):
            return returned
        return in_chosen_container(returned, X, self)

    kept.keeps_texts = True
    return kept


def _object_array(texts, name):
    if hasattr(texts, "__array__") and not sparse.issparse(texts):
        return np.asarray(texts, dtype=object)
    if not _is_ordered(texts):
        raise ValueError(
            f"{name} expects a sequence of texts (list, tuple, array, Series or "
            f"one-column frame), got {type(texts).__name__}. {_remedy(texts)}".rstrip()
        )
    values = np.empty(len(texts), dtype=object)
    for i, text in enumerate(texts):  # values[:] = texts would unpack nested lists
        values[i] = text
    return values


def _is_ordered(texts):
    """Whether `texts` has a length and an order: sequences, deques, views of a dict."""
    if sparse.issparse(texts) or isinstance(texts, Mapping):
        return False
    is_sequence = hasattr(texts, "__len__") and hasattr(texts, "__getitem__")
    return is_sequence or isinstance(texts, KeysView | ValuesView)


def _remedy(texts):
    if isinstance(texts, Mapping):
        return "Pass its texts: list(texts.values())."
    if isinstance(texts, Set):
        return "A set has no fixed order, so y cannot match it: pass a list."
    if isinstance(texts, Iterator):
        return "It can be read only once: pass list(texts)."
    return ""


def _check_each(values, name, allow_empty):
    is_text = np.fromiter((isinstance(v, str) for v in values), bool, len(values))
    is_missing = np.zeros(len(values), dtype=bool)
    is_missing[~is_text] = [_is_missing(v) for v in values[~is_text]]
    is_empty = np.zeros(len(values), dtype=bool)
    if not allow_empty:
        is_empty[is_text] = are_empty(values[is_text])
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
        kind = "string" if allow_empty else "non-empty string"
        raise ValueError(
            f"{name} expects a {kind} in every row. Got: {'; '.join(problems)}{hint}. "
            "Drop these rows from the texts and from y, or fill them in."
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
    # factorize uses hashes. The usual constructors of a MultiIndex sort the strings,
    # which is slow for long texts.
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


def without_empty_texts(activations, X):
    """Set to 0 the activations of empty texts, where `X` carries texts.

    `activations` is an array, which is changed, or a csr matrix, which is copied.
    """
    if not carries_texts(X):
        return activations
    level = _text_level(X.index)
    texts = X.index.get_level_values(level)
    if not all(isinstance(text, str) for text in X.index.unique(level)):
        return activations  # the level "text" is the caller's own index
    is_empty = are_empty(texts)
    if not is_empty.any():
        return activations
    if sparse.issparse(activations):
        kept = sparse.diags_array(~is_empty, dtype=activations.dtype) @ activations
        kept.eliminate_zeros()
        return sparse.csr_matrix(kept)
    activations[is_empty] = 0
    return activations


def frame_like(values, X, columns):
    """`values` as a frame with the row index of `X`, or unchanged if X is no frame."""
    if not isinstance(X, pd.DataFrame):
        return values
    if sparse.issparse(values):
        return pd.DataFrame.sparse.from_spmatrix(values, index=X.index, columns=columns)
    return pd.DataFrame(values, index=X.index, columns=columns, copy=False)
