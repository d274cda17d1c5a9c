"""Files, folders and datasets in pieces."""

import pandas as pd
import pyarrow.dataset
import pytest

from sklearn_hsae.out_of_core import read_pieces

FRAME = pd.DataFrame({"text": [f"text {i}" for i in range(25)], "stars": range(25)})


def together(pieces):
    return pd.concat(pieces, ignore_index=True)["text"].tolist()


def test_a_folder_is_its_files_in_the_order_of_their_names(tmp_path):
    FRAME[:10].to_csv(tmp_path / "a.csv", index=False)
    FRAME[10:20].to_parquet(tmp_path / "b.parquet")
    FRAME[20:].to_json(tmp_path / "c.jsonl", orient="records", lines=True)
    pieces = list(read_pieces(tmp_path, ["text"], n_rows=6))
    assert [len(piece) for piece in pieces] == [6, 4, 6, 4, 5]
    assert together(pieces) == FRAME["text"].tolist()
    files = [tmp_path / "c.jsonl", tmp_path / "a.csv"]
    assert together(read_pieces(files, ["text"])) == [
        *FRAME["text"][20:],
        *FRAME["text"][:10],
    ]


def test_datasets_of_pyarrow_and_iterables_of_frames(tmp_path):
    FRAME.to_parquet(tmp_path / "a.parquet")
    dataset = pyarrow.dataset.dataset(tmp_path / "a.parquet")
    assert together(read_pieces(dataset, ["text"])) == FRAME["text"].tolist()
    frames = (FRAME[i : i + 10] for i in (0, 10, 20))
    pieces = list(read_pieces(frames, ["text"]))
    assert together(pieces) == FRAME["text"].tolist()
    assert list(pieces[0].columns) == ["text"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_rows": 0}, "n_rows == 0, must be >= 1"),
        ({"n_rows": "a"}, "n_rows must be an instance of"),
        ({"columns": "text"}, r"must be a list of names.*\['text'\]"),
        ({"columns": []}, "must be a list of names"),
        ({"source": 3}, "must be a path, a list of paths"),
    ],
)
def test_a_wrong_argument_is_named(options, message, tmp_path):
    # Zero rows per piece would never end.
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    arguments = {"source": tmp_path / "a.csv", "columns": ["text"], **options}
    with pytest.raises((ValueError, TypeError), match=message):
        list(read_pieces(**arguments))


def test_a_file_with_other_columns_is_named(tmp_path):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    FRAME.rename(columns={"text": "body"}).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(ValueError, match=r"b\.csv has no column 'text'.*'body'"):
        list(read_pieces(tmp_path, ["text"]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty is empty"):
        list(read_pieces(tmp_path / "empty", ["text"]))
    with pytest.raises(FileNotFoundError):
        list(read_pieces(tmp_path / "nowhere.csv", ["text"]))
