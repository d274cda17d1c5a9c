"""Tables as text: the separator, the quotation marks and the rows of a spreadsheet."""

import csv
import re

import pytest

from sklearn_hsae.datasets import load_texts
from sklearn_hsae.datasets._delimited import read_delimited

ROWS = [
    ("slow, rude; late | service", "1"),
    ('they said "hi"', "2"),
    ("two\nlines", "3"),
]


def save(tmp_path, content, name="a.csv"):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path, columns=("text", "y"), default=","):
    frame = read_delimited(path, columns, None, default).frame
    return frame[[name for name in columns if name]].values.tolist()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("default", [",", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_the_separator_is_found(tmp_path, separator, default, line_end):
    """Excel writes the one of the country, whatever the ending promises."""
    path = tmp_path / "a.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(
            file,
            delimiter=separator,
            lineterminator=line_end,
            quoting=csv.QUOTE_ALL if line_end == "\r" else csv.QUOTE_MINIMAL,
        )
        writer.writerows([("id", "text", "y"), *[(7, *row) for row in ROWS]])
    assert read(path, default=default) == [list(row) for row in ROWS]


@pytest.mark.parametrize("line", ["sep=;\n", "sep=;\r\n", '"sep=;"\n', "SEP=^\n"])
def test_excels_line_with_the_separator_is_obeyed(tmp_path, line):
    """It may name a separator that nobody would guess; it is no header."""
    separator = line.strip('"\r\n')[-1]
    path = save(tmp_path, f"{line}text{separator}y\na, b{separator}1\n")
    table = read_delimited(path, ("text", "y"), None, ",")
    assert table.frame.values.tolist() == [["a, b", "1"]]
    assert table.numbers.tolist() == [2]  # Excel does not show the line


def test_unquoted_texts_may_hold_other_separators(tmp_path):
    """The names that are looked for tell the separator, not the number of commas."""
    path = save(tmp_path, "text;y\na, b, c, d, e;1\nf, g;2\n")
    assert read(path) == [["a, b, c, d, e", "1"], ["f, g", "2"]]
    path = save(tmp_path, "my text, in full\ty\na;b\t1\n")
    assert read(path, ("my text, in full", "y")) == [["a;b", "1"]]


def test_a_misspelt_name_does_not_spoil_the_separator(tmp_path):
    """The message lists the columns, not one line with semicolons."""
    path = save(tmp_path, "Review;Stars\na, b;1\nc;2\n")
    with pytest.raises(
        ValueError, match=r"mean 'Review'\? Its columns are: 'Review', 'Stars'\."
    ):
        load_texts(path, text="reviews")


@pytest.mark.parametrize(
    "content", ["text\na\nb\n", 'text\n"a"\n"b"\n', "text\n\na\n\n\nb\n"]
)
def test_one_column_needs_no_separator(tmp_path, content):
    """New texts to be annotated come alone."""
    assert read(save(tmp_path, content), ("text",)) == [["a"], ["b"]]


def test_one_column_of_unquoted_texts(tmp_path):
    """Lists of texts are often written without a thought of commas."""
    path = save(tmp_path, "text\nwell, yes; no\nwell\n")
    assert read(path, ("text",)) == [["well, yes; no"], ["well"]]


def test_rows_are_counted_as_a_spreadsheet_does(tmp_path):
    """The header is row 1; blank rows and texts of several lines are one row each."""
    path = save(tmp_path, 'text,y\n"a\nb",1\n\n,,\nc,2\nd\n')
    table = read_delimited(path, ("text", "y"), None, ",")
    assert table.numbers.tolist() == [2, 5, 6]
    assert table.frame.values.tolist() == [["a\nb", "1"], ["c", "2"], ["d", None]]
    assert table.row_word == "row"


def test_empty_fields_behind_the_header_are_dropped(tmp_path):
    """Excel writes them where a column was once used."""
    assert read(save(tmp_path, "text,y\na,1,,\n")) == [["a", "1"]]


@pytest.mark.parametrize(
    "content, message",
    [
        ("text,y\na,1\nb, c,2\n", r"row 3 .* has 3 fields, and the header has 2.*','"),
        ('text,y\n"a",1\n"b,2\n"c",3\n', "row 3: a quotation mark stands alone"),
        ('text,y\n"a",1\n"b, d,2\n', "row 3: the quotation mark .* never closed"),
        ('text,y\n"a \\"b\\" c",1\n', "row 2: a quotation mark stands alone"),
        ("", "is empty"),
        ("\n\n", "is empty"),
    ],
)
def test_a_broken_row_is_named(tmp_path, content, message):
    """Rows must not be swallowed or shifted without a word."""
    with pytest.raises(ValueError, match=f"(?s){re.escape(str(tmp_path))}.*{message}"):
        read(save(tmp_path, content))


@pytest.mark.parametrize("separator", ["\t", ";", ","])
def test_quotation_marks_can_be_letters(tmp_path, separator):
    """Where nothing is quoted, a text that begins with a mark swallows no rows."""
    rows = [['"hello', "1"], ["fine", "2"], ['"so" she said', "3"], ['5" plate', "4"]]
    lines = [separator.join(row) for row in [["text", "y"], *rows]]
    assert read(save(tmp_path, "\n".join(lines))) == rows


def test_control_characters_stay_in_the_text(tmp_path):
    """NUL, and what Python takes for line ends elsewhere."""
    text = "a\0b\u2028c\x85d\x0be\x0cf"
    assert read(save(tmp_path, f"text,y\n{text},1\n{text},2\n")) == [
        [text, "1"],
        [text, "2"],
    ]


def test_a_long_text_is_read(tmp_path):
    """Python's csv stops at 131,072 characters, and a user's own limit stays."""
    limit = csv.field_size_limit()
    text = "word " * 40_000
    assert read(save(tmp_path, f'text,y\n"{text}",1\n')) == [[text, "1"]]
    assert csv.field_size_limit() == limit


def test_other_columns_have_the_types_of_pandas(tmp_path):
    """They may be controls; only the texts and the outcome are read by our rules."""
    path = save(tmp_path, "text,y,n,group,code\na,1,2,x,1\nb,2,NA,,b\n")
    frame = load_texts(path, text="text", target="y")[2]
    assert frame["n"].dtype.kind == "f" and frame["n"].isna().tolist() == [False, True]
    assert frame["group"].isna().tolist() == [False, True]
    assert frame["code"].tolist() == ["1", "b"]
