"""Read a file with the reader for its format."""

from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_hsae._extras import import_extra
from sklearn_hsae.datasets._delimited import iter_delimited, read_delimited
from sklearn_hsae.datasets._file_opening import data_ending, is_workbook
from sklearn_hsae.datasets._file_table import FileTable, read_as_numbers
from sklearn_hsae.datasets._json_rows import iter_json, read_json
from sklearn_hsae.datasets._workbook import read_workbook

_DEFAULT_SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}
_JSON_ENDINGS = (".jsonl", ".ndjson", ".json")
_READ_ENDINGS = (
    ".csv, .tsv, .tab, .txt, .jsonl, .ndjson or .json (each also compressed, with .gz, "
    ".bz2, .xz or .zip at the end), .xlsx or .parquet"
)


def read_file(path, columns, encoding=None, *, as_written=False):
    """Read a file as a :class:`FileTable`.

    Parameters
    ----------
    path : str or path
        The file.
    columns : tuple of str or None
        The names of the columns that are needed. Their values are not converted. The
        other columns get the types that pandas would give them.
    encoding : str or None
        The encoding of a text file.
    as_written : bool
        Whether the other columns keep their values as well: "007" stays "007".

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ImportError
        When a required package is not installed.
    ValueError
        When the file cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if path.is_dir():
        raise ValueError(f"{path} is a folder. Name a file in it.")
    ending = data_ending(path)
    if is_workbook(path) or ending == ".xlsx":
        table = read_workbook(path, columns)
    elif ending in _DEFAULT_SEPARATORS:
        separator = _DEFAULT_SEPARATORS[ending]
        table = read_delimited(path, columns, encoding, separator)
    elif ending in _JSON_ENDINGS:
        table = read_json(path, encoding)
    elif ending == ".parquet":
        return _read_parquet(path)
    else:
        raise ValueError(
            f"{path} ends with {ending!r}. Files that can be read end with "
            f"{_READ_ENDINGS}. In Excel, choose Save As and 'CSV UTF-8'."
        )
    if as_written:
        return table
    return table._replace(frame=with_types(path, table.frame, columns))


def iter_file(path, columns, encoding=None, *, n_rows):
    """Read a file in pieces of `n_rows` rows, so that it may be larger than the memory.

    Excel workbooks, and JSON that is no object per line, are one piece. No column is
    converted, as with ``read_file(as_written=True)``.

    Parameters
    ----------
    path, columns, encoding
        As in :func:`read_file`.
    n_rows : int

    Yields
    ------
    FileTable
        At least one.
    """
    path = Path(path)
    ending = data_ending(path) if path.is_file() else ""
    if ending in _DEFAULT_SEPARATORS and not is_workbook(path):
        separator = _DEFAULT_SEPARATORS[ending]
        yield from iter_delimited(path, columns, encoding, separator, n_rows)
    elif ending in _JSON_ENDINGS:
        yield from iter_json(path, encoding, n_rows)
    elif ending == ".parquet":
        yield from _iter_parquet(path, n_rows)
    else:
        yield read_file(path, columns, encoding, as_written=True)


def with_types(path, frame, columns):
    """Give the columns that are not needed the types that pandas would give them."""
    if not len(frame.columns):
        return frame
    is_text = data_ending(Path(path)) in _DEFAULT_SEPARATORS
    retype = read_as_numbers if is_text else pd.Series.infer_objects
    names = list(frame.columns)
    typed = [
        frame.iloc[:, j] if name in columns else retype(frame.iloc[:, j])
        for j, name in enumerate(names)
    ]
    return pd.concat(typed, axis=1)


def _read_parquet(path):
    arrow = import_extra("pyarrow", extra="parquet", use="parquet files")
    try:
        frame = pd.read_parquet(path, engine="pyarrow")
    except (arrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    return FileTable(frame, np.arange(len(frame)), "row position")


def _iter_parquet(path, n_rows):
    parquet = import_extra("pyarrow.parquet", extra="parquet", use="parquet files")
    arrow = import_extra("pyarrow", extra="parquet", use="parquet files")
    try:
        with parquet.ParquetFile(path) as file:
            first = 0
            for batch in file.iter_batches(n_rows):
                # Types that do not depend on the rows of a piece.
                frame = batch.to_pandas(
                    integer_object_nulls=True, timestamp_as_object=True
                )
                categories = frame.select_dtypes("category").columns
                frame = frame.astype(dict.fromkeys(categories, object))
                yield FileTable(frame, first + np.arange(len(frame)), "row position")
                first += len(frame)
            if first == 0:
                yield _read_parquet(path)
    except (arrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
