"""Corrected labels: kept, removed, and never lost between two windows."""

import json

import pytest

from sklearn_hsae.explorer import LabelFile


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_label_is_kept_and_removed(tmp_path, on_disk):
    path = tmp_path / "labels.json" if on_disk else None
    labels = LabelFile(path)
    assert labels.all() == {}
    assert labels.correct("sae1", "  a long\nwait ", seen="sae1") is None
    again = LabelFile(path) if on_disk else labels
    assert again.all() == {"sae1": "a long wait"}
    assert labels.correct("sae1", "", seen="a long wait") is None
    assert again.all() == {}


def test_two_windows_do_not_overwrite_each_other(tmp_path):
    first, second = (LabelFile(tmp_path / "labels.json") for _ in range(2))
    assert first.correct("sae1", "waiting", seen="sae1") is None
    assert second.correct("sae2", "fish", seen="sae2") is None  # another label
    assert second.correct("sae1", "slow", seen="sae1") == "waiting"
    assert first.all() == {"sae1": "waiting", "sae2": "fish"}
    assert second.correct("sae1", "slow", seen="waiting") is None  # after the notice
    assert first.all()["sae1"] == "slow"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 9, "labels": {}}'])
def test_another_file_is_refused_and_kept(tmp_path, text):
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(
        ValueError, match=r"labels\.json is no file of corrected labels"
    ):
        LabelFile(path).correct("a", "b", seen="a")
    assert path.read_text() == text


def test_the_file_can_be_read_by_a_person(tmp_path):
    LabelFile(tmp_path / "labels.json").correct("sae1", "ungeduldig ü", seen="sae1")
    text = (tmp_path / "labels.json").read_text("utf-8")
    assert '"sae1": "ungeduldig ü"' in text and json.loads(text)["format"] == 1
