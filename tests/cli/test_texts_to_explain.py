"""The sources of texts of ``sklearn-hsae explain``."""

from argparse import Namespace

import pandas as pd
import pytest
from hub_server import running_hub, use_hub

from sklearn_hsae.cli._texts_to_explain import texts_to_explain


def asked(**options):
    defaults = {
        "file": None,
        "dataset": None,
        "split": "train",
        "text": "text",
        "max_texts": None,
        "seed": 0,
    }
    return texts_to_explain(Namespace(**(defaults | options))).tolist()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The files of the data set owner/texts."""
    with running_hub() as (address, repositories):
        use_hub(monkeypatch, address, tmp_path / "hub")
        repositories["datasets/owner/texts"] = {}
        yield repositories["datasets/owner/texts"]


def parquet(*texts):
    return pd.DataFrame({"text": texts}).to_parquet()


def test_a_folder_has_one_text_per_file(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "two.txt").write_text("line 1\nline 2\n")
    (tmp_path / "a" / "b" / "one.txt").write_text("one")
    (tmp_path / "a" / "empty.txt").write_text("\n")
    (tmp_path / "a" / "other.csv").write_text("text\nx\n")
    assert asked(file=tmp_path / "a") == ["one", "line 1\nline 2\n"]
    assert asked(file=tmp_path / "a", max_texts=1) == ["one"]
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match=r"holds no \.txt file"):
        asked(file=tmp_path / "none")


def test_a_line_ends_where_editors_end_it(tmp_path):
    """A form feed and a line separator of Unicode stand inside of texts."""
    path = tmp_path / "texts.txt"
    path.write_bytes("one\x0cpage\r\ntwo\u2028lines\n\n".encode())
    assert asked(file=path) == ["one\x0cpage", "two\u2028lines"]


def test_tables_of_a_data_set_of_the_hub(hub):
    hub["data/train-00000-of-00002.parquet"] = parquet("a", "b")
    hub["data/train-00001-of-00002.parquet"] = parquet("c", "d")
    hub["data/test-00000-of-00001.parquet"] = parquet("e")
    hub["other/train.jsonl"] = b'{"text": "f"}\n'
    hub["others/train.jsonl"] = b'{"text": "g"}\n'
    hub["README.md"] = b"train"
    assert asked(dataset="owner/texts/data") == ["a", "b", "c", "d"]
    assert asked(dataset="owner/texts/data", split="test") == ["e"]
    assert asked(dataset="owner/texts/other") == ["f"]
    # No more files than needed are downloaded.
    hub["data/train-00001-of-00002.parquet"] = None
    assert asked(dataset="owner/texts/data", max_texts=2) == ["a", "b"]


def test_mistakes_about_data_sets(hub, tmp_path):
    hub["data/train.parquet"] = parquet("a")
    hub["data/test.parquet"] = parquet("a")
    with pytest.raises(ValueError, match=r"no table of the split 'dev'.*train.parquet"):
        asked(dataset="owner/texts", split="dev")
    with pytest.raises(ValueError, match="owner/none cannot be downloaded"):
        asked(dataset="owner/none")
    with pytest.raises(ValueError, match="OWNER/NAME"):
        asked(dataset="texts")
    with pytest.raises(ValueError, match="Pass one of them"):
        asked(dataset="owner/texts", file=tmp_path)
