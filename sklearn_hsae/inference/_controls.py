"""Controls: columns that enter the regression beside the concepts, and are not tested.

Within a last step they are a dict of plain values, which any format can save: for the
name of each column of X that is a control, its plain name, and its levels (None for
numbers).
"""

import warnings

import numpy as np
import pandas as pd
from pandas.api import types

from sklearn_hsae._sklearn_compat import check_feature_names_in

_N_IN_MESSAGE = 5


def read_controls(controls, X):
    """Find the controls among the columns of X.

    Parameters
    ----------
    controls : sequence of str, callable or None
    X : DataFrame, or ndarray for names such as "x3"

    Returns
    -------
    dict
        ``{column: [plain name, levels or None]}``.

    Raises
    ------
    ValueError
        When a name is unknown or stands for several columns, or no column is left.
    """
    if controls is None:
        return {}
    columns = _column_names(X)
    if callable(controls):
        found = {name: str(name).split("__", 1)[-1] for name in controls(X)}
    else:
        found = {_find(name, columns): name for name in controls}
    if len(found) == len(columns):
        raise ValueError(
            f"All {len(columns)} columns of X are controls, and none is a hypothesis."
        )
    return {name: [plain, _levels(X, name)] for name, plain in found.items()}


def with_index_levels(controls, X):
    """X with the controls that are levels of its row index as columns at the end."""
    if controls is None or callable(controls) or not hasattr(X, "columns"):
        return X
    levels = {
        name: X.index.get_level_values(name)
        for name in controls
        if name in X.index.names and not _is_column(name, X)
    }
    return X.assign(**levels) if levels else X


def _is_column(name, X):
    """Whether a column has this name. One beside a level must have the same values."""
    found = _matching(name, X.columns)
    if len(found) == 1:
        level = X.index.get_level_values(name)
        if not pd.Index(X[found[0]]).equals(level):
            raise ValueError(
                f"The control {name!r} is a level of the row index, and X has the "
                f"column {found[0]!r} with other values. Rename one of them."
            )
    return bool(found)


def with_codes(controls, X):
    """X with the number of its level, or NaN, in the place of each category."""
    codes = {}
    for name, (plain, levels) in controls.items():
        if levels is not None and name in X:
            codes[name] = _codes(X[name], levels)
            _warn_of_new_levels(plain, X[name], codes[name])
    return X.assign(**codes) if codes else X


def controls_first(controls, names, X):
    """The columns of the controls, one for each level but the first; then the others.

    Parameters
    ----------
    controls : dict
    names : ndarray of str of shape (n_columns,)
    X : ndarray of shape (n_rows, n_columns)
        With codes for categories.

    Returns
    -------
    ndarray of shape (n_rows, n_control_columns + n_hypotheses)
    """
    if not controls:
        return X
    position = {name: j for j, name in enumerate(names)}
    blocks = [
        _dummies(X[:, [position[name]]], levels)
        for name, (_, levels) in controls.items()
    ]
    return np.hstack([*blocks, X[:, ~np.isin(names, list(controls))]])


def control_names(controls):
    """The names of the columns: "year", or "shop = B" for a category."""
    return [
        label
        for plain, levels in controls.values()
        for label in (
            [plain] if levels is None else [f"{plain} = {v}" for v in levels[1:]]
        )
    ]


def split_controls(last_step, X):
    """What a fitted last step gets as hypotheses, and as controls.

    Returns
    -------
    hypotheses, controls : DataFrame
    """
    if not isinstance(X, pd.DataFrame):
        X = pd.DataFrame(np.asarray(X), columns=check_feature_names_in(last_step))
    X, names = with_index_levels(last_step.controls, X), list(last_step._controls)
    return X.drop(columns=names), X[names]


def _column_names(X):
    if hasattr(X, "columns"):
        return list(X.columns)
    return [f"x{j}" for j in range(np.shape(X)[1])]


def _find(name, columns):
    """The column of this name, which may have the prefix of a ColumnTransformer."""
    found = _matching(name, columns)
    if len(found) != 1:
        matches = f"{len(found)} columns" if found else "no column and no index level"
        raise ValueError(
            f"The control {name!r} is {matches} of X, which has the columns "
            f"{columns[:20]}. Let it travel in the index of the texts: "
            f"frame.set_index([{name!r}])['text']. Or a ColumnTransformer passes the "
            f"column on, ('controls', 'passthrough', [{name!r}]), with "
            "set_output(transform='pandas')."
        )
    return found[0]


def _matching(name, columns):
    """The columns of this name, or those with it behind a prefix."""
    if name in columns:
        return [name]
    return [column for column in columns if str(column).endswith(f"__{name}")]


def _levels(X, name):
    if not hasattr(X, "columns") or types.is_numeric_dtype(X[name].dtype):
        return None
    return np.sort(X[name].dropna().unique()).tolist()


def _codes(column, levels):
    codes = pd.Index(levels, dtype=object).get_indexer(column.astype(object))
    return np.where(codes < 0, np.nan, codes.astype(np.float64))


def _warn_of_new_levels(plain, column, codes):
    """Name the values that `fit` has not seen."""
    is_new = np.isnan(codes) & column.notna().to_numpy()
    if not is_new.any():
        return
    counts = column[is_new].astype(object).value_counts()
    shown = [f"{value!r} ({n} rows)" for value, n in counts.head(_N_IN_MESSAGE).items()]
    more = ["..."] if len(counts) > _N_IN_MESSAGE else []
    warnings.warn(
        f"The control {plain!r} has values that fit has not seen: "
        f"{', '.join([*shown, *more])}. A prediction takes the mean of the training "
        "rows for them, and tests leave these rows out. Fit on rows of all values, or "
        "merge rare ones.",
        UserWarning,
        stacklevel=5,
    )


def _dummies(column, levels):
    if levels is None:
        return column
    is_level = (column == np.arange(1, len(levels))).astype(np.float64)
    return np.where(np.isnan(column), np.nan, is_level)
