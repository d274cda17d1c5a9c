"""Read the column of the outcome: numbers, or the names of classes."""

import re
from decimal import Decimal
from numbers import Real

import numpy as np
import pandas as pd

from sklearn_hsae.datasets._number_formats import WrittenNumber, parse_number

# In a column of numbers, these words mean a missing value. In a column of words they
# are ordinary words: a class may be called "None", and "NA" is Namibia.
_NO_VALUE = frozenset(
    "na n/a n.a. nan null none nil missing unknown - -- \u2013 \u2014 . ? "
    "#n/a #div/0! #value! #ref! #num! #name? #null!".split()
)
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}( .*)?"
    r"|\d{1,2}[. -]+[^\W\d_]{3,}\.?[ -]+\d{2,4}( .*)?"
    r"|[^\W\d_]{3,}\.? \d{1,2},? \d{4}( .*)?"
    r"|\d{1,2}:\d{2}(:\d{2})?.*|\d+ days?.*"
)
# "2 stars", "5mg", "4/5", "4 out of 5": every number has the same unit or scale.
_UNIT = re.compile(
    r"[+-]?\d[\d.,]*\s*(?P<unit>[^\W\d_]+?|(?:/|of|out of)\s*\d+)s?", re.IGNORECASE
)


class OutcomeReader:
    """Reads a column as y. Its errors name the column, the format and the rows.

    Parameters
    ----------
    where : str
        The column and the file, for messages.
    name_row : callable
        Takes the position of a row, and returns its name for messages.
    task : {"auto", "regression", "classification"}
    decimal : {".", ","} or None
        The decimal sign; None detects it.
    as_classes : str
        How to read the values as classes, for messages.
    """

    def __init__(self, where, name_row, *, task, decimal, as_classes):
        self.where = where
        self.name_row = name_row
        self.task = task
        self.decimal = decimal
        self.as_classes = as_classes

    def read(self, column):
        """Return y of the rows with a value, and a mask of the rows without."""
        is_missing = column.isna().to_numpy(dtype=bool, copy=True)
        if pd.api.types.is_numeric_dtype(column.dtype):  # booleans too
            return column[~is_missing].to_numpy(), is_missing
        values = column.to_numpy(dtype=object)
        is_missing |= [isinstance(v, str) and not v.strip() for v in values]
        rows = np.flatnonzero(~is_missing)
        y, is_present = self._read_values(values[rows], rows)
        is_missing[rows[~is_present]] = True
        return y, is_missing

    def _read_values(self, values, rows):
        everywhere = np.ones(len(values), dtype=bool)
        if all(str(value).lower() in ("true", "false") for value in values):
            return np.array([str(v).lower() == "true" for v in values]), everywhere
        if self.decimal != ",":
            y = _plain_numbers(values)
            if y is not None:
                return y, everywhere
        if self.task == "classification":
            return _labels(values), everywhere
        written = _as_written(values)
        is_number = np.array([number is not None for number in written], dtype=bool)
        is_word = ~is_number
        if is_number.any() and all(map(_means_no_value, values[is_word])):
            kept = np.flatnonzero(is_number)
            numbers = [written[i] for i in kept]
            return self._numbers(numbers, values[kept], rows[kept]), is_number
        if self._are_labels(values, is_number):
            return _labels(values), everywhere
        raise ValueError(self._describe_words(values, rows, is_word))

    def _are_labels(self, values, is_number):
        if self.task == "regression":
            return False
        if len(set(map(str, values))) == 2:
            return True
        return not (
            is_number.mean() > 0.5
            or _all_dates(values)
            or _one_unit(values) is not None
        )

    def _describe_words(self, values, rows, is_word):
        first = np.flatnonzero(is_word)[0]
        value = f"{_shown(values[first])} in {self.name_row(rows[first])}"
        as_classes = self.as_classes
        if _all_dates(values):
            return (
                f"{self.where} holds dates or times: {value}. Add a column with the "
                "number to explain, such as the year or the days since the first date; "
                f"or {as_classes} when there are several texts for each value."
            )
        if _one_unit(values) is not None:
            return (
                f"{self.where} holds numbers with a unit or a scale: {value}. Write "
                f"the numbers alone, or {as_classes} for classes."
            )
        if not is_word.all():
            return (
                f"{self.where} holds numbers, but {value} is none, as in "
                f"{is_word.sum():,} of {len(values):,} rows. Correct or empty these "
                f"cells, or {as_classes} for classes."
            )
        return (
            f"{self.where} holds {value}, and regression needs numbers. Name a column "
            f"of numbers, or {as_classes} for classes."
        )

    def _numbers(self, numbers, values, rows):
        first_unit = numbers[0].unit
        for i, number in enumerate(numbers):
            if number.unit != first_unit:
                raise ValueError(
                    f"{self.where} mixes units: {_shown(values[0])} in "
                    f"{self.name_row(rows[0])}, {_shown(values[i])} in "
                    f"{self.name_row(rows[i])}. Write all numbers in one unit."
                )
        if self.decimal is not None:
            return self._with_decimal(self.decimal, numbers, values, rows)
        point, comma = (
            [number.values.get(decimal) for number in numbers] for decimal in ".,"
        )
        if None in point and None in comma:
            i, j = point.index(None), comma.index(None)
            raise ValueError(
                f"{self.where} mixes decimal commas and points: {_shown(values[i])} in "
                f"{self.name_row(rows[i])}, {_shown(values[j])} in "
                f"{self.name_row(rows[j])}. Write all numbers in one way."
            )
        if None not in point and None not in comma and point != comma:
            i = next(i for i in range(len(rows)) if point[i] != comma[i])
            raise ValueError(
                f"{self.where} holds {_shown(values[i])} in {self.name_row(rows[i])}, "
                f"which is {point[i]:,.15g} with a decimal point and {comma[i]:,.15g} "
                "with a decimal comma. Pass decimal='.' or decimal=','."
            )
        return np.array(comma if None in point else point)

    def _with_decimal(self, decimal, numbers, values, rows):
        for i, number in enumerate(numbers):
            if decimal not in number.values:
                raise ValueError(
                    f"{self.where} holds {_shown(values[i])} in "
                    f"{self.name_row(rows[i])}, which is no number with "
                    f"decimal={decimal!r}. Correct the cells, or leave the option out."
                )
        return np.array([number.values[decimal] for number in numbers])


