"""The columns of a table: which are needed, and what their cells mean."""

import difflib
import re
import warnings

import numpy as np
import pandas as pd

from sklearn_hsae.datasets._number_formats import parse_number
from sklearn_hsae.datasets._outcome_column import OutcomeReader

_MAX_COLUMNS_IN_MESSAGE = 30
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def read_values(path, table, name, task, decimal, as_classes):
    """The values of a column in the rows that have one, and a mask of the others."""
    where = f"The column {name!r} of {path}"
    reader = OutcomeReader(
        where, table.name_row, task=task, decimal=decimal, as_classes=as_classes
    )
    values, is_missing = reader.read(table.frame[name])
    _check_finite(values, table, ~is_missing, where)
    return values, is_missing


def check_options(tasks, decimal):
    """Refuse kinds of columns and decimal signs that there are not."""
    for task in tasks:
        if task not in ("auto", "regression", "classification"):
            raise ValueError(
                f"task={task!r} is none of 'auto', 'regression' or 'classification'."
            )
    if decimal not in (None, ".", ","):
        raise ValueError(f"decimal={decimal!r} is none of None, '.' and ','.")


def check_columns(path, columns, needed):
    """Refuse columns that are not there, or there twice."""
    names = [str(name) for name in columns]
    for column in needed:
        if names.count(column) == 1:
            continue
        if column in names:
            raise ValueError(
                f"{path} has {names.count(column)} columns named {column!r}. Rename "
                "all but one."
            )
        shown = ", ".join(map(repr, names[:_MAX_COLUMNS_IN_MESSAGE]))
        more = ", ..." if len(names) > _MAX_COLUMNS_IN_MESSAGE else ""
        raise ValueError(
            f"{path} has no column {column!r}.{_suggestion(column, names)} Its columns "
            f"are: {shown}{more}."
        )


def _suggestion(column, names):
    """A sentence that suggests a similar name, or nothing."""
    spelled = {name.strip().lower(): name for name in reversed(names)}
    near = difflib.get_close_matches(column.strip().lower(), spelled, n=1)
    return f" Did you mean {spelled[near[0]]!r}?" if near else ""


def read_texts(path, table, name):
    """The texts, and a mask of the rows without one."""
    values = table.frame[name].to_numpy(dtype=object, copy=True)
    is_string = np.array([isinstance(value, str) for value in values], dtype=bool)
    is_missing = np.array([is_missing_cell(value) for value in values], dtype=bool)
    is_foreign = ~is_string & ~is_missing
    if is_foreign.any():
        value = values[is_foreign][0]
        rows = f"in {table.name_rows(is_foreign)}" if is_string.any() else "in all rows"
        raise ValueError(
            f"The column {name!r} of {path} holds {type(value).__name__} instead of "
            f"texts {rows}, such as {str(value)[:40]!r}. Name the column of the texts, "
            "or turn these values into texts."
        )
    return values, is_missing


def numbers_only(present):
    """Whether all texts are numbers, which is no column of texts; False without any."""
    return len(present) > 0 and all(parse_number(value) for value in present)


def refuse_numbers(path, name, example):
    """Say that a column is none of texts."""
    raise ValueError(
        f"The column {name!r} of {path} holds numbers only, such as {example!r}. Name "
        "the column of the texts."
    )


def is_missing_cell(value):
    """Whether a cell is empty, blank, or the null of its format."""
    if isinstance(value, str):
        return not value.strip()
    missing = pd.isna(value)
    return bool(missing) if np.ndim(missing) == 0 else False


def mend_surrogates(table, columns):
    """Replace lone surrogates, which JSON can contain and UTF-8 cannot.

    Returns
    -------
    dict of str to ndarray of bool
        For each column that had some, the mask of the rows.
    """
    found = {}
    for name in columns:
        values = table.frame[name].to_numpy(dtype=object, copy=True)
        is_broken = np.array(
            [isinstance(v, str) and bool(_SURROGATE.search(v)) for v in values]
        )
        if is_broken.any():
            values[is_broken] = [_SURROGATE.sub("\ufffd", v) for v in values[is_broken]]
            table.frame[name] = values
            found[name] = is_broken
    return found


def warn_of_surrogates(path, table, broken, stacklevel=3):
    """Tell where `mend_surrogates` found some; by default, the caller of load_texts."""
    for name, mask in broken.items():
        warnings.warn(
            f"Half of a character (a lone surrogate) stands in the column {name!r} "
            f"of {path} in {table.name_rows(mask)}, as where an emoji was cut in two. "
            "It is read as U+FFFD.",
            stacklevel=stacklevel,
        )


def _check_finite(y, table, has_value, where):
    if y.dtype.kind != "f" or np.isfinite(y).all():
        return
    is_infinite = np.zeros(len(has_value), dtype=bool)
    is_infinite[has_value] = ~np.isfinite(y)
    raise ValueError(
        f"{where} is infinite in {table.name_rows(is_infinite)}. Correct or empty "
        "these values."
    )


def report_missing(path, table, missing, is_kept, drop_missing):
    """Refuse rows without a value, or warn that they are left out."""
    parts = [
        f"no value of {name!r} in {table.name_rows(is_missing)}"
        for name, is_missing in missing.items()
        if is_missing.any()
    ]
    if not drop_missing:
        raise ValueError(
            f"{path} has {' and '.join(parts)}. Fill them in, or leave these rows out "
            "with drop_missing=True."
        )
    if not is_kept.any():
        raise ValueError(f"{path} has {' and '.join(parts)}: no row is left.")
    warnings.warn(
        f"{(~is_kept).sum():,} of {len(is_kept):,} rows of {path} are left out: "
        f"{' and '.join(parts)}.",
        stacklevel=3,
    )
