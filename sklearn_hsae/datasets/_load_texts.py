"""Read texts and outcomes from a user's file."""

import difflib
import re
import warnings

import numpy as np
import pandas as pd

from sklearn_hsae.datasets._file_kinds import read_file
from sklearn_hsae.datasets._number_formats import parse_number
from sklearn_hsae.datasets._outcome_column import OutcomeReader
from sklearn_hsae.datasets._sample_file import sample_file

_MAX_COLUMNS_IN_MESSAGE = 30
_AS_CLASSES = "pass task='classification'"
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def load_texts(
    path,
    *,
    text,
    target=None,
    task="auto",
    decimal=None,
    encoding=None,
    drop_missing=False,
    columns=None,
    max_rows=None,
    random_state=0,
):
    """Read texts, and an outcome, from a file.

    These formats can be read: csv with commas, semicolons, tabs or bars between the
    columns (.csv, .tsv, .tab, .txt), JSON (.jsonl, .ndjson, .json), Excel workbooks
    (.xlsx) and .parquet. Csv and JSON may be compressed (.gz, .bz2, .xz, or .zip with
    one file in it).

    Parameters
    ----------
    path : str or path
        The file.
    text : str or (str, str)
        Name of the column with the texts; two names for pairs of texts.
    target : str or None, default=None
        Name of the column with the outcome.
    task : {"auto", "regression", "classification"}, default="auto"
        What the outcome is. "regression": numbers; any other value is an error.
        "classification": plain numbers stay numbers, all other values are the names of
        classes. "auto": numbers when all values are numbers, otherwise the names of
        classes.
    decimal : {".", ","} or None, default=None
        The decimal sign of the outcome. None detects it; when it is not clear
        ("1,234"), there is an error. Thousands separators, currencies and per cent
        signs are removed: "1.234,50 €" is 1234.5, and "22.6%" is 22.6.
    encoding : str or None, default=None
        The encoding of a text file, such as "cp1252". None is UTF-8, or the encoding of
        the byte order mark, for example the UTF-16 of Excel.
    drop_missing : bool, default=False
        Whether to leave out the rows without a text, an outcome or a value of
        `columns`. A warning says how many. By default such rows are an error.
    columns : mapping of str to {"auto", "regression", "classification", "text"}, \
            default=None
        More columns that each row needs, such as controls, with what they are: as
        `task` for the outcome. "text" is for names such as ids: str, as they are
        written in the file ("007"), or None where there is none.

    max_rows : int or None, default=None
        Of a larger file, keep this number of rows, drawn at random. The others are
        read in pieces and not kept, so the file may be larger than the memory. The
        number of rows in the file is then ``frame.attrs["n_rows_in_file"]``.
    random_state : int, default=0
        Draws these rows. The default is a number, so that the same call reads the same
        rows.

    Returns
    -------
    texts : ndarray of str of shape (n_rows,), or (n_rows, 2) for pairs
    y : ndarray of shape (n_rows,) or None
        Numbers, or the names of classes as str. None without `target`.
    frame : DataFrame of n_rows rows
        All columns of the file; `target` is converted as in `y`, and `columns` in the
        same way. The index is the number of each row in the file, counted as in
        messages (see below), and is named after what is counted: "row", "line", "item"
        or "row position".

    Raises
    ------
    ValueError
        When the file cannot be read or is empty; when a column does not exist (the
        message lists the columns); when a text or an outcome is missing; when an
        outcome is infinite, or its format is not clear. Messages number the rows as
        the user's program does: in a table, the first row after the header is row 2.
        In JSON, lines are numbered.
    FileNotFoundError
        When there is no such file.
    ImportError
        When a parquet file is read without pyarrow, or an Excel workbook without
        openpyxl.

    Warns
    -----
    UserWarning
        When rows are left out, or when a text contains a lone surrogate, which is half
        of a character (for example of an emoji that was cut); it is replaced by U+FFFD.

    Notes
    -----
    An empty cell and the null of JSON are missing values. Words such as "NA", "None"
    and "null" are texts, or names of classes. In a column of numbers they are missing
    values.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_hsae import load_texts
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "reviews.csv"
    ...     _ = path.write_text("review;stars\\nslow service;2,5\\ngood food;4,0\\n")
    ...     texts, stars, frame = load_texts(path, text="review", target="stars")
    >>> texts.tolist(), stars.tolist()
    (['slow service', 'good food'], [2.5, 4.0])
    """
    columns = dict(columns or {})
    kinds = [kind for kind in columns.values() if kind != "text"]
    _check_options([task, *kinds], decimal)
    of_texts = [text] if isinstance(text, str) else list(text)
    names = [name for name in (*of_texts, target, *columns) if name is not None]
    if max_rows is None:
        table = read_file(path, tuple(names), encoding)
        n_rows = len(table.frame)
    else:
        table, n_rows = sample_file(
            path, tuple(names), encoding, max_rows=max_rows, seed=random_state
        )
    _check_columns(path, table, names)
    _mend_surrogates(path, table, names)
    found = {name: _read_texts(path, table, name) for name in of_texts}
    texts = np.column_stack([values for values, _ in found.values()])
    texts = texts[:, 0] if isinstance(text, str) else texts
    advice = dict.fromkeys(columns, "pass columns={{{!r}: 'classification'}}")
    if target is not None:
        columns, advice[target] = {target: task, **columns}, _AS_CLASSES
    read = {
        name: _read_values(path, table, name, kind, decimal, advice[name].format(name))
        for name, kind in columns.items()
        if kind != "text"
    }
    missing = {name: lacks for name, (_, lacks) in {**found, **read}.items()}
    is_kept = ~np.any(list(missing.values()), axis=0)
    if not is_kept.all():
        _report_missing(path, table, missing, is_kept, drop_missing)
    numbers = pd.Index(table.numbers, name=table.row_word)
    frame = table.frame.set_axis(numbers)[is_kept]
    values = {name: found[is_kept[~lacks]] for name, (found, lacks) in read.items()}
    written = {
        name: _as_written(frame[name])
        for name, kind in columns.items()
        if kind == "text"
    }
    frame = frame.assign(**values, **written)
    frame.attrs["n_rows_in_file"] = n_rows
    return texts[is_kept], values.get(target), frame


