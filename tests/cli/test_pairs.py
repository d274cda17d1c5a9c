"""The command and the files for pairs of texts."""

import re

import numpy as np
import pandas as pd
import pytest

from sklearn_hsae import load_pipeline, load_texts
from sklearn_hsae.cli import main


@pytest.fixture
def tests_of_headlines(reviews, tmp_path):
    half = len(reviews.texts) // 2
    first_wins = reviews.target[:half] > reviews.target[half:]
    frame = pd.DataFrame(
        {
            "headline_a": reviews.texts[:half],
            "headline_b": reviews.texts[half:],
            "winner": np.where(first_wins, "a", "b"),
            "better": np.where(first_wins, "this", "that"),
            "test": np.arange(half) // 2,
        }
    )
    path = tmp_path / "tests.csv"
    frame.to_csv(path, index=False)
    return path


def run(path, *options):
    columns = ["--text", "headline_a", "--text-b", "headline_b"]
    sizes = ["--n-neurons", "16", "--k", "3", "--n-select", "3"]
    return main(
        ["run", str(path), *columns, *sizes, "--out", str(path.parent), *options]
    )


def test_the_command_finds_hypotheses_in_pairs(tests_of_headlines, capsys, served):
    options = ["--target", "winner", "--groups", "test", "--id", "test"]
    options += ["--min-groups", "2"]
    assert run(tests_of_headlines, *options, "--clean", "numbers") == 0
    shown = capsys.readouterr()
    assert "60 pairs of texts to learn from" in shown.err
    assert "a is more likely where only the first text has it" in shown.out
    folder = tests_of_headlines.parent
    examples = pd.read_csv(folder / "examples.csv")
    assert set(examples["annotation"]) == {1, -1}
    assert examples[["text", "text_b"]].notna().all(axis=None)
    frame = pd.read_csv(tests_of_headlines)
    for row in examples.itertuples():
        written = frame.loc[row.row - 2]  # the header is row 1
        assert [row.id, row.text] == [written["test"], written["headline_a"]]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Only A has it" in page
    assert "A: " + examples["text"][0][:20].replace("'", "&#39;") in page
    _apply_to_new_pairs(folder, frame, capsys)
    _explore_pairs(folder, frame, capsys, served)


def _apply_to_new_pairs(folder, frame, capsys):
    """What the command writes is what the saved model says of the pairs."""
    frame.rename(columns={"headline_a": "a"}).to_csv(folder / "new.csv", index=False)
    apply = ["apply", str(folder), str(folder / "new.csv")]
    assert main(apply) == 2
    assert "no column 'headline_a'" in capsys.readouterr().err
    assert main([*apply, "--text", "a"]) == 0
    assert f"{len(frame)} pairs of texts" in capsys.readouterr().out
    judged = pd.read_csv(folder / "new_judged.csv")
    model = load_pipeline(folder / "model.skops")
    pairs = frame[["headline_a", "headline_b"]]
    expected = model[:-1].transform(pairs)
    assert model["select"].min_groups == 2
    assert -1 in expected.to_numpy()
    np.testing.assert_array_equal(judged[list(expected)], expected)
    assert judged["prediction"].tolist() == model.predict(pairs).tolist()
    frame.iloc[:0].to_csv(folder / "none.csv", index=False)
    assert main(["apply", str(folder), str(folder / "none.csv")]) == 0
    assert "0 pairs of texts" in capsys.readouterr().out


def _explore_pairs(folder, frame, capsys, served):
    assert main(["explore", str(folder), "--no-browser"]) == 0
    (content,) = served
    n = len(content.pairs)
    assert f"{n} held-out pairs of texts" in capsys.readouterr().err
    rows = content.columns["row"] - 2
    names = ["headline_a", "headline_b"]
    assert content.pairs.tolist() == frame.loc[rows, names].to_numpy().tolist()
    assert content.texts[0] == "A: {}\nB: {}".format(*content.pairs[0])
    steps = load_pipeline(folder / "model.skops")[:3]
    both = steps.transform(content.pairs).to_numpy()  # all first texts come first
    np.testing.assert_allclose(
        content.activations.toarray(), both[:n] - both[n:], atol=1e-4
    )
    assert content.vectors.shape == (n, 384)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "better"], "which one says .* Pass it by --positive"),
        (["--target", "winner", "--text-b", "headline_a"], "also the column of --text"),
        (["--target", "winner", "--text-b", "headline_c"], "no column 'headline_c'"),
    ],
)
def test_columns_that_cannot_be_pairs_are_refused(
    tests_of_headlines, options, message, capsys
):
    assert run(tests_of_headlines, *options) != 0
    assert re.search(message, capsys.readouterr().err)


def test_load_texts_reads_pairs_and_drops_those_without_a_side(tests_of_headlines):
    frame = pd.read_csv(tests_of_headlines)
    frame.loc[3, "headline_b"] = None
    frame.to_csv(tests_of_headlines, index=False)
    names = ("headline_a", "headline_b")
    with pytest.raises(ValueError, match="no value of 'headline_b' in row 5"):
        load_texts(tests_of_headlines, text=names)
    with pytest.warns(UserWarning, match="1 of 120 rows"):
        pairs, _, _ = load_texts(tests_of_headlines, text=names, drop_missing=True)
    assert pairs.tolist() == frame.drop(3)[list(names)].to_numpy().tolist()
