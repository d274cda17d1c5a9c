"""The rows of a file, with the row numbers that the user's program shows."""

from typing import NamedTuple

import numpy as np
import pandas as pd

_MAX_ROWS_IN_MESSAGE = 10
_NO_VALUE = ("NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "#N/A")


class FileTable(NamedTuple):
    """The rows of a file.

    Attributes
    ----------
    frame : DataFrame of n_rows rows
        The columns of the file.
    numbers : ndarray of shape (n_rows,)
        Number of each row in the file.
    row_word : str
        What the numbers count: "row" (1 is the header), "line", "item" or "row
        position" (from 0).
    """

    frame: pd.DataFrame
    numbers: np.ndarray
    row_word: str

    def name_rows(self, mask):
        """The rows of a mask as text, such as "3 rows (2, 5, 9)"."""
        numbers = self.numbers[mask]
        if len(numbers) == 1:
            return f"{self.row_word} {numbers[0]}"
        shown = ", ".join(map(str, numbers[:_MAX_ROWS_IN_MESSAGE]))
        more = ", ..." if len(numbers) > _MAX_ROWS_IN_MESSAGE else ""
        return f"{len(numbers):,} {self.row_word}s ({shown}{more})"

    def name_row(self, position):
        """The row at a position as text, such as "row 2"."""
        return f"{self.row_word} {self.numbers[position]}"


def table_of_cells(names, records, first_number):
    """Make a table from a header and rows of cells.

    Empty rows are left out, but counted, so that the row numbers are those that a
    spreadsheet program shows. An empty cell becomes None.
    """
    rows = [[None if cell == "" else cell for cell in record] for record in records]
    is_row = np.array(
        [any(cell is not None for cell in row) for row in rows], dtype=bool
    )
    numbers = first_number + np.flatnonzero(is_row)
    n_columns = len(names)
    rows = [
        row[:n_columns] + [None] * (n_columns - len(row))
        for row, is_kept in zip(rows, is_row, strict=True)
        if is_kept
    ]
    labels = [
        f"Unnamed: {j}" if name in ("", None) else str(name)
        for j, name in enumerate(names)
    ]
    # The names are set afterwards, because two columns may have the same name.
    frame = pd.DataFrame(rows, columns=range(n_columns), dtype=object)
    return FileTable(frame.set_axis(labels, axis=1), numbers, "row")


def read_as_numbers(column):
    """Convert a column of strings to numbers if all are numbers or mean "no value".

    For columns that are neither the texts nor the target. The result is that of
    :func:`pandas.read_csv`.
    """
    try:
        return pd.to_numeric(column.mask(column.isin(_NO_VALUE), np.nan))
    except (TypeError, ValueError):
        return column.infer_objects()
