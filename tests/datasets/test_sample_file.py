"""Samples of files, and files in pieces."""

import numpy as np
import pandas as pd
import pytest

from sklearn_hsae import load_texts
from sklearn_hsae.datasets._file_kinds import iter_file, read_file

N_ROWS = 2_000


def write(frame, path):
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")


@pytest.fixture
def frame():
    texts = [f'text {i}, "quoted"\nand more' for i in range(N_ROWS)]
    return pd.DataFrame({"text": texts, "stars": np.arange(N_ROWS) / 2, "id": "007"})


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.csv.gz"])
def test_pieces_together_are_the_file(frame, tmp_path, name):
    path = tmp_path / name
    write(frame, path)
    whole = read_file(path, ("text", "stars"), as_written=True)
    pieces = list(iter_file(path, ("text", "stars"), n_rows=300))
    assert max(len(piece.frame) for piece in pieces) == 300
    together = pd.concat([piece.frame for piece in pieces], ignore_index=True)
    pd.testing.assert_frame_equal(together, whole.frame)
    numbers = np.concatenate([piece.numbers for piece in pieces])
    assert numbers.tolist() == whole.numbers.tolist()
    assert {piece.row_word for piece in pieces} == {whole.row_word}


def test_tabs_without_quoting_and_blank_lines_in_pieces(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('text\tstars\n"half\t1\n\nb\t2\nc\t3\n')
    pieces = list(iter_file(path, ("text",), n_rows=2))
    assert [piece.frame["text"].tolist() for piece in pieces] == [
        ['"half'],
        ["b", "c"],
        [],
    ]
    assert [piece.numbers.tolist() for piece in pieces] == [[2], [4, 5], []]


def test_json_on_several_lines_is_one_piece(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"text":\n "a"}\n{"text": "b"}')
    (piece,) = iter_file(path, ("text",), n_rows=1)
    assert piece.frame["text"].tolist() == ["a", "b"]


def test_a_line_that_is_no_json_is_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n{"text": \n')
    with pytest.raises(ValueError, match="line 2: no JSON"):
        list(iter_file(path, ("text",), n_rows=1))


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_a_sample_is_rows_of_the_file(frame, tmp_path, name, monkeypatch):
    monkeypatch.setattr("sklearn_hsae.datasets._sample_file._ROWS_PER_PIECE", 100)
    path = tmp_path / name
    write(frame, path)
    read = {"text": "text", "target": "stars", "max_rows": 150}
    texts, stars, rows = load_texts(path, **read)
    assert len(texts) == len(set(texts)) == 150
    assert rows.attrs["n_rows_in_file"] == N_ROWS
    positions = (stars * 2).astype(int)
    assert (np.diff(positions) > 0).all()
    assert texts.tolist() == frame["text"].iloc[positions].tolist()
    whole = load_texts(path, text="text", target="stars")[2]
    pd.testing.assert_frame_equal(rows, whole.loc[rows.index])
    assert load_texts(path, **read)[0].tolist() == texts.tolist()
    assert load_texts(path, **read, random_state=1)[0].tolist() != texts.tolist()
    assert len(load_texts(path, **{**read, "max_rows": N_ROWS})[0]) == N_ROWS


def test_each_row_is_drawn_equally_often(tmp_path, monkeypatch):
    monkeypatch.setattr("sklearn_hsae.datasets._sample_file._ROWS_PER_PIECE", 7)
    path = tmp_path / "a.csv"
    path.write_text("text,stars\n" + "".join(f"t{i},{i}\n" for i in range(40)))
    counts = np.zeros(40)
    for seed in range(400):
        _, stars, _ = load_texts(
            path, text="text", target="stars", max_rows=10, random_state=seed
        )
        counts[stars.astype(int)] += 1
    # 400 draws of 10 in 40: chi-square of 39 degrees of freedom, 99.9 % below 73.
    assert counts.sum() == 4000
    assert ((counts - 100) ** 2 / 75).sum() < 73


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_rows": 0}, "max_rows == 0, must be >= 1"),
        ({"max_rows": 2.5}, "max_rows must be an instance of"),
        ({"max_rows": 5, "random_state": "x"}, "random_state must be an instance of"),
    ],
)
def test_a_wrong_number_is_named(options, message, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,stars\na,1\nb,2\n")
    with pytest.raises((ValueError, TypeError), match=message):
        load_texts(path, text="text", target="stars", **options)
