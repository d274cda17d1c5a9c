"""Decide whether the target y is a quantity or classes, by one rule for all steps.

With ``task="auto"``, booleans, words, pandas categories and two distinct whole numbers
are classes. All other numbers are a quantity. Numbers may be integers, floats,
`Decimal`, or strings with numbers, in any container.
"""

import numbers
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

TASKS = ("auto", "regression", "classification")

_MAX_ROWS_IN_MESSAGE = 10
_TIMES = {"M": "dates", "m": "time differences"}
_DAYS = {
    "M": "(pd.Series(y) - pd.Timestamp('2020-01-01')) / pd.Timedelta(days=1)",
    "m": "pd.Series(y) / pd.Timedelta(days=1)",
}


class Target(NamedTuple):
    """A checked target.

    Attributes
    ----------
    values : ndarray of shape (n_samples,)
        float64 numbers of a quantity, or the position of each row's class in `classes`.
    classes : ndarray of shape (n_classes,) or None
        The distinct classes in sorted order; None for a quantity.
    """

    values: np.ndarray
    classes: np.ndarray | None = None

    @property
    def is_classification(self):
        """Whether the target consists of classes."""
        return self.classes is not None


def read_target(y, task="auto", *, name="y"):
    """Decide what `y` is, and return its numbers or its classes.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
    task : {"auto", "regression", "classification"}, default="auto"
        With ``"regression"``, booleans and two distinct numbers are a quantity too.
        With ``"classification"``, integers and strings with numbers are classes.
    name : str, default="y"
        Name of the target in error messages.

    Returns
    -------
    Target

    Raises
    ------
    ValueError
        When values are missing, infinite, dates or times; when numbers and words are
        mixed; when ``task="regression"`` gets words; and when
        ``task="classification"`` gets numbers with a fractional part.
    """
    is_categorical = isinstance(getattr(y, "dtype", None), pd.CategoricalDtype)
    values = column_or_1d(_array(y, name), warn=True)
    _refuse_missing(values, name)
    _refuse_times(values, name)
    quantity = _as_quantity(values, name)
    if task == "regression":
        return Target(_require_numbers(quantity, values, name))
    if task == "classification":
        return _as_classes(values, quantity, name)
    is_class = quantity is None or is_categorical or _are_booleans(values)
    if is_class or _are_two_whole_numbers(quantity):
        return _as_classes(values, quantity, name)
    return Target(quantity)


def refuse_constant(target, *, name="y"):
    """Raise a ValueError when all rows of a target are equal.

    Parameters
    ----------
    target : Target
        With one row or more.
    name : str, default="y"
    """
    values = target.values
    if (values == values[0]).all():
        value = values[0] if target.classes is None else target.classes[values[0]]
        value = value.item() if isinstance(value, np.generic) else value
        raise ValueError(
            f"{name} is constant: each of its {len(values)} values is {value!r}, one "
            "class only. Pass a target with at least two different values."
        )


def _array(y, name):
    is_array = hasattr(y, "__len__") or hasattr(y, "__array__")
    if isinstance(y, str | bytes) or not is_array:
        raise ValueError(f"{name} must hold one value per row, got {y!r}.")
    values = np.asarray(y)
    # np.asarray turns a list of numbers and words into words; keep the original types.
    if values.dtype.kind in "US" and isinstance(y, list | tuple):
        values = np.empty(len(y), dtype=object)
        values[:] = y
    return values


def _refuse_missing(values, name):
    missing = pd.isna(values)
    if values.dtype.kind == "f":
        missing = ~np.isfinite(values)
    if missing.any():
        raise ValueError(
            f"Input {name} contains NaN, None or infinity in {_rows(missing)}. Drop "
            f"these rows from X and from {name}."
        )


def _refuse_times(values, name):
    kind = values.dtype.kind
    if kind == "O" and len(values):
        # infer_dtype says "datetime", "date", "timedelta", "period", ...
        inferred = pd.api.types.infer_dtype(values)
        kind = "m" if "time" in inferred and "delta" in inferred else kind
        kind = "M" if inferred.startswith(("date", "period")) else kind
    if kind in _TIMES:
        raise ValueError(
            f"{name} holds {_TIMES[kind]} ({values[0]}), which are neither numbers nor "
            f"classes. Turn them into numbers, for example into days: {_DAYS[kind]}."
        )
    if kind in "cV":
        raise ValueError(
            f"{name} holds values of dtype {values.dtype}, got {values[0]!r}. Pass "
            "numbers, or classes as words, integers or booleans."
        )


def _as_quantity(values, name):
    """The values as float64, or None when they are words."""
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    is_number = np.fromiter((_is_number(v) for v in values), bool, len(values))
    if is_number.all():
        quantity = values.astype(np.float64)
        _refuse_missing(quantity, name)
        return quantity
    is_word = np.fromiter(
        (isinstance(v, str | bytes) for v in values), bool, len(values)
    )
    if is_number.any() and is_word.any():
        raise ValueError(
            f"{name} mixes numbers and words: {values[is_number][0]} and "
            f"{str(values[is_word][0])!r}. Pass all of them as numbers, or as strings."
        )
    return _parsed(values) if is_word.all() else None


def _is_number(value):
    is_complex = isinstance(value, complex | np.complexfloating)
    return isinstance(value, numbers.Number | np.bool_) and not is_complex


def _parsed(words):
    """Strings as float64 when all are finite numbers, otherwise None."""
    try:
        quantity = np.asarray(pd.to_numeric(words), dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return quantity if np.isfinite(quantity).all() else None


def _are_booleans(values):
    if values.dtype.kind == "O":
        return all(isinstance(value, bool | np.bool_) for value in values)
    return values.dtype.kind == "b"


def _are_two_whole_numbers(quantity):
    distinct = np.unique(quantity)
    return len(distinct) == 2 and (distinct == np.round(distinct)).all()


def _require_numbers(quantity, values, name):
    if quantity is None:
        raise ValueError(
            f"A regression needs numbers in {name}, got {str(values[0])!r}. For "
            "classes pass task='classification', or use HypothesisClassifier()."
        )
    return quantity


def _as_classes(values, quantity, name):
    if values.dtype.kind == "O":
        values = _sortable(values, quantity)
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    try:
        check_classification_targets(values)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{error} {name} holds values such as {values[:1].tolist()[0]!r}: for a "
            "quantity pass task='regression', or use HypothesisRegressor()."
        ) from None
    classes, codes = np.unique(values, return_inverse=True)
    return Target(codes, classes)


def _sortable(values, quantity):
    """Convert an object array to one type, which NumPy can sort."""
    if _are_booleans(values):
        return values.astype(bool)
    if quantity is None or isinstance(values[0], str):
        return np.asarray(values.tolist())
    are_integers = (quantity == np.round(quantity)).all()
    is_exact = np.abs(quantity).max() < 2**53
    return quantity.astype(np.int64) if are_integers and is_exact else quantity


def _rows(mask):
    rows = np.flatnonzero(mask)
    shown = ", ".join(map(str, rows[:_MAX_ROWS_IN_MESSAGE]))
    more = ", ..." if len(rows) > _MAX_ROWS_IN_MESSAGE else ""
    return f"{len(rows)} of {len(mask)} rows, at row position {shown}{more}"
