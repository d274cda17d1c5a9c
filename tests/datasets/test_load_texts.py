"""Texts and outcomes from a user's file."""

import re
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from sklearn_hsae.datasets import load_texts

TEXTS = ["Slow, rude service", 'They said "hi"', "Crème brûlée ☕"]
STARS = [1, 4, 5]


def save(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    "name",
    ["a.csv", "a.tsv", "a.tab", "a.txt", "a.jsonl", "a.csv.gz", "a.v2.jsonl.gz"]
    + ["a.parquet", "A.CSV", "A.JSONL.GZ", "A.PARQUET", "a.xlsx"],
)
def test_what_is_written_is_read(tmp_path, name):
    """Commas, quotation marks and accents survive in every kind of file."""
    frame = pd.DataFrame({"id": ["x", "y", "z"], "text": TEXTS, "stars": STARS})
    path, kind = tmp_path / name, name.lower()
    compression = "gzip" if kind.endswith(".gz") else None
    if ".jsonl" in kind:
        frame.to_json(path, orient="records", lines=True, compression=compression)
    elif ".parquet" in kind:
        frame.to_parquet(path)
    elif ".xlsx" in kind:
        frame.to_excel(path, index=False)
    else:
        separator = "," if ".csv" in kind else "\t"
        frame.to_csv(path, index=False, sep=separator, compression=compression)
    texts, y, read = load_texts(path, text="text", target="stars")
    assert texts.tolist() == TEXTS
    assert y.tolist() == STARS and y.dtype.kind == "i"
    assert read.columns.tolist() == ["id", "text", "stars"] and len(read) == 3


def test_without_a_target_there_is_no_y(tmp_path):
    """New texts to be annotated have no outcome."""
    path = save(tmp_path, "a.csv", "text\nhello\n")
    texts, y, _ = load_texts(str(path), text="text")
    assert texts.tolist() == ["hello"] and y is None


@pytest.mark.parametrize("word", ["NA", "None", "null", "n/a", "nan", "12", "true"])
def test_every_word_is_a_text(tmp_path, word):
    """People answer "none" and "12"; an empty cell only is no text."""
    path = save(tmp_path, "a.csv", f"text,y\n{word},1\nfine,2\n")
    assert load_texts(path, text="text")[0].tolist() == [word, "fine"]


def test_labels_are_plain_strings(tmp_path):
    """The kind of string that pandas uses is not known to every estimator."""
    path = save(tmp_path, "a.csv", "text,y\na,yes\nb,no\n")
    y = load_texts(path, text="text", target="y")[1]
    assert y.dtype == object and [type(label) for label in y] == [str, str]


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.csv", "text,stars\n", "holds no row"),
        (
            "a.csv",
            "review,stars\na,1\n",
            "no column 'text'. Its columns are: 'review', 'stars'",
        ),
        ("a.jsonl", '{"review": "a"}\n', "no column 'text'.*'review'"),
        ("a.csv", "text,stars\na,1\n,2\n", "no value of 'text' in row 3"),
        ("a.csv", "text,stars\na,1\n  ,2\n\u3000,3\n", r"'text' in 2 rows \(3, 4\)"),
        (
            "a.jsonl",
            '{"text": "a"}\n\n{"text": null}\n',
            "no value of 'text' in line 3",
        ),
        ("a.jsonl", '{"text": "a"}\n{"text": 3}\n', "int instead of texts in line 2"),
        (
            "a.jsonl",
            '{"text": ["a"]}\n{"text": ["b"]}\n',
            "list instead of texts in all rows",
        ),
        ("a.csv", "text,stars\na,1\na,2\n", None),
        ("a.csv", "stars,text\na,1\nb,2.5\n", "holds numbers only, such as '1'"),
        ("a.csv", "text\n12\n013\n", "holds numbers only"),
        ("a.csv", "text,text,y\na,b,1\n", "2 columns named 'text'"),
        ("a.parquet", "no parquet", "cannot be read"),
        (
            "a.xls",
            "PK",
            r"ends with '\.xls'.*\.csv, .*\.xlsx or \.parquet.*'CSV UTF-8'",
        ),
        ("a.ods", "PK", r"ends with '\.ods'"),
        ("a.tar.gz", "PK", r"ends with '\.tar'"),
        ("a.csv.zst", "PK", r"ends with '\.zst'"),
        ("a.gz", "PK", r"ends with ''.*\.csv"),
        ("a", "text\na\n", r"ends with ''.*\.csv"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, name, content, message):
    """Whatever is wrong with a file is a ValueError with its path and the reason."""
    path = save(tmp_path, name, content)
    if message is None:
        assert len(load_texts(path, text="text")[0]) == 2
        return
    with pytest.raises(ValueError, match=f"(?s){re.escape(str(path))}.*{message}"):
        load_texts(path, text="text")


