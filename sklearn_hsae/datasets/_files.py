"""Texts and outcomes from a user's file."""

import gzip
import json
import warnings
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_hsae._texts import check_texts

_KINDS = ".csv, .tsv, .jsonl (each also as .gz) and .parquet"
_UNREADABLE = (
    pd.errors.ParserError,
    pd.errors.ParserWarning,
    zlib.error,
    OSError,  # also of gzip
)


def load_texts(path, *, text, target=None):
    """Read texts, and an outcome, from a file.

    Parameters
    ----------
    path : str or path
        A .csv, .tsv, .jsonl or .parquet file; the first three may be gzipped, with
        ``.gz`` behind their ending. Text is read as UTF-8.
    text : str
        The column that holds the texts.
    target : str or None, default=None
        The column that holds the outcome.

    Returns
    -------
    texts : ndarray of str of shape (n_rows,)
    y : ndarray of shape (n_rows,) or None
        None without `target`.
    frame : DataFrame of n_rows rows
        All columns of the file.

    Raises
    ------
    ValueError
        When the file cannot be read, is empty, lacks a column (those there are
        listed), or has a row without a text or an outcome (rows are named).
    FileNotFoundError
        When there is no such file.
    ImportError
        When a parquet file is read without pyarrow.

    Examples
    --------
    >>> from sklearn_hsae import load_texts
    >>> texts, stars, frame = load_texts(
    ...     "reviews.jsonl.gz", text="text", target="stars"
    ... )  # doctest: +SKIP
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    frame = _read(path, text)
    if len(frame) == 0:
        raise ValueError(f"{path} is empty: it holds no row.")
    for column in (text, target):
        if column is not None and column not in frame.columns:
            raise ValueError(
                f"{path} has no column {column!r}. Its columns are: "
                f"{', '.join(map(str, frame.columns))}."
            )
    texts = check_texts(frame[text], f"The column {text!r} of {path}")
    if target is None:
        return texts, None, frame
    missing = np.flatnonzero(frame[target].isna())
    if len(missing):
        shown = ", ".join(map(str, missing[:10])) + (
            ", ..." if len(missing) > 10 else ""
        )
        raise ValueError(
            f"The column {target!r} of {path} has no value in {len(missing)} rows, at "
            f"row position {shown}. Drop these rows."
        )
    y = frame[target].to_numpy()
    if not pd.api.types.is_numeric_dtype(frame[target]):
        y = np.array([str(value) for value in y], dtype=object)
    return texts, y, frame


def _read(path, text):
    endings = [ending.lower() for ending in path.suffixes[-2:]]
    is_gzipped = endings[-1:] == [".gz"]
    kind = "".join(endings[:-1] if is_gzipped else endings[-1:])
    readers = {
        ".csv": lambda: _read_table(path, text, ",", is_gzipped),
        ".tsv": lambda: _read_table(path, text, "\t", is_gzipped),
        ".jsonl": lambda: _read_json_lines(path, is_gzipped),
        ".parquet": lambda: _read_parquet(path),
    }
    if kind not in readers or (kind == ".parquet" and is_gzipped):
        raise ValueError(f"{path} is none of the files that can be read: {_KINDS}.")
    try:
        return readers[kind]()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 ({error.reason}). Save it as UTF-8."
        ) from error
    except (pd.errors.EmptyDataError, EOFError) as error:
        raise ValueError(f"{path} is empty or cut off: {error}") from error
    except _UNREADABLE as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def _read_table(path, text, separator, is_gzipped):
    with warnings.catch_warnings():
        # Rows that are longer than the header: pandas would drop what is too much.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            path,
            sep=separator,
            compression="gzip" if is_gzipped else None,
            encoding="utf-8-sig",
            index_col=False,  # else a row that is too long makes texts the index
            dtype={text: str},  # "12" is a text
        )


def _read_json_lines(path, is_gzipped):
    opened = gzip.open if is_gzipped else open
    rows = []
    with opened(path, "rt", encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(
                    f"{path}, line {number}: no JSON ({error.msg} at character "
                    f"{error.pos + 1})."
                ) from error
            except RecursionError as error:
                raise ValueError(
                    f"{path}, line {number}: brackets are nested too deep."
                ) from error
            if not isinstance(row, dict):
                raise ValueError(
                    f"{path}, line {number}: a JSON object with the columns is "
                    f"expected, got {type(row).__name__}."
                )
            rows.append(row)
    return pd.DataFrame(rows)


def _read_parquet(path):
    try:
        import pyarrow as pa
    except ImportError as error:
        raise ImportError(
            "parquet files need pyarrow: pip install 'sklearn-hsae[parquet]'"
        ) from error
    try:
        return pd.read_parquet(path, engine="pyarrow")
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
