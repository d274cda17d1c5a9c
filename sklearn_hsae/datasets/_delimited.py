"""Read csv files with any separator: comma, semicolon, tab or bar."""

import csv
import io
import itertools
import re
from contextlib import closing, contextmanager

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
    (table,) = iter_delimited(path, columns, encoding, default_separator, None)
    return table


def iter_delimited(path, columns, encoding, default_separator, n_rows):
    """Read such a table in pieces of `n_rows` rows; None is one piece."""
    with open_text(path, encoding) as file:
        head = file.read(_HEAD_CHARACTERS)
    line = _SEPARATOR_LINE.match(head)
    if line:
        separator, n_skipped = line[1], line.end()
    else:
        separator, n_skipped = _find_separator(head, columns, default_separator), 0
    opened = path, encoding, n_skipped, separator
    quoting = csv.QUOTE_MINIMAL
    try:
        _check_records(path, _records(*opened, quoting), separator)
    except _QuotingError as error:
        quoting = csv.QUOTE_NONE
        if not _are_plain(_records(*opened, quoting)):
            raise ValueError(f"{path}, {error}") from error
    with closing(_records(*opened, quoting)) as records:
        numbered = enumerate(records, 1)
        number, names = next(pair for pair in numbered if pair[1])
        while True:
            rows = [record for _, record in itertools.islice(numbered, n_rows)]
            yield table_of_cells(names, rows, first_number=number + 1)
            number += len(rows)
            if n_rows is None or len(rows) < n_rows:
                return


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


def _records(path, encoding, n_skipped, separator, quoting):
    """Yield the records of a file; blank lines are empty records."""
    with open_text(path, encoding) as file, _long_fields():
        file.read(n_skipped)
        # Without strict, a text that begins with a single quotation mark would contain
        # all rows up to the next quotation mark.
        reader = csv.reader(file, delimiter=separator, quoting=quoting, strict=True)
        number = 1
        try:
            for record in reader:
                yield record
                number += 1
        except csv.Error as error:
            message = (
                f"row {number}: the quotation mark that opens a text is never closed"
                if "unexpected end" in str(error)
                else f"row {number}: a quotation mark stands alone in a quoted text"
            )
            raise _QuotingError(
                f"{message} (the first row is 1). Write quotation marks within a "
                'quoted text twice: "".'
            ) from error


def _check_records(path, records, separator):
    """Refuse a table without a row, and rows with more fields than the header."""
    n_columns = None
    for number, record in enumerate(records, 1):
        if n_columns is None and record:
            n_columns = len(record)
        elif n_columns and len(record) > n_columns and any(record[n_columns:]):
            raise ValueError(
                f"{path}, row {number} (the first is 1) has {len(record)} fields, and "
                f"the header has {n_columns}. A text that contains {separator!r} must "
                "be between quotation marks."
            )
    if n_columns is None:
        raise ValueError(f"{path} is empty.")


def _are_plain(records):
    """Whether a file may be read with quotation marks as plain characters.

    Many programs write tab-separated texts without quoting. This is so when every row
    has as many fields as the header, and no field is between two quotation marks.
    """
    n_columns = None
    for record in records:
        n_columns = n_columns or len(record)
        if record and (len(record) != n_columns or any(map(_is_quoted, record))):
            return False
    return True


def _is_quoted(field):
    return len(field) > 1 and field[0] == field[-1] == '"'


@contextmanager
def _long_fields():
    """Let fields be longer than the 131,072 characters that csv allows."""
    limit = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(limit)
