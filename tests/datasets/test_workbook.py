"""Excel workbooks."""

import datetime
import sys

import pytest

from sklearn_hsae.datasets import load_texts

openpyxl = pytest.importorskip("openpyxl")

ROWS = [["text", "y"], ["slow", 1], ["good, really", 2.5]]


def save(tmp_path, name="a.xlsx", **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(tmp_path / name)
    return tmp_path / name


@pytest.mark.parametrize("name", ["a.xlsx", "a.XLSX"])
def test_a_workbook_is_read(tmp_path, name):
    """Most people's texts are in one."""
    texts, y, frame = load_texts(
        save(tmp_path, name, one=ROWS), text="text", target="y"
    )
    assert texts.tolist() == ["slow", "good, really"] and y.tolist() == [1, 2.5]
    assert frame.columns.tolist() == ["text", "y"]


def test_a_workbook_shows_by_its_content(tmp_path):
    """Some save it under the name of a csv file."""
    path = save(tmp_path, one=ROWS).rename(tmp_path / "a.csv")
    assert load_texts(path, text="text")[0].tolist() == ["slow", "good, really"]


def test_the_sheet_with_the_columns_is_read(tmp_path):
    """Notes and empty sheets stand before the data."""
    path = save(tmp_path, empty=[], notes=[["made by me"]], data=ROWS)
    assert len(load_texts(path, text="text", target="y")[0]) == 2


def test_several_sheets_with_the_columns_are_named(tmp_path):
    """One of them would be left out without a word."""
    with pytest.raises(ValueError, match="in 2 sheets: 'May', 'June'"):
        load_texts(save(tmp_path, May=ROWS, June=ROWS), text="text")


def test_rows_are_counted_as_excel_does(tmp_path):
    """Blank rows count, above the header too, and get lost nowhere else."""
    rows = [[], ["text", "y"], ["a", 1], [None, None], [None, 2], ["c", "NA"], ["d", 4]]
    path = save(tmp_path, one=rows)
    with pytest.raises(
        ValueError, match="no value of 'text' in row 5 and no value of 'y' in row 6"
    ):
        load_texts(path, text="text", target="y")
    with pytest.warns(UserWarning, match="2 of 4 rows"):
        texts, y, _ = load_texts(path, text="text", target="y", drop_missing=True)
    assert texts.tolist() == ["a", "d"] and y.tolist() == [1, 4]


def test_formatted_cells_without_a_value_are_no_columns(tmp_path):
    """Somebody coloured a row to its end."""
    book = openpyxl.Workbook()
    for row in ROWS:
        book.active.append(row)
    book.active.cell(2, 300).fill = openpyxl.styles.PatternFill("solid", "FFFF00")
    book.save(tmp_path / "a.xlsx")
    frame = load_texts(tmp_path / "a.xlsx", text="text")[2]
    assert frame.columns.tolist() == ["text", "y"]


def test_dates_are_named(tmp_path):
    """A cell with a date is no text and no number."""
    days = [datetime.datetime(2024, 1, day) for day in (1, 2, 3)]
    path = save(tmp_path, one=[["text", "y"], *[["a", day] for day in days]])
    with pytest.raises(
        ValueError, match="holds dates or times: '2024-01-01 00:00:00' in row 2"
    ):
        load_texts(path, text="text", target="y")


def test_a_number_among_the_texts_is_named(tmp_path):
    """Excel turns a text of digits into a number."""
    with pytest.raises(
        ValueError, match="holds int instead of texts in row 3, such as '7'"
    ):
        load_texts(save(tmp_path, one=[["text"], ["a"], [7]]), text="text")


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04xxxx", b"\xd0\xcf\x11\xe0xxxx", b"text\na\n", b""]
)
def test_what_is_no_workbook_is_named(tmp_path, content):
    """Broken, old, locked by a password, or a csv in disguise."""
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.xlsx .*(damaged|save it again)"):
        load_texts(path, text="text")


def test_an_empty_workbook_is_named(tmp_path):
    """Nothing was entered, or only a header."""
    with pytest.raises(ValueError, match="is empty"):
        load_texts(save(tmp_path, one=[]), text="text")
    with pytest.raises(ValueError, match="holds no row"):
        load_texts(save(tmp_path, one=ROWS[:1]), text="text")


def test_the_extra_is_named(tmp_path, monkeypatch):
    """The message is the line to type."""
    path = save(tmp_path, one=ROWS)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-hsae\[excel\]'"):
        load_texts(path, text="text")
