"""New texts and the model of a run: judged, predicted, compared, kept in a history."""

import csv
import json
import shutil
import sys
from html import escape

import numpy as np
import openpyxl
import pandas as pd
import pytest
from scipy.stats import fisher_exact
from sklearn.metrics import r2_score

from sklearn_hsae import (
    ConceptAnnotator,
    evaluate_hypotheses,
    load_pipeline,
    load_texts,
)
from sklearn_hsae.cli import _apply as apply_module, main
from sklearn_hsae.corpora import neuron_drift
from sklearn_hsae.explorer import LABEL_FILE, LabelFile

SMALL = ["--n-neurons", "16", "--k", "2", "--n-select", "3"]


def call(*words):
    return main([str(word) for word in words])


@pytest.fixture(scope="module")
def first_run(train_file, cache, tmp_path_factory):
    """The results of a run on numbers."""
    out = tmp_path_factory.mktemp("runs") / "results"
    columns = ["--text", "review", "--target", "stars"]
    assert not call(
        "run", train_file, *columns, "--out", out, "--cache-dir", cache, *SMALL
    )
    return out


@pytest.fixture
def results(first_run, tmp_path):
    """A copy, to which a test may do as it likes."""
    return shutil.copytree(first_run, tmp_path / "results")


@pytest.fixture
def new_file(reviews, tmp_path):
    path = tmp_path / "week.csv"
    frame = pd.DataFrame(
        {"id": ["007", "1e3", "x"] * 20, "review": reviews.texts[-60:]}
    )
    frame.to_csv(path, index=False)
    return path


def test_a_copy_of_the_file_gets_the_concepts_and_the_prediction(
    results, new_file, capsys
):
    assert call("apply", results, new_file) == 0
    printed, told = capsys.readouterr()
    copy = pd.read_csv(results / "week_judged.csv", dtype={"id": str})
    given = pd.read_csv(new_file, dtype=str)
    # What the file held is as it was, leading zeros among it.
    pd.testing.assert_frame_equal(copy[["id", "review"]].astype(str), given)
    model = load_pipeline(results / "model.skops")
    texts = given["review"].tolist()
    expected = model[:-1].transform(texts)
    concepts = list(expected.columns)
    assert list(copy.columns) == ["id", "review", *concepts, "prediction"]
    np.testing.assert_array_equal(copy[concepts], expected)
    np.testing.assert_allclose(copy["prediction"], model.predict(texts))
    assert "60 texts" in printed and "stars: mean prediction" in printed
    assert "week_judged.csv" in told and "history.csv" in told


