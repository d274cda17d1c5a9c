"""How pairs of texts travel through a scikit-learn Pipeline: as twice as many rows.

A row of the input is a pair of texts. Behind the embedding it is two rows, one per
text: first all first texts, then all second ones in the same order. So the steps that
work on single texts need to know nothing of pairs. The row index has the level
`PAIR_LEVEL`, which says so, before the level of the texts. A step that needs one row
per pair takes the difference: first text minus second text.
"""

import numpy as np
import pandas as pd
from scipy import sparse

from sklearn_hsae._target import read_target
from sklearn_hsae._texts import (
    TEXT_LEVEL,
    attach_texts,
    check_texts,
    frame_like,
    row_index,
)

PAIR_LEVEL = "text of the pair"
_SIDES = ("first", "second")
_ROWS = tuple | list
_MAX_ROWS_IN_MESSAGE = 10


def check_texts_or_pairs(texts, name, *, allow_empty=False):
    """Return single texts, or pairs, as an object array of str.

    Parameters
    ----------
    texts : sequence of str, or of pairs of str; or a frame of one or two columns
    name : str
        Name of the caller, for error messages.
    allow_empty : bool
        Whether to accept empty texts, no row at all, and pairs of two equal texts.

    Returns
    -------
    ndarray of shape (n_samples,) or (n_samples, 2)
    """
    pairs = _as_pairs(texts, name)
    if pairs is None:
        return check_texts(texts, name, allow_empty=allow_empty)
    first, second = (
        check_texts(column, f"{name} ({side} texts)", allow_empty=allow_empty)
        for side, column in zip(_SIDES, pairs.T, strict=True)
    )
    if not allow_empty:
        _refuse_equal(first, second, name)
    return np.column_stack([first, second])


def _as_pairs(texts, name):
    """An array of shape (n_samples, 2), or None for rows of one text."""
    if isinstance(texts, str | bytes) or sparse.issparse(texts):
        return None
    if getattr(texts, "ndim", 1) == 2 or hasattr(texts, "columns"):
        n_columns = texts.shape[1]
        if n_columns > 2:
            shown = list(getattr(texts, "columns", range(n_columns)))[:5]
            raise ValueError(
                f"{name} expects one text per row, or two for pairs of texts. Got "
                f"{n_columns} columns, {str(shown)[1:-1]}. Select the column of the "
                "texts, e.g. frame['text'], or two columns, e.g. frame[['a', 'b']]."
            )
        return np.asarray(texts, dtype=object) if n_columns == 2 else None
    if not (hasattr(texts, "__len__") and hasattr(texts, "__iter__")):
        return None
    rows = list(texts)
    if not any(isinstance(row, _ROWS) for row in rows):
        return None
    is_pair = np.array([isinstance(row, _ROWS) and len(row) == 2 for row in rows])
    if not is_pair.all():
        wrong = np.flatnonzero(~is_pair)
        raise ValueError(
            f"{name} got pairs of texts, but {len(wrong)} of {len(rows)} rows are no "
            f"pair of two texts, at row position {_positions(wrong)}. Complete these "
            "rows, or drop them from the pairs and from y."
        )
    pairs = np.empty((len(rows), 2), dtype=object)
    for position, (first, second) in enumerate(rows):
        pairs[position] = first, second
    return pairs


def _refuse_equal(first, second, name):
    equal = np.flatnonzero(first == second)
    if len(equal):
        raise ValueError(
            f"{name} got {len(equal)} pairs of two equal texts, at row position "
            f"{_positions(equal)}. They cannot tell what makes a text better. Drop "
            "these rows from the pairs and from y."
        )


def _positions(rows):
    shown = ", ".join(map(str, rows[:_MAX_ROWS_IN_MESSAGE]))
    return f"{shown}, ..." if len(rows) > _MAX_ROWS_IN_MESSAGE else shown


def attach_texts_or_pairs(values, X, texts, names):
    """A frame that carries what `check_texts_or_pairs` returned.

    Parameters
    ----------
    values : ndarray of shape (n_texts, n_features) or (2 * n_pairs, n_features)
        Of pairs, all first texts come before all second ones.
    X : object
        Where the texts came from; a frame has a row index.
    texts : ndarray of str of shape (n_texts,) or (n_pairs, 2)
    names : sequence of str of length n_features

    Returns
    -------
    DataFrame
        The row index is that of `X` with the level "text"; see `_attach_pairs`.
    """
    attach = attach_texts if texts.ndim == 1 else _attach_pairs
    frame = attach(values, X, texts)
    frame.columns = names
    return frame


def _attach_pairs(vectors, X, pairs):
    """A frame of two rows per pair: all first texts, then all second ones.

    Parameters
    ----------
    vectors : ndarray of shape (2 * n_pairs, n_features)
    X : object
        Where the pairs came from; a frame has a row index.
    pairs : ndarray of str of shape (n_pairs, 2)

    Returns
    -------
    DataFrame
        The row index is that of `X`, twice, with the levels `PAIR_LEVEL` and "text".
    """
    rows = row_index(X)
    rows = rows.append(rows)
    sides = np.repeat(_SIDES, len(pairs))
    levels = [rows.get_level_values(i) for i in range(rows.nlevels)]
    index = pd.MultiIndex.from_arrays([*levels, sides], names=[*rows.names, PAIR_LEVEL])
    texts = pd.Series(pairs.T.ravel(), index=index, dtype=object)
    return attach_texts(vectors, texts, texts.to_numpy())


