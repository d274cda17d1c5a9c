"""Read rows from JSON: one object per line, or one array of objects."""

import itertools
import json

import numpy as np
import pandas as pd

from sklearn_hsae.datasets._file_opening import open_text
from sklearn_hsae.datasets._file_table import FileTable


def _unique_keys(pairs):
    """An object as a dict, with an error for equal keys (json keeps the last)."""
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise json.JSONDecodeError(f"the key {repeated!r} occurs twice", "", 0)
    return row


_decoder = json.JSONDecoder(object_pairs_hook=_unique_keys)


def read_json(path, encoding):
    """Read one JSON object per row: per line, on several lines, or in an array."""
    with open_text(path, encoding) as file:
        # All three line ends count as one line, as in Python source.
        text = file.read().replace("\r\n", "\n").replace("\r", "\n")
    start = _skip_space(text, 0)
    if text[start : start + 1] == "[":
        rows = _read_array(path, text, start)
        numbers, row_word = np.arange(1, len(rows) + 1), "item"
    else:
        rows, numbers = _read_lines(path, text)
        row_word = "line"
        if len(set(numbers)) < len(numbers):  # a line holds several
            numbers, row_word = np.arange(1, len(rows) + 1), "item"
    _check_objects(path, rows, numbers, row_word)
    if text[start : start + 1] == "{" and len(rows) == 1 and _holds_columns(rows[0]):
        raise ValueError(
            f"{path} contains one JSON object for all rows; one object per row is "
            "needed. With pandas: frame.to_json(path, orient='records', lines=True)."
        )
    return FileTable(
        pd.DataFrame(rows, dtype=object), np.array(numbers, dtype=int), row_word
    )


def iter_json(path, encoding, n_rows):
    """Read a file in pieces of `n_rows` rows, if it has one object per line.

    Another file is one piece.
    """
    if not _has_object_per_line(path, encoding):
        yield read_json(path, encoding)
        return
    with open_text(path, encoding) as file:
        lines = enumerate(map(str.rstrip, file), 1)
        while piece := list(itertools.islice(lines, n_rows)):
            numbers = [number for number, line in piece if line]
            rows = [_decode_line(path, *pair) for pair in piece if pair[1]]
            _check_objects(path, rows, numbers, "line")
            frame = pd.DataFrame(rows, dtype=object)
            yield FileTable(frame, np.array(numbers, dtype=int), "line")


def _has_object_per_line(path, encoding):
    with open_text(path, encoding) as file:
        for line in file:
            if line.strip():
                try:
                    row = _decoder.decode(line)
                except (json.JSONDecodeError, RecursionError):
                    return False
                # One object for all rows is refused by `read_json`.
                return isinstance(row, dict) and not _holds_columns(row)
    return False


def _check_objects(path, rows, numbers, row_word):
    for row, number in zip(rows, numbers, strict=True):
        if not isinstance(row, dict):
            raise ValueError(
                f"{path}, {row_word} {number}: a JSON object with columns is needed, "
                f"got {type(row).__name__}."
            )


def _read_array(path, text, start):
    rows, end = _decode(path, text, start)
    end = _skip_space(text, end)
    if end < len(text):
        raise ValueError(
            f"{path}, line {_line(text, end)}: something follows the end of the array."
        )
    return rows


def _read_lines(path, text):
    """The objects, and the number of the line where each begins."""
    rows, numbers = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append(_decode_line(path, number, line))
            except ValueError:
                spread = None if rows else _read_spread(text)
                if spread is None:  # no object takes several lines
                    raise
                return spread
            numbers.append(number)
    return rows, numbers


def _decode_line(path, number, line):
    try:
        return _decoder.decode(line)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}, line {number}: no JSON ({error.msg} at character "
            f"{error.pos + 1})."
        ) from error
    except RecursionError as error:
        raise ValueError(
            f"{path}, line {number}: brackets are nested too deep."
        ) from error


def _read_spread(text):
    """Read objects that take several lines each; None when `text` is something else."""
    rows, numbers = [], []
    end = _skip_space(text, 0)
    while end < len(text):
        numbers.append(_line(text, end))
        try:
            row, end = _decoder.raw_decode(text, end)
        except (json.JSONDecodeError, RecursionError):
            return None
        rows.append(row)
        end = _skip_space(text, end)
    return rows, numbers


def _decode(path, text, start):
    try:
        return _decoder.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}, line {error.lineno}: no JSON ({error.msg} at character "
            f"{error.colno})."
        ) from error
    except RecursionError as error:
        raise ValueError(
            f"{path}, line {_line(text, start)}: brackets are nested too deep."
        ) from error


def _skip_space(text, start):
    while start < len(text) and text[start] in " \t\n\r":
        start += 1
    return start


def _line(text, position):
    return text.count("\n", 0, position) + 1


def _holds_columns(row):
    return bool(row) and all(isinstance(value, list | dict) for value in row.values())
