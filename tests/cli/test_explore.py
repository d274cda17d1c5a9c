"""The command explore, up to the page, which tests/explorer looks at."""

import json
import re
import shutil
import sys

import pytest

from sklearn_hsae.cli import main

SMALL = ["--n-neurons", "16", "--k", "2", "--n-select", "3"]


def call(*words):
    return main([str(word) for word in words])


@pytest.fixture(scope="module")
def first_run(class_file, cache, tmp_path_factory):
    """A run with a control, on a file with more columns."""
    out = tmp_path_factory.mktemp("explored") / "results"
    columns = ["--text", "text", "--target", "verdict", "--controls", "year"]
    assert not call(
        "run", class_file, *columns, "--out", out, "--cache-dir", cache, *SMALL
    )
    return out


def test_the_results_of_a_run_are_served(first_run, served, capsys):
    assert call("explore", first_run, "--no-browser") == 0
    told = capsys.readouterr().err
    assert re.search(r"explorer: http://127\.0\.0\.1:\d+/\S{32}", told)
    (content,) = served
    held_out = [
        json.loads(line)
        for line in (first_run / "held_out.jsonl").read_text("utf-8").splitlines()
    ]
    assert content.texts.tolist() == [line["text"] for line in held_out]
    # The other columns of the file, each beside its own text.
    assert content.columns["author"][5] == f"author {content.columns['id'][5] // 2}"
    assert set(content.columns) == {"row", "id", "year", "author", "city"}
    assert content.vectors.shape == (120, 384)
    assert content.activations.shape == (120, 16)
    assert (content.activations > 0).sum(axis=1).max() <= 2
    assert content.target.mean() == pytest.approx(0.5, abs=0.05)


def test_without_the_file_the_page_has_fewer_columns(
    first_run, served, tmp_path, capsys
):
    results = shutil.copytree(first_run, tmp_path / "results")
    record = json.loads((results / "run.json").read_text("utf-8"))
    for name, told in (("gone.csv", "is not there"), (__file__, "was changed")):
        record["data"]["file"] = name
        (results / "run.json").write_text(json.dumps(record), "utf-8")
        assert call("explore", results, "--no-browser") == 0
        assert told in capsys.readouterr().err
    assert set(served[0].columns) == {"row"}
    del record["data"]["sha256"]  # as for the reviews of the demo
    (results / "run.json").write_text(json.dumps(record), "utf-8")
    assert call("explore", results, "--no-browser") == 0
    assert "other columns" not in capsys.readouterr().err


def other_version(folder):
    record = json.loads((folder / "run.json").read_text("utf-8"))
    record["stored"]["format"] = 0
    (folder / "run.json").write_text(json.dumps(record), "utf-8")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "run.json").unlink(), "has no run.json"),
        (other_version, "that this version can read. Run it again"),
        (lambda folder: (folder / "held_out.jsonl").unlink(), "is incomplete"),
        (lambda folder: (folder / "model.skops").write_bytes(b"PK"), "was changed"),
        (lambda folder: (folder / "labels.json").write_text("{"), "labels.json is no"),
    ],
)
def test_a_folder_that_is_damaged_is_refused(first_run, tmp_path, spoil, told, capsys):
    results = shutil.copytree(first_run, tmp_path / "results")
    spoil(results)
    assert call("explore", results, "--no-browser") == 2
    assert told in capsys.readouterr().err


def test_without_panel_the_extra_is_named(first_run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "panel", None)
    assert call("explore", first_run) == 2
    assert "pip install 'sklearn-hsae[explore]'" in capsys.readouterr().err


def test_a_wrong_port_is_refused(first_run):
    with pytest.raises(SystemExit):
        call("explore", first_run, "--port", "70000")