def carries_pairs(X):
    """Whether `X` is a frame of two rows per pair, whose order is then checked."""
    if not isinstance(X, pd.DataFrame):
        return False
    if list(X.index.names[-2:]) != [PAIR_LEVEL, TEXT_LEVEL]:
        return False
    _check_order(X)
    return True


def pair_difference(X):
    """First text minus second text, one row per pair; other input is returned as is.

    Parameters
    ----------
    X : DataFrame or any other object

    Returns
    -------
    DataFrame of n_pairs rows, with the row index of the caller; or `X`
    """
    if not carries_pairs(X):
        return X
    rows = pd.DataFrame(index=pair_index(X))
    return frame_like(side_difference(values_of(X)), rows, X.columns)


def pair_index(X):
    """The row index of the caller, one entry per pair."""
    return X.index[: len(X) // 2].droplevel([-2, -1])


def values_of(X):
    """The numbers of a frame, as an array or, from sparse columns, a csr array."""
    if X.shape[1] and all(isinstance(kind, pd.SparseDtype) for kind in X.dtypes):
        return sparse.csr_array(X.sparse.to_coo())
    return X.to_numpy()


def rows_of_texts(X, rows):
    """Positions in `X` of both texts of some pairs; those of single texts as they are.

    Parameters
    ----------
    X : DataFrame or any other object
    rows : int ndarray of shape (n_rows,)
        Positions of pairs, or of single texts.
    """
    return np.concatenate([rows, rows + len(X) // 2]) if carries_pairs(X) else rows


def check_single(annotations, caller):
    """Refuse annotations of pairs of texts, which have a -1.

    Parameters
    ----------
    annotations : ndarray
    caller : str
        For the message.
    """
    if (annotations < 0).any():
        raise ValueError(
            f"{caller} takes annotations of single texts, 1, 0 or NaN. Got "
            f"{np.nanmin(annotations):g}, as in annotations of pairs of texts. Judge "
            "the texts one by one: ConceptAnnotator on texts that are no pairs."
        )


def side_difference(values):
    """First half of the rows minus the second half."""
    n_pairs = values.shape[0] // 2
    return values[:n_pairs] - values[n_pairs:]


def mirrored(values):
    """The differences, and below them those of the swapped pairs.

    What is learnt from both does not depend on which text of a pair is the first.
    """
    difference = side_difference(values)
    stack = sparse.vstack if sparse.issparse(difference) else np.vstack
    return stack([difference, -difference])


def of_both_texts(values):
    """Values per pair, such as weights, once for each of its texts; None for None."""
    return None if values is None else np.tile(np.asarray(values), 2)


def mirrored_target(y, task, *, name="y"):
    """The outcome of each pair, and below it that of the swapped pairs.

    A quantity changes its sign; of two classes it is the other one.
    """
    target = check_pair_target(read_target(y, task, name=name), name=name)
    if target.is_classification:
        return target.classes[np.concatenate([target.values, 1 - target.values])]
    return np.concatenate([target.values, -target.values])


def check_pair_target(target, *, name="y"):
    """Refuse an outcome for which it is not known what a swapped pair has.

    Returns
    -------
    Target
        `target` itself.
    """
    values = target.values
    if target.is_classification:
        if len(target.classes) == 2:
            return target
        shown = target.classes[:5].tolist()
        if len(target.classes) == 1:
            raise ValueError(
                f"{name} is {shown[0]!r} for every pair: the same text is the better "
                "one each time. Swap the texts of a random half of the pairs, and "
                "their outcomes."
            )
        raise ValueError(
            f"{name} has {len(target.classes)} classes, such as {shown}. For pairs it "
            "says which of the two texts was better: two classes. Leave ties out, or "
            "pass numbers (1, 0 and -1) and task='regression'."
        )
    if np.isin(values, (0, 1)).all() and (values == 0).any():
        raise ValueError(
            f"{name} holds 0 and 1, which says which text was better. For pairs a "
            "quantity is a difference, first text minus second text, so 0 means that "
            f"both are equal. Pass task='classification', or {name} - 0.5."
        )
    return target


def _check_order(X):
    """Refuse rows that some step has dropped or put in another order."""
    n_pairs, is_odd = divmod(len(X), 2)
    sides = X.index.get_level_values(PAIR_LEVEL)
    if is_odd or not (
        (sides[:n_pairs] == _SIDES[0]).all() and (sides[n_pairs:] == _SIDES[1]).all()
    ):
        raise ValueError(
            "The rows of X are not the first and then the second texts of the same "
            "pairs: a step has dropped or moved rows behind the embedding. Put such a "
            "step before it, where it gets pairs."
        )