def test_the_history_has_one_line_per_call_with_an_exact_test(results, new_file):
    for _ in range(2):
        assert call("apply", results, new_file) == 0
    with (results / "history.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 2 and lines[0]["rows"] == "60"
    copy = pd.read_csv(results / "week_judged.csv")
    mean = float(lines[0]["mean prediction"])
    assert mean == pytest.approx(copy["prediction"].mean(), rel=1e-3)
    before = load_pipeline(results / "model.skops")[-1].summary_
    p = []
    for row in before.itertuples():
        count = round(row.prevalence * row.n)
        now = int(copy[row.hypothesis].sum())
        share = float(lines[1][f"share: {row.hypothesis}"])
        assert share == pytest.approx(now / 60, rel=1e-3)
        table = [[count, row.n - count], [now, 60 - now]]
        tails = [fisher_exact(table, side)[1] for side in ("less", "greater")]
        p.append(min(2 * min(tails), 1))
    order = np.argsort(p)
    holm = np.maximum.accumulate(np.sort(p) * np.arange(len(p), 0, -1)).clip(max=1)
    found = [float(lines[0][f"p: {h}"]) for h in before["hypothesis"].iloc[order]]
    np.testing.assert_allclose(found, holm, rtol=1e-3)


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet", "xlsx"])
def test_a_file_in_pieces_gives_what_it_gives_as_a_whole(
    results, reviews, ending, tmp_path, monkeypatch, capsys
):
    n = 12
    rows = [
        {"n": i, "review": text, **({"late": i / 4} if i > 8 else {})}
        for i, text in enumerate(reviews.texts[-n:])
    ]
    rows[2]["n"] = None
    path = tmp_path / "week.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    contents, lines = [], []
    for n_rows in (n, 5):
        monkeypatch.setattr(apply_module, "_ROWS_PER_PIECE", n_rows)
        output = results / f"copy{n_rows}.{ending}"
        assert call("apply", results, path, "--output", output) == 0
        contents.append(read_again(output))
        printed, told = capsys.readouterr()
        lines.append(printed)
    pd.testing.assert_frame_equal(*contents)
    copy = contents[1]
    assert copy["n"].isna().tolist() == [i == 2 for i in range(n)]
    assert copy["late"].dropna().tolist() == [2.25, 2.5, 2.75]
    assert lines[0] == lines[1] and "12/12" in told  # the bar of several pieces
    with (results / "history.csv").open(encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert {**first, "date": ""} == {**second, "date": ""}


def test_a_call_after_an_interruption_judges_the_other_pieces(
    results, reviews, tmp_path, monkeypatch, capsys
):
    path, output = tmp_path / "week.csv", tmp_path / "copy.csv"
    pd.DataFrame({"review": reviews.texts[-12:]}).to_csv(path, index=False)
    monkeypatch.setattr(apply_module, "_ROWS_PER_PIECE", 5)
    assert call("apply", results, path, "--output", output) == 0
    expected, printed = output.read_text("utf-8"), capsys.readouterr().out
    output.unlink()
    judged, transform = [], ConceptAnnotator.transform

    def counted(self, X):
        judged.append(len(X))
        if len(judged) == 3:
            raise KeyboardInterrupt
        return transform(self, X)

    monkeypatch.setattr(ConceptAnnotator, "transform", counted)
    assert call("apply", results, path, "--output", output) != 0
    assert not output.exists()
    capsys.readouterr()
    assert call("apply", results, path, "--output", output) == 0
    assert judged == [5, 5, 2, 2]
    again, told = capsys.readouterr()
    assert "an interrupted call has judged 10 texts" in told
    assert again == printed
    assert output.read_text("utf-8") == expected
    assert {path.name for path in tmp_path.glob("copy*")} == {"copy.csv"}


def test_new_outcomes_test_the_hypotheses_again(
    results, reviews, tmp_path, monkeypatch, capsys
):
    path, n = tmp_path / "week.csv", 90
    frame = pd.DataFrame({"review": reviews.texts[-n:], "stars": reviews.target[-n:]})
    frame.to_csv(path, index=False)
    monkeypatch.setattr(apply_module, "_ROWS_PER_PIECE", 40)
    assert call("apply", results, path, "--target", "stars") == 0
    table = pd.read_csv(results / "week_judged_tested.csv")
    pipe = load_pipeline(results / "model.skops")
    expected = evaluate_hypotheses(pipe, frame["review"], frame["stars"]).table
    np.testing.assert_allclose(table["coefficient"], expected["coefficient"])
    np.testing.assert_allclose(table["p_corrected"], expected["p_corrected"])
    before = pd.read_csv(results / "hypotheses.csv").set_index("hypothesis")
    before = before.loc[table["hypothesis"], "coefficient"]
    np.testing.assert_allclose(table["run_coefficient"], before)
    printed = capsys.readouterr().out
    assert "Effects on stars in these texts" in printed
    r2 = r2_score(frame["stars"], pipe.predict(frame["review"]))
    shown = f"{r2:.2f}".replace("-", "\N{MINUS SIGN}")
    assert f"R2 of the predictions: {shown}, and " in printed
    neurons = neuron_drift(pipe["select"], pipe[:3].transform(frame["review"]))
    n_drifting = neurons["drifts"].sum()
    assert f"{n_drifting} of the {len(neurons)} neurons behind" in printed
    frame.assign(stars=3).to_csv(path, index=False)
    assert call("apply", results, path, "--target", "stars") == 2
    assert "nothing to test" in capsys.readouterr().err


def read_again(path):
    if path.suffix == ".jsonl":
        return pd.read_json(path, lines=True)
    readers = {".parquet": pd.read_parquet, ".xlsx": pd.read_excel}
    separator = {"sep": "\t"} if path.suffix == ".tsv" else {}
    return readers.get(path.suffix, pd.read_csv)(path, **separator)


def test_columns_of_several_kinds_are_no_parquet(results, tmp_path, reviews, capsys):
    path, output = tmp_path / "week.jsonl", tmp_path / "copy.parquet"
    rows = [
        {"review": text, "n": n}
        for text, n in zip(reviews.texts, (1, "x"), strict=False)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert call("apply", results, path, "--output", output) == 2
    assert "one with several" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir() if "copy" in p.name] == []


@pytest.mark.parametrize(
    ("name", "content"), [("empty.csv", "id,review\n"), ("empty.jsonl", "\n")]
)
def test_a_week_without_a_text(results, tmp_path, name, content, capsys):
    path = tmp_path / name
    path.write_text(content)
    assert call("apply", results, path) == 0
    assert "0 texts" in capsys.readouterr().out
    assert (results / name.replace("empty", "empty_judged")).exists()
    with (results / "history.csv").open(encoding="utf-8") as file:
        (line,) = csv.DictReader(file)
    assert line["rows"] == "0" and line["mean prediction"] == ""
    assert line["drifting concepts"] == "0"


def test_classes_controls_and_a_workbook(class_file, cache, tmp_path):
    out = tmp_path / "results"
    columns = ["--text", "text", "--target", "verdict", "--positive", "bad"]
    columns += ["--controls", "year", "--out", out, "--cache-dir", cache]
    assert not call("run", class_file, *columns, *SMALL)
    frame = pd.read_csv(class_file).iloc[:30]
    frame.to_excel(tmp_path / "week.xlsx", index=False)
    assert call("apply", out, tmp_path / "week.xlsx") == 0
    rows = list(openpyxl.load_workbook(out / "week_judged.xlsx").active.values)
    assert len(rows) == 31
    assert rows[0][-2:] == ("prediction", "probability of bad")
    assert all((row[-2] == "bad") == (row[-1] > 0.5) for row in rows[1:])
    # New outcomes: in the classes of the run, and in another one.
    options = [tmp_path / "week.xlsx", "--target", "verdict"]
    assert call("apply", out, *options, "--output", tmp_path / "copy.csv") == 0
    assert len(pd.read_csv(tmp_path / "copy_tested.csv")) == 3
    frame.assign(verdict=["fine", *frame["verdict"][1:]]).to_excel(options[0])
    assert call("apply", out, *options) == 2
    # Without a text, and without a control.
    frame.iloc[:0].to_csv(tmp_path / "none.csv", index=False)
    assert call("apply", out, tmp_path / "none.csv") == 0
    frame.drop(columns="year").to_csv(tmp_path / "without.csv", index=False)
    assert call("apply", out, tmp_path / "without.csv") == 2


def test_names_that_the_file_has_are_not_overwritten(results, new_file):
    assert call("apply", results, new_file) == 0
    again = results.parent / "again.jsonl"
    assert call("apply", results, results / "week_judged.csv", "--output", again) == 0
    copy = pd.read_json(again, lines=True)
    assert "prediction (2)" in copy and len(copy.columns) == 2 + 2 * 4


@pytest.mark.filterwarnings("ignore:1 of 7 rows:UserWarning")
def test_rows_without_a_text_are_left_out_when_asked(results, tmp_path, reviews):
    path = tmp_path / "gaps.csv"
    texts = [*reviews.texts[:5], "", reviews.texts[5]]
    pd.DataFrame({"n": range(7), "review": texts}).to_csv(path, index=False)
    assert call("apply", results, path) == 2
    assert call("apply", results, path, "--drop-missing") == 0
    assert pd.read_csv(results / "gaps_judged.csv")["n"].tolist() == [0, 1, 2, 3, 4, 6]


def test_the_report_is_written_again_the_same(results):
    before = (results / "report.html").read_bytes()
    (results / "report.html").unlink()
    assert call("report", results) == 0
    assert (results / "report.html").read_bytes() == before


def test_examples_and_figures_as_many_as_asked_for(results, reviews):
    assert call("report", results, "--examples", "5", "--figures") == 0
    drawn = pd.read_csv(results / "examples.csv")
    per_side = drawn.groupby(["hypothesis", "annotation"]).size()
    assert per_side.max() == 5 and drawn["hypothesis"].nunique() == 3
    model = load_pipeline(results / "model.skops")
    judged = model[:-1].transform(drawn["text"].tolist()).to_dict("records")
    for row, annotations in zip(drawn.itertuples(), judged, strict=True):
        assert row.text == reviews.texts[row.row - 1]  # in full; the first line is 1
        assert annotations[row.hypothesis] == row.annotation
    page = (results / "report.html").read_text("utf-8")
    assert page.count("<blockquote") == len(drawn)
    names = {path.name for path in (results / "figures").iterdir()}
    assert {"effects.png", "effects.svg", "agreement.png"} <= names
    assert {"training.png", "neurons.svg"} <= names
    assert "difference in stars" in (results / "figures" / "effects.svg").read_text()


def test_no_matplotlib_is_told_before_the_work(results, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert call("report", results, "--figures") == 2
    assert "sklearn-hsae[plot]" in capsys.readouterr().err


def edited_record(results, edit):
    path = results / "run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    edit(record)
    path.write_text(json.dumps(record), encoding="utf-8")


def of_an_older_version(results):
    edited_record(results, lambda record: record.pop("stored"))


def damaged(results):
    (results / "model.skops").write_bytes(b"")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shutil.rmtree, "there is no folder"),
        (lambda results: (results / "run.json").unlink(), "has no run.json"),
        (lambda results: (results / "run.json").write_text("{"), "is no record of"),
        (of_an_older_version, "stored no model that this version can read"),
        (lambda results: (results / "model.skops").unlink(), "is missing, the file"),
        (damaged, "is not the file that run.json names"),
    ],
)
@pytest.mark.parametrize("command", ["apply", "report"])
def test_a_folder_that_is_none_of_a_run(
    results, new_file, change, message, command, capsys
):
    change(results)
    before = sorted(results.parent.rglob("*"))
    assert call(command, results, *[new_file][: command == "apply"]) == 2
    told = capsys.readouterr().err
    assert message in told and len(told.splitlines()) == 1
    assert sorted(results.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--text", "body"], "has no column 'body'"),
        (["--output", "copy.docx"], "ends with '.docx'"),
        (["--output", "nowhere/copy.csv"], "there is no folder nowhere"),
    ],
)
def test_wrong_options_are_told_before_the_work(
    results, new_file, options, message, capsys
):
    assert call("apply", results, new_file, *options) == 2
    told = capsys.readouterr().err
    assert message in told and not (results / "history.csv").exists()
    assert call("apply", results, new_file, "--output", new_file) == 2
    assert "is FILE itself" in capsys.readouterr().err


