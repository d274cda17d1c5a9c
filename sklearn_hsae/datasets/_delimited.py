"""Read csv files with any separator: comma, semicolon, tab or bar."""

import csv
import io
import itertools
import re
from contextlib import contextmanager

from sklearn_hsae.datasets._file_opening import open_text
from sklearn_hsae.datasets._file_table import table_of_cells

_SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?(\r\n|\r|\n|$)', re.IGNORECASE)
_HEAD_CHARACTERS = 2**17
_HEAD_RECORDS = 100


def read_delimited(path, columns, encoding, default_separator):
    """Read a table whose columns are separated by commas, semicolons, tabs or bars.

    `columns` are the names that the caller needs. They show which separator is right:
    only this one splits the first line into these names.
    """
    with open_text(path, encoding) as file:
        head = file.read(_HEAD_CHARACTERS)
    line = _SEPARATOR_LINE.match(head)
    if line:
        separator, n_skipped = line[1], line.end()
    else:
        separator, n_skipped = _find_separator(head, columns, default_separator), 0
    try:
        records = _read_records(path, encoding, n_skipped, separator, csv.QUOTE_MINIMAL)
    except _QuotingError as error:
        records = _without_quoting(path, encoding, n_skipped, separator)
        if records is None:
            raise ValueError(f"{path}, {error}") from error
    return _as_table(path, records, separator)


def _find_separator(head, columns, default):
    """The separator with the most matching names, then with the most regular rows."""
    wanted = [name for name in columns if name is not None]
    candidates = [default, *(s for s in _SEPARATORS if s != default)]
    return max(candidates, key=lambda separator: _fit(head, separator, wanted))


def _fit(head, separator, wanted):
    """How well a separator fits, as a tuple: the largest is best."""
    records = _head_records(head, separator)
    if not records:
        return (0, 0, False, 0.0, 0)
    names, *rows = records
    stripped = [name.strip().lower() for name in names]
    n_like_header = sum(len(row) == len(names) for row in rows)
    return (
        sum(name in names for name in wanted),
        sum(name.strip().lower() in stripped for name in wanted),
        len(names) > 1,
        n_like_header / max(len(rows), 1),
        len(names),
    )


def _head_records(head, separator):
    lines = list(io.StringIO(head, newline=""))
    if len(head) == _HEAD_CHARACTERS and len(lines) > 1:
        lines.pop()  # incomplete
    with _long_fields():
        reader = csv.reader(lines, delimiter=separator)
        try:
            records = list(itertools.islice(reader, _HEAD_RECORDS + 1))
        except csv.Error:
            return []
    return [record for record in records if record]


class _QuotingError(Exception):
    """Quotation marks that do not come in pairs."""


def _read_records(path, encoding, n_skipped, separator, quoting):
    """All records of a file; blank lines are empty records."""
    with open_text(path, encoding) as file, _long_fields():
        file.read(n_skipped)
        # Without strict, a text that begins with a single quotation mark would contain
        # all rows up to the next quotation mark.
        reader = csv.reader(file, delimiter=separator, quoting=quoting, strict=True)
        records = []
        try:
            for record in reader:
                records.append(record)
        except csv.Error as error:
            number = len(records) + 1
            message = (
                f"row {number}: the quotation mark that opens a text is never closed"
                if "unexpected end" in str(error)
                else f"row {number}: a quotation mark stands alone in a quoted text"
            )
            raise _QuotingError(
                f"{message} (the first row is 1). Write quotation marks within a "
                'quoted text twice: "".'
            ) from error
    return records


def _without_quoting(path, encoding, n_skipped, separator):
    """Read quotation marks as plain characters; None when the file uses quoting.

    Many programs write tab-separated texts without quoting. This is so when every row
    has as many fields as the header, and no field is between two quotation marks.
    """
    records = _read_records(path, encoding, n_skipped, separator, csv.QUOTE_NONE)
    n_columns = len(records[0])
    for record in records:
        if record and (len(record) != n_columns or any(map(_is_quoted, record))):
            return None
    return records


def _is_quoted(field):
    return len(field) > 1 and field[0] == field[-1] == '"'


def _as_table(path, records, separator):
    start = next((i for i, record in enumerate(records) if record), len(records))
    if start == len(records):
        raise ValueError(f"{path} is empty.")
    n_columns = len(records[start])
    for i, record in enumerate(records[start + 1 :], start + 2):
        if len(record) > n_columns and any(record[n_columns:]):
            raise ValueError(
                f"{path}, row {i} (the first is 1) has {len(record)} fields, and the "
                f"header has {n_columns}. A text that contains {separator!r} must be "
                "between quotation marks."
            )
    return table_of_cells(records[start], records[start + 1 :], first_number=start + 2)


@contextmanager
def _long_fields():
    """Let fields be longer than the 131,072 characters that csv allows."""
    limit = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(limit)
