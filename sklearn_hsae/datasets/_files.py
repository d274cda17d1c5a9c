"""Texts and outcomes from a user's file."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_hsae._texts import check_texts

_KINDS = ".csv, .tsv, .jsonl (each also as .gz) and .parquet"


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
    frame = _read(path)
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


def _read(path):
    kind = (
        path.suffixes[-2]
        if path.suffix == ".gz" and path.suffixes[:-1]
        else path.suffix
    )
    readers = {
        ".csv": lambda: _read_table(path, ","),
        ".tsv": lambda: _read_table(path, "\t"),
        ".jsonl": lambda: _read_json_lines(path),
        ".parquet": lambda: _read_parquet(path),
    }
    if kind not in readers or (kind == ".parquet" and path.suffix == ".gz"):
        raise ValueError(f"{path} is none of the files that can be read: {_KINDS}.")
    try:
        return readers[kind]()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 at byte {error.start}. Save it as UTF-8."
        ) from error
    except (pd.errors.EmptyDataError, EOFError) as error:
        raise ValueError(f"{path} is empty or cut off: {error}") from error
    except (pd.errors.ParserError, gzip.BadGzipFile, OSError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def _read_table(path, separator):
    compression = "gzip" if path.suffix == ".gz" else None
    return pd.read_csv(
        path,
        sep=separator,
        compression=compression,
        encoding="utf-8-sig",
        encoding_errors="strict",
    )


def _read_json_lines(path):
    opened = gzip.open if path.suffix == ".gz" else open
    rows = []
    with opened(path, "rt", encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(
                    f"{path}, line {number}: no JSON ({error})."
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
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "parquet files need pyarrow: pip install 'sklearn-hsae[parquet]'"
        ) from error
    return pd.read_parquet(path, engine="pyarrow")
