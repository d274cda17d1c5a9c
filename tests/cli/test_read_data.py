"""From the options and the file to texts, outcomes and the task."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest

from sklearn_hsae._files import file_hash
from sklearn_hsae.cli import _read_data as read_data
from sklearn_hsae.cli._arguments import parse_arguments
from sklearn_hsae.cli._main import main
from sklearn_hsae.cli._read_data import read_split

N = 60
TEXTS = [f"text number {i}" for i in range(N)]


def save(path, y, **columns):
    pd.DataFrame({"text": TEXTS, "y": y, **columns}).to_csv(path, index=False)
    return path


def split_of(path, *options):
    command = ["run", str(path), "--text", "text", "--target", "y", *map(str, options)]
    return read_split(parse_arguments(command))


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["good", "bad"], "classification"),
        (["NA", "None", "x"], "classification"),
        (["TRUE", "FALSE"], "classification"),
        ([0, 1, 1], "classification"),
        ([-1, 0, 1], "regression"),
        ([1.5, 2.5, 9.0], "regression"),
        (["1,5", "2,5", "9"], "regression"),
        (["5%", "10%", "7%"], "regression"),
    ],
)
def test_the_task_follows_from_all_values(tmp_path, y, task):
    """By the one rule for y, after the numbers are read as numbers."""
    split = split_of(save(tmp_path / "a.csv", (y * N)[:N]))
    assert split.task == task
    assert (split.y.dtype.kind == "f") == (task == "regression")


@pytest.mark.parametrize(
    ("task", "kind"), [("regression", "f"), ("classification", "i")]
)
def test_the_task_can_be_named(tmp_path, task, kind):
    """Two numbers can be a quantity, and five can be classes."""
    split = split_of(save(tmp_path / "a.csv", [0, 1] * (N // 2)), "--task", task)
    assert split.task == task and split.y.dtype.kind == kind


def test_every_blank_of_a_name_is_shown(tmp_path, capsys):
    """The suggested name can be copied as it is."""
    path = save(tmp_path / "a.csv", 1, **{"  the  stars ": 2})
    command = ["run", str(path), "--text", "text", "--target", "the stars"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 2
    assert "Did you mean '  the  stars '?" in capsys.readouterr().err


def test_a_holdout_is_read_by_the_same_rules(tmp_path):
    """Two values in the holdout do not make a quantity a class."""
    path = save(tmp_path / "a.csv", np.arange(N) / 10)
    holdout = save(tmp_path / "b.csv", ["0,5", "1,5"] * (N // 2))
    split = split_of(path, "--holdout", holdout)
    assert split.task == "regression" and set(split.new_y) == {0.5, 1.5}
    assert len(split.texts) == len(split.new_texts) == N


def test_held_out_rows_keep_their_numbers_and_ids(tmp_path):
    ids = [f"{i:03d}" for i in range(N)]
    path = save(tmp_path / "a.csv", np.arange(N) / 10, key=ids)
    split = split_of(path, "--id", "key")
    positions = [TEXTS.index(text) for text in split.new_texts]
    assert split.new_names["row"].tolist() == [i + 2 for i in positions]
    assert split.new_names["id"].tolist() == [ids[i] for i in positions]


def test_a_class_of_the_holdout_must_be_known(tmp_path):
    """Nothing was learnt about it."""
    path = save(tmp_path / "a.csv", ["a", "b"] * (N // 2))
    holdout = save(tmp_path / "b.csv", ["a", "c"] * (N // 2))
    with pytest.raises(ValueError, match="the class 'c', which FILE has not"):
        split_of(path, "--holdout", holdout)


def test_rows_can_be_left_out(tmp_path):
    """The warning says how many; the rest is split."""
    path = save(tmp_path / "a.csv", ["", *range(N - 1)])
    with pytest.raises(ValueError, match="no value of 'y' in row 2"):
        split_of(path)
    with pytest.warns(UserWarning, match="1 of 60 rows"):
        split = split_of(path, "--drop-missing")
    assert len(split.texts) + len(split.new_texts) == N - 1


def test_the_decimal_sign_and_the_encoding_can_be_named(tmp_path):
    """The options that messages name do what they say."""
    path = tmp_path / "a.csv"
    rows = [f"café {i};1,{i:03}\n" for i in range(N)]
    path.write_bytes(("text;y\n" + "".join(rows)).encode("cp1252"))
    split = split_of(path, "--decimal", ",", "--encoding", "cp1252")
    assert "café 7" in {*split.texts, *split.new_texts}
    assert max(*split.y, *split.new_y) == 1.059


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        ([3.5] * N, [], "'y' is 3.5 in every row"),
        ([3.5] * N, ["--task", "classification"], "'y' is 3.5 in every row"),
        (["a"] * N, [], "'y' is 'a' in every row"),
        (np.arange(N) + 0.25, ["--task", "classification"], "pass --task regression"),
        (
            ["bad", "good", "fair"] * 20,
            ["--task", "regression"],
            "--task classification",
        ),
        (["1,234", "5,678", "9,999"] * 20, [], r"Pass --decimal \. or --decimal ,\.$"),
        (["", "1"] * 30, [], "with --drop-missing"),
        (["1 star", "2 stars", "3 stars"] * 20, [], "pass --task classification"),
        ([f"2024-01-{i % 28 + 1:02}" for i in range(N)], [], "pass --task classific"),
        ([1, 2, np.inf] * 20, [], r"infinite in 20 rows \(4, 7, 10"),
    ],
)
def test_mistakes_are_reported_in_the_words_of_the_command(
    tmp_path, capsys, y, options, message
):
    """One line, in the options of the command, with values as people write them."""
    path = save(tmp_path / "a.csv", y)
    command = ["run", str(path), "--text", "text", "--target", "y", *options]
    assert main([*command, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err.strip()
    assert re.search(message, error) and len(error.splitlines()) == 1
    assert "np." not in error and "='" not in error and "Hypothesis" not in error


def test_controls_travel_with_the_texts(tmp_path):
    """Numbers, words, and the codes of categories, each with its own text."""
    years, shops = np.arange(N) + 1900, ["a", "b", "c"] * (N // 3)
    path = save(tmp_path / "a.csv", np.arange(N) / 7, year=years, shop=shops)
    split = split_of(path, "--controls", "year, C(shop)")
    assert split.texts.index.names == ["year", "shop"]
    both = pd.concat([split.texts, split.new_texts])
    numbers = both.str.split().str[-1].astype(int)
    assert (both.index.get_level_values("year") == numbers + 1900).all()
    codes = save(tmp_path / "b.csv", np.arange(N) / 7, code=[1, 20] * (N // 2))
    levels = split_of(codes, "--controls", "C(code)").texts.index
    assert set(levels.get_level_values("code")) == {"1", "20"}
    assert split.source["controls"] == ["year", "shop"]


@pytest.mark.parametrize("y", [np.arange(N) / 7, ["good", "bad", "bad"] * (N // 3)])
def test_the_texts_of_a_group_are_in_one_part(tmp_path, y):
    """Otherwise the tests would not be independent of what was found."""
    authors = [f"author {i // 5}" for i in range(N)]
    split = split_of(save(tmp_path / "a.csv", y, author=authors), "--groups", "author")
    assert not set(split.groups) & set(split.new_groups)
    assert len(split.groups) == len(split.texts)
    assert 20 <= len(split.new_texts) <= 40
    of_text = dict(zip(TEXTS, authors, strict=True))
    assert [of_text[text] for text in split.new_texts] == split.new_groups.tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--controls", "yeer"], "no column 'yeer'. Did you mean 'year'?"),
        (["--groups", "Author"], "no column 'Author'. Did you mean 'author'?"),
        (["--controls", "same"], "--controls same is 7 in every row"),
        (["--controls", "words"], "--controls words has 60 different values"),
        (["--controls", "mixed"], r"pass --controls 'C\(mixed\)' for classes"),
        (["--controls", "text"], "which is the column of the texts"),
        (["--groups", "y"], "which is the column of the outcome"),
        (["--by", "yeer"], "no column 'yeer'. Did you mean 'year'?"),
        (["--by", "author"], "has 12 different values, and 0 of them have 40 texts"),
        (["--groups", "words"], "has another value in each row"),
        (["--groups", "same"], "--groups same is 7 in every row"),
        (["--controls", "gap"], "no value of 'gap' in row 2.*--drop-missing"),
        (["--id", "key"], "has no column 'key'"),
        (["--target", "text"], "--target text is also the column of --text"),
        (["--id", "text"], "--id names 'text', which is the column of the texts"),
    ],
)
def test_a_column_that_cannot_be_used_is_named(tmp_path, capsys, options, message):
    columns = {
        "year": np.arange(N) + 1900,
        "author": [f"author {i // 5}" for i in range(N)],
        "same": 7,
        "words": [f"word {'x' * i}" for i in range(N)],
        "mixed": ["3", "x", *range(N - 2)],
        "gap": ["", *range(N - 1)],
    }
    path = save(tmp_path / "a.csv", np.arange(N) / 7, **columns)
    command = ["run", str(path), "--text", "text", "--target", "y", *options]
    assert main([*command, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err.strip()
    assert re.search(message, error) and len(error.splitlines()) == 1


def test_of_a_large_file_a_sample_is_used(tmp_path):
    path = save(tmp_path / "a.csv", np.arange(N) / 2)
    with pytest.warns(UserWarning, match="50 of the 60 rows of .* drawn at random"):
        split = split_of(path, "--max-texts", 50)
    assert len(split.texts) + len(split.new_texts) == 50
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(split_of(path, "--max-texts", 60).texts) == 30


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = save(tmp_path / "a.csv", [*range(60)])
    split_of(path)  # as it is

    def hash_after_a_change(path):
        path.write_text(path.read_text() + "one more,7\n")
        return file_hash(path)

    monkeypatch.setattr(read_data, "file_hash", hash_after_a_change)
    with pytest.raises(ValueError, match=r"a\.csv has changed since the call began"):
        split_of(path)
