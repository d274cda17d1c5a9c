"""Read a file with the reader for its format."""

from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_hsae._extras import import_extra
from sklearn_hsae.datasets._delimited import read_delimited
from sklearn_hsae.datasets._file_opening import data_ending, is_workbook
from sklearn_hsae.datasets._file_table import FileTable, read_as_numbers
from sklearn_hsae.datasets._json_rows import read_json
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
        table, retype = read_workbook(path, columns), pd.Series.infer_objects
    elif ending in _DEFAULT_SEPARATORS:
        separator = _DEFAULT_SEPARATORS[ending]
        table = read_delimited(path, columns, encoding, separator)
        retype = read_as_numbers
    elif ending in _JSON_ENDINGS:
        table, retype = read_json(path, encoding), pd.Series.infer_objects
    elif ending == ".parquet":
        return _read_parquet(path)
    else:
        raise ValueError(
            f"{path} ends with {ending!r}. Files that can be read end with "
            f"{_READ_ENDINGS}. In Excel, choose Save As and 'CSV UTF-8'."
        )
    if as_written:
        return table
    return table._replace(frame=_with_types(table.frame, columns, retype))


def _with_types(frame, columns, retype):
    if not len(frame.columns):
        return frame
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