@pytest.mark.parametrize(
    "header, wanted, suggestion",
    [
        (" text ,y", "text", " text "),
        ("Text,y", "text", "Text"),
        ("review_text,y", "review text", "review_text"),
        ("text\u00a0,y", "text", "text\u00a0"),
        ("starz,text", "stars", "starz"),
    ],
)
def test_the_near_name_is_suggested(tmp_path, header, wanted, suggestion):
    """Blanks around a name are seen only between quotation marks."""
    path = save(tmp_path, "a.csv", f"{header}\na,1\nb,2\n")
    with pytest.raises(ValueError, match=re.escape(f"Did you mean {suggestion!r}?")):
        load_texts(path, text=wanted)


def test_many_columns_are_not_all_listed(tmp_path):
    """A survey has hundreds."""
    names = ",".join(f"q{i}" for i in range(300))
    path = save(tmp_path, "a.csv", f"{names}\n{'1,' * 299}1\n")
    with pytest.raises(ValueError, match=r"'q29', \.\.\.\.$"):
        load_texts(path, text="text")


def test_rows_without_a_value_are_named_or_left_out(tmp_path):
    """The first ten numbers are enough to find them, and fit on a screen."""
    lines = [f"{'' if i == 0 else 't'},{'' if i % 2 else i},{i}" for i in range(40)]
    path = save(tmp_path, "a.csv", "text,y,id\n" + "\n".join(lines))
    message = r"'text' in row 2 and no value of 'y' in 20 rows \(3, 5, .*, 21, \.\.\.\)"
    with pytest.raises(ValueError, match=f"{message}.*drop_missing=True"):
        load_texts(path, text="text", target="y")
    with pytest.warns(UserWarning, match="21 of 40 rows .* are left out") as caught:
        texts, y, frame = load_texts(path, text="text", target="y", drop_missing=True)
    assert caught[0].filename == __file__
    assert len(texts) == 19 and y.tolist() == list(range(2, 40, 2))
    assert frame["id"].tolist() == list(range(2, 40, 2))
    # A spreadsheet shows the header as row 1.
    assert frame.index.tolist() == list(range(4, 42, 2)) and frame.index.name == "row"


def test_ids_are_kept_as_they_are_written(tmp_path):
    """A number would lose its zeros, and digits beyond the sixteenth."""
    path = save(tmp_path, "a.csv", "text,id\na,007\nb,12345678901234567890\nc,\n")
    _, _, frame = load_texts(path, text="text", columns={"id": "text"})
    assert frame["id"].tolist() == ["007", "12345678901234567890", None]
    assert frame.index.tolist() == [2, 3, 4]


def test_when_every_row_is_left_out_nothing_is_read(tmp_path):
    """An empty result would fail later, with another message."""
    path = save(tmp_path, "a.csv", "text,y\na,\n,1\n")
    with pytest.raises(ValueError, match="no row is left"):
        load_texts(path, text="text", target="y", drop_missing=True)


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.csv", "text,y\na,1\nb,inf\nc,-Infinity\n"),
        ("a.csv", "text,y\na,1\nb,1e999\nc,∞\n"),
        (
            "a.jsonl",
            '\n{"text": "a", "y": Infinity}\n{"text": "b", "y": 1e999}\n'
            '{"text": "c", "y": 1}',
        ),
    ],
)
@pytest.mark.parametrize("drop_missing", [False, True])
def test_infinite_outcomes_are_named(tmp_path, name, content, drop_missing):
    """They are values that are wrong, and must not be left out without a look."""
    rows = "rows (3, 4)" if name == "a.csv" else "lines (2, 3)"
    with pytest.raises(ValueError, match=re.escape(f"infinite in 2 {rows}")):
        path = save(tmp_path, name, content)
        load_texts(path, text="text", target="y", drop_missing=drop_missing)


