"""Read tables from Excel workbooks."""

import warnings
import zipfile

from sklearn_hsae._extras import import_extra
from sklearn_hsae.datasets._file_table import table_of_cells


def read_workbook(path, columns):
    """Read the sheet of a workbook that has the needed columns."""
    openpyxl = import_extra("openpyxl", extra="excel", use="xlsx files")
    try:
        sheets = _read_sheets(path, openpyxl)
    except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is no Excel workbook that can be read. Open it in Excel, and save "
            "it again as .xlsx or as 'CSV UTF-8'."
        ) from error
    if not sheets:
        raise ValueError(f"{path} is empty.")
    wanted = {name for name in columns if name is not None}
    matching = [name for name, rows in sheets.items() if wanted <= _header(rows)]
    if len(matching) > 1:
        raise ValueError(
            f"{path} has the columns in {len(matching)} sheets: "
            f"{', '.join(map(repr, matching))}. Save the sheet to read as a separate "
            "file."
        )
    rows = sheets[matching[0]] if matching else next(iter(sheets.values()))
    # Formats may reach far beyond the cells that hold something.
    width = max(
        j + 1 for row in rows for j, is_full in enumerate(_cells(row)) if is_full
    )
    rows = [row[:width] for row in rows]
    start = _start(rows)
    return table_of_cells(rows[start], rows[start + 1 :], first_number=start + 2)


def _read_sheets(path, openpyxl):
    """The rows of each sheet that is not empty. A formula is its last result."""
    # As a stream, because openpyxl refuses paths with another ending.
    with path.open("rb") as file, warnings.catch_warnings():
        # The warnings are about styles and validation rules, which are not used.
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        try:
            sheets = {
                sheet.title: list(sheet.iter_rows(values_only=True))
                for sheet in book.worksheets
            }
        finally:
            book.close()
    return {name: rows for name, rows in sheets.items() if _start(rows) is not None}


def _start(rows):
    """The position of the header: the first row with a cell."""
    return next((i for i, row in enumerate(rows) if any(_cells(row))), None)


def _cells(row):
    """Which cells of a row are not empty."""
    return [cell not in ("", None) for cell in row]


def _header(rows):
    return {str(cell) for cell in rows[_start(rows)] if cell is not None}