def _read_values(path, table, name, task, decimal, as_classes):
    """The values of a column in the rows that have one, and a mask of the others."""
    where = f"The column {name!r} of {path}"
    reader = OutcomeReader(
        where, table.name_row, task=task, decimal=decimal, as_classes=as_classes
    )
    values, is_missing = reader.read(table.frame[name])
    _check_finite(values, table, ~is_missing, where)
    return values, is_missing


def _check_options(tasks, decimal):
    for task in tasks:
        if task not in ("auto", "regression", "classification"):
            raise ValueError(
                f"task={task!r} is none of 'auto', 'regression' or 'classification'."
            )
    if decimal not in (None, ".", ","):
        raise ValueError(f"decimal={decimal!r} is none of None, '.' and ','.")


def _check_columns(path, table, needed):
    names = [str(name) for name in table.frame.columns]
    if len(table.frame) == 0:
        raise ValueError(f"{path} is empty: it holds no row.")
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


def _read_texts(path, table, name):
    """The texts, and a mask of the rows without one."""
    values = table.frame[name].to_numpy(dtype=object, copy=True)
    is_string = np.array([isinstance(value, str) for value in values])
    is_missing = np.array([_is_missing(value) for value in values])
    is_foreign = ~is_string & ~is_missing
    if is_foreign.any():
        value = values[is_foreign][0]
        rows = f"in {table.name_rows(is_foreign)}" if is_string.any() else "in all rows"
        raise ValueError(
            f"The column {name!r} of {path} holds {type(value).__name__} instead of "
            f"texts {rows}, such as {str(value)[:40]!r}. Name the column of the texts, "
            "or turn these values into texts."
        )
    present = values[~is_missing]
    if len(present) and all(parse_number(value) for value in present):
        raise ValueError(
            f"The column {name!r} of {path} holds numbers only, such as "
            f"{present[0]!r}. Name the column of the texts."
        )
    return values, is_missing


def _as_written(column):
    values = [None if _is_missing(value) else str(value) for value in column]
    return pd.Series(values, index=column.index, dtype=object)


def _is_missing(value):
    if isinstance(value, str):
        return not value.strip()
    missing = pd.isna(value)
    return bool(missing) if np.ndim(missing) == 0 else False


def _mend_surrogates(path, table, columns):
    """Replace lone surrogates, which JSON can contain and UTF-8 cannot."""
    for name in columns:
        values = table.frame[name].to_numpy(dtype=object, copy=True)
        is_broken = np.array(
            [isinstance(v, str) and bool(_SURROGATE.search(v)) for v in values]
        )
        if is_broken.any():
            warnings.warn(
                f"Half of a character (a lone surrogate) stands in the column {name!r} "
                f"of {path} in {table.name_rows(is_broken)}, as where an emoji was cut "
                "in two. It is read as U+FFFD.",
                stacklevel=3,  # the caller of load_texts
            )
            values[is_broken] = [_SURROGATE.sub("\ufffd", v) for v in values[is_broken]]
            table.frame[name] = values


def _check_finite(y, table, has_value, where):
    if y.dtype.kind != "f" or np.isfinite(y).all():
        return
    is_infinite = np.zeros(len(has_value), dtype=bool)
    is_infinite[has_value] = ~np.isfinite(y)
    raise ValueError(
        f"{where} is infinite in {table.name_rows(is_infinite)}. Correct or empty "
        "these values."
    )


def _report_missing(path, table, missing, is_kept, drop_missing):
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