@pytest.mark.parametrize(
    "stars, expected",
    [
        (pd.array([1, 2, 4], dtype="UInt8"), [1, 2, 4]),
        ([Decimal("1.25"), Decimal("2.5"), Decimal("4")], [1.25, 2.5, 4]),
        (pd.Categorical(["low", "high", "mid"]), ["low", "high", "mid"]),
        (pd.array([True, False, True], dtype="boolean"), [True, False, True]),
        (["1,5", "2", "3"], [1.5, 2, 3]),
    ],
)
def test_the_types_of_parquet(tmp_path, stars, expected):
    """What databases write: nullable, exact, coded."""
    path = tmp_path / "a.parquet"
    frame = pd.DataFrame({"text": TEXTS, "stars": stars})
    frame.assign(text=frame["text"].astype("category")).to_parquet(path)
    texts, y, _ = load_texts(path, text="text", target="stars")
    assert texts.tolist() == TEXTS and y.tolist() == expected


@pytest.mark.parametrize("text", [[b"a", b"b"], [["a"], ["b"]], [1, 2]])
def test_a_column_of_something_else_is_named(tmp_path, text):
    """Bytes, lists of words and numbers are no texts."""
    path = tmp_path / "a.parquet"
    pd.DataFrame({"text": text}).to_parquet(path)
    with pytest.raises(
        ValueError, match=r"instead of texts in all rows.*column of the texts"
    ):
        load_texts(path, text="text")


@pytest.mark.parametrize("option", [{"task": "regresion"}, {"decimal": ";"}])
def test_a_wrong_option_is_named(tmp_path, option):
    """Before the file is read."""
    with pytest.raises(ValueError, match=f"{next(iter(option))}='.*' is none of"):
        load_texts(tmp_path / "a.csv", text="text", **option)


def test_no_such_file(tmp_path):
    """A wrong path is not reported as a broken file."""
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
        load_texts(tmp_path / "nothing.csv", text="text")


def test_a_folder_is_no_file(tmp_path):
    """A folder may have the ending of a file."""
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(ValueError, match="is a folder"):
        load_texts(tmp_path / "a.csv", text="text")


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    """The package is optional; the message is the line to type."""
    path = tmp_path / "a.parquet"
    pd.DataFrame({"text": TEXTS}).to_parquet(path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-hsae\[parquet\]'"):
        load_texts(path, text="text")


def test_the_result_can_be_changed(tmp_path):
    """A read-only view of a frame would fail in the user's next line."""
    path = save(tmp_path, "a.csv", "text,y\na,1\nb,2.5\n")
    texts, y, _ = load_texts(path, text="text", target="y")
    texts[0], y[0] = "new", 7
    assert (texts[0], y[0]) == ("new", 7) and isinstance(y, np.ndarray)


def test_the_frame_holds_the_outcome_as_it_was_read(tmp_path):
    """A column of strings would be no use where the outcome is one of the columns."""
    path = save(tmp_path, "a.csv", "text;y;n\na;1,5;3\nb;2;4\n")
    frame = load_texts(path, text="text", target="y")[2]
    assert frame["y"].tolist() == [1.5, 2.0] and frame["n"].tolist() == [3, 4]


def test_more_columns_are_read_as_the_outcome_is(tmp_path):
    """Numbers in any format, names as names; a row without one counts as missing."""
    path = tmp_path / "a.csv"
    path.write_text("text;y;price;shop\na;1;2,5;7\nb;2;1.000,25;x\nc;3;;y\n")
    columns = {"price": "auto", "shop": "classification"}
    with pytest.warns(UserWarning, match="1 of 3 rows.*no value of 'price' in row 4"):
        *_, frame = load_texts(
            path, text="text", target="y", columns=columns, drop_missing=True
        )
    assert frame["price"].tolist() == [2.5, 1000.25]
    assert frame["shop"].tolist() == ["7", "x"]
    with pytest.raises(ValueError, match=r"'Price'\. Did you mean 'price'"):
        load_texts(path, text="text", columns={"Price": "auto"})
    with pytest.raises(ValueError, match=r"columns=\{'shop': 'classification'\}"):
        load_texts(path, text="text", columns={"shop": "regression", "y": "auto"})