def test_the_history_of_another_model_is_not_continued(results, new_file, capsys):
    (results / "history.csv").write_text("date,file,rows\n", encoding="utf-8")
    assert call("apply", results, new_file) == 2
    assert "another run wrote it" in capsys.readouterr().err


def test_held_out_texts_are_stored_with_their_rows(first_run, train_file):
    _, _, frame = load_texts(train_file, text="review", target="stars")
    lines = (first_run / "held_out.jsonl").read_text("utf-8").splitlines()
    for line in map(json.loads, lines):
        assert frame["review"][line["row"]] == line["text"]
        assert frame["stars"][line["row"]] == line["outcome"]


def test_labels_that_a_reader_corrected_are_used_from_then_on(
    results, new_file, capsys
):
    with (results / "hypotheses.csv").open(encoding="utf-8") as file:
        old = next(csv.DictReader(file))["hypothesis"]
    LabelFile(results / LABEL_FILE).correct(old, "a reader's words", seen=old)
    assert call("report", results) == 0 and call("apply", results, new_file) == 0
    page = (results / "report.html").read_text("utf-8")
    assert "a reader&#39;s words" in page and escape(old) not in page
    judged = pd.read_csv(results / "week_judged.csv")
    assert "a reader's words" in judged and old not in judged
    assert "a reader's words" in capsys.readouterr().out
    # The history keeps the names of the model, so that its columns stay the same.
    assert old in (results / "history.csv").read_text("utf-8")
