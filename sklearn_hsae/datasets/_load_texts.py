"""Read texts and outcomes from a user's file."""

from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.utils import check_scalar

from sklearn_hsae.datasets._file_kinds import read_file
from sklearn_hsae.datasets._read_columns import (
    check_columns,
    check_options,
    is_missing_cell,
    mend_surrogates,
    numbers_only,
    read_texts,
    read_values,
    refuse_numbers,
    report_missing,
    warn_of_surrogates,
)
from sklearn_hsae.datasets._sample_file import sample_file

_AS_CLASSES = "pass task='classification'"


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
    check_options([task, *kinds], decimal)
    if max_rows is not None:
        check_scalar(max_rows, "max_rows", Integral, min_val=1)
        check_scalar(random_state, "random_state", Integral, min_val=0)
    of_texts = [text] if isinstance(text, str) else list(text)
    names = [name for name in (*of_texts, target, *columns) if name is not None]
    if max_rows is None:
        table = read_file(path, tuple(names), encoding)
        n_rows = len(table.frame)
    else:
        table, n_rows = sample_file(
            path, tuple(names), encoding, max_rows=max_rows, seed=random_state
        )
    if len(table.frame) == 0:
        raise ValueError(f"{path} is empty: it holds no row.")
    check_columns(path, table.frame.columns, names)
    warn_of_surrogates(path, table, mend_surrogates(table, names))
    found = {name: read_texts(path, table, name) for name in of_texts}
    for name, (values, lacks) in found.items():
        if numbers_only(values[~lacks]):
            refuse_numbers(path, name, values[~lacks][0])
    texts = np.column_stack([values for values, _ in found.values()])
    texts = texts[:, 0] if isinstance(text, str) else texts
    advice = dict.fromkeys(columns, "pass columns={{{!r}: 'classification'}}")
    if target is not None:
        columns, advice[target] = {target: task, **columns}, _AS_CLASSES
    read = {
        name: read_values(path, table, name, kind, decimal, advice[name].format(name))
        for name, kind in columns.items()
        if kind != "text"
    }
    missing = {name: lacks for name, (_, lacks) in {**found, **read}.items()}
    is_kept = ~np.any(list(missing.values()), axis=0)
    if not is_kept.all():
        report_missing(path, table, missing, is_kept, drop_missing)
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


def _as_written(column):
    values = [None if is_missing_cell(value) else str(value) for value in column]
    return pd.Series(values, index=column.index, dtype=object)
