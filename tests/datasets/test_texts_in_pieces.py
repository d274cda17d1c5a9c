"""A file in pieces has the texts and values that load_texts reads from the whole."""

import json

import numpy as np
import pandas as pd
import pytest

from sklearn_hsae import load_texts
from sklearn_hsae.datasets import TextsInPieces

TEXTS = [f"text {i}" for i in range(5)] + ["6", "7"]


def pieces_of(path, n_rows=2, text="text", columns=None, **options):
    return TextsInPieces(
        path, text=text, columns=columns or {}, n_rows=n_rows, **options
    )


def write(path, frame):
    writers = {
        ".csv": lambda: frame.to_csv(path, index=False, sep=";"),
        ".jsonl": lambda: frame.to_json(path, orient="records", lines=True),
        ".parquet": lambda: frame.to_parquet(path, index=False),
    }
    writers[path.suffix]()
    return path


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_texts_and_values_are_those_of_the_whole_file(tmp_path, ending):
    # "1,234" is clear beside "0,5" alone; the last piece holds numbers for texts.
    prices = ["0,5", "2", "3", "1,234", "5", "6", "7"]
    frame = pd.DataFrame({"text": TEXTS, "price": prices, "word": list("abcabca")})
    path = write(tmp_path / f"a.{ending}", frame)
    columns = {"price": "regression", "word": "classification"}
    texts, _, expected = load_texts(path, text="text", columns=columns)
    pieces = pieces_of(path, columns=columns)
    rows, found, values = zip(*pieces, strict=True)
    assert [len(piece) for piece in found] == [2, 2, 2, 1] and pieces.n_texts == 7
    assert np.concatenate(found).tolist() == texts.tolist()
    values = pd.concat(values)
    assert values["price"].tolist() == expected["price"].tolist()
    assert values["word"].tolist() == expected["word"].tolist()
    # As they are written.
    assert pd.concat(rows)["price"].tolist() == prices


@pytest.mark.filterwarnings("error")
def test_rows_without_a_value_are_left_out_of_their_pieces(tmp_path):
    frame = pd.DataFrame({"text": ["a", None, "c", None, None, "f"], "n": [*range(6)]})
    path = write(tmp_path / "a.csv", frame)
    with pytest.raises(ValueError, match=r"no value of 'text' in 3 rows \(3, 5, 6\)"):
        pieces_of(path)
    with pytest.warns(UserWarning, match="3 of 6 rows"):
        pieces = pieces_of(path, n_rows=1, drop_missing=True)
    assert [texts.tolist() for _, texts, _ in pieces] == [["a"], ["c"], ["f"]]


def test_objects_have_the_keys_of_all_pieces_in_one_order(tmp_path):
    path = tmp_path / "a.jsonl"
    rows = [{"text": "a"}, {"b": 1, "text": "b"}, {"c": 2, "text": "c", "b": 3}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for rows, _, _ in pieces_of(path, n_rows=1):
        assert list(rows.columns) == ["text", "b", "c"]
    assert rows.iloc[0].tolist() == ["c", 3, 2]


def test_the_types_of_parquet_do_not_depend_on_the_piece(tmp_path):
    frame = pd.DataFrame(
        {
            "text": list("abcd"),
            "n": pd.Series([1, 2, None, 4], dtype=object),  # int64 in parquet
            "day": pd.to_datetime(["2020-01-01 00:00"] * 3 + ["2020-01-01 10:00"]),
            "kind": pd.Categorical(list("xyzx")),
        }
    )
    path = write(tmp_path / "a.parquet", frame)
    rows = pd.concat(rows for rows, _, _ in pieces_of(path, n_rows=1))
    assert [str(n) for n in rows["n"]] == ["1", "2", "None", "4"]
    assert len({len(str(day)) for day in rows["day"]}) == 1
    assert rows["kind"].tolist() == list("xyzx")


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("text\n1\n2\n3\n", {}, "holds numbers only, such as '1'"),
        ("text,n\na,1\nb,2\n", {"text": "words"}, "has no column 'words'"),
        ("text,text\na,1\nb,2\n", {}, "2 columns named 'text'"),
        ("text,n\n", {"text": "words"}, "has no column 'words'"),
        ("text,n\na,1\nb,x\n", {"columns": {"n": "regression"}}, "'x' in row 3"),
    ],
)
def test_errors_are_told_before_the_first_piece(tmp_path, content, options, message):
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        pieces_of(path, n_rows=1, **options)


def test_a_file_that_changes_meanwhile_is_told(tmp_path):
    path = write(tmp_path / "a.csv", pd.DataFrame({"text": TEXTS}))
    pieces = iter(pieces_of(path))
    next(pieces)
    write(path, pd.DataFrame({"text": [*TEXTS, "more"]}))
    with pytest.raises(ValueError, match="has changed since the call began"):
        next(pieces)