def _plain_numbers(values):
    """Parse numbers in Python's format; None when a value has another format."""
    if any(
        "_" in value if isinstance(value, str) else not _is_number(value)
        for value in values
    ):
        return None  # Python reads "2020_01" as a number
    try:
        if not any(isinstance(value, float | Decimal) for value in values):
            return np.array([int(value) for value in values], dtype=np.int64)
    except (ValueError, OverflowError):
        pass
    try:
        y = np.array([float(value) for value in values])
    except (ValueError, OverflowError):
        return None
    return None if np.isnan(y).any() else y


def _is_number(value):
    return isinstance(value, Real | Decimal) and not isinstance(value, bool | np.bool_)


def _as_written(values):
    """The :class:`WrittenNumber` of each value; None where it is not a number."""
    strings = {value for value in values if isinstance(value, str)}
    written = {string: parse_number(string) for string in strings}  # distinct ones
    return [
        written[value] if isinstance(value, str) else _typed_number(value)
        for value in values
    ]


def _typed_number(value):
    if not _is_number(value):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer beyond the largest float
        number = np.inf if value > 0 else -np.inf
    return WrittenNumber({".": number, ",": number}, "")


def _means_no_value(value):
    return isinstance(value, str) and value.strip().lower() in _NO_VALUE


def _labels(values):
    labels = np.empty(len(values), dtype=object)
    labels[:] = [str(value) for value in values]
    return labels


def _all_dates(values):
    return all(_DATE.fullmatch(str(value).strip()) for value in values)


def _one_unit(values):
    """The common unit or scale after all numbers; None when there is none."""
    matches = [_UNIT.fullmatch(str(value).strip()) for value in values]
    units = {match and match["unit"].lower() for match in matches}
    return units.pop() if len(units) == 1 else None


def _shown(value):
    text = str(value)
    return repr(text if len(text) <= 40 else text[:37] + "...")
