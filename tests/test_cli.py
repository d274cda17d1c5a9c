"""The command line, called as a user calls it: real files, real MiniLM, no LLM."""

import csv
import gzip
import hashlib
import json
import re
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import sklearn_hsae
from sklearn_hsae import make_reviews
from sklearn_hsae.cli import main
from sklearn_hsae.cli._data import find_task, split_off
from sklearn_hsae.cli._demo import match_concepts
from sklearn_hsae.sae import suggest_sizes
from sklearn_hsae.cli._table import format_table
from sklearn_hsae.report._hypothesis_rows import Row

SMALL = ["--n-neurons", "16", "--k", "2", "--n-select", "3"]
FILES = ("report.html", "hypotheses.csv", "run.json")


@pytest.fixture(scope="module")
def reviews():
    return make_reviews(260, random_state=0)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cli_cache"))


@pytest.fixture(scope="module")
def train_file(reviews, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "train.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for text, stars in zip(reviews.texts[:180], reviews.target[:180], strict=True):
            file.write(json.dumps({"review": text, "stars": float(stars)}) + "\n")
    return path


@pytest.fixture(scope="module")
def class_file(reviews, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "classes.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "text", "verdict"])
        middle = np.median(reviews.target)
        for i, (text, stars) in enumerate(
            zip(reviews.texts, reviews.target, strict=True)
        ):
            rows.writerow([i, text, "good" if stars > middle else "bad"])
    return path


def test_run_with_holdout(train_file, reviews, tmp_path, cache, capsys):
    holdout = tmp_path / "holdout.tsv"
    lines = ["review\tstars"] + [
        f"{text}\t{stars}"
        for text, stars in zip(reviews.texts[180:], reviews.target[180:], strict=True)
    ]
    lines.append(f"{reviews.texts[0]}\t3.0")  # one that is learnt from, too
    holdout.write_text("\n".join(lines), encoding="utf-8")
    out = tmp_path / "new" / "results"
    command = ["run", train_file, "--text", "review", "--target", "stars"]
    command += ["--holdout", holdout, "--out", out, "--cache-dir", cache, *SMALL]
    assert main(list(map(str, command))) == 0

    printed, progress = capsys.readouterr()
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    with (out / "hypotheses.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 3
    for line in table:
        assert " ".join(line["hypothesis"].split()) in " ".join(printed.split())
        assert line["n"] == "81"
    record = json.loads((out / "run.json").read_text("utf-8"))
    assert (
        record["data"]["sha256"] == hashlib.sha256(train_file.read_bytes()).hexdigest()
    )
    assert record["data"]["task"] == "regression"
    assert record["parameters"]["sae"]["n_neurons"] == 16
    assert record["parameters"]["select"]["n_select"] == 3
    assert record["versions"]["sklearn-hsae"] == sklearn_hsae.__version__
    steps = ["embed", "sae", "select", "interpret", "annotate", "regress"]
    assert list(record["seconds"]) == [*steps, "evaluate", "total"]
    assert [row["stage"] for row in record["ceilings"]][-1] == "hypotheses"
    assert "81 to test on" in progress and "[7/7]" in progress
    assert re.search(r"warning: \d+ of 81 texts to test on are also among", progress)
    page = (out / "report.html").read_text("utf-8")
    assert "What goes with stars" in page and "Texts with and without it" in page


def test_run_splits_off_a_fifth_and_is_reproducible(
    class_file, tmp_path, cache, capsys
):
    tables = []
    for name in ("a", "b"):
        command = ["run", class_file, "--text", "text", "--target", "verdict"]
        command += ["--out", tmp_path / name, "--cache-dir", cache, "--seed", 3, *SMALL]
        assert main(list(map(str, command))) == 0
        tables.append((tmp_path / name / "hypotheses.csv").read_text("utf-8"))
    assert tables[0] == tables[1]
    record = json.loads((tmp_path / "a" / "run.json").read_text("utf-8"))
    assert record["data"]["task"] == "classification"
    assert record["data"]["texts held out"] == 52
    assert record["seed"] == 3
    assert "auc" in record["metrics"]
    # The second call embedded nothing: all was in the cache.
    progress = capsys.readouterr().err.split("[1/7]")[2]
    assert "Embedding texts" not in progress


def test_demo_compares_with_the_truth(tmp_path, cache, capsys, monkeypatch):
    # 7,000 reviews take a minute; 400 show that the parts fit together.
    monkeypatch.setattr("sklearn_hsae.cli._demo.N_REVIEWS", 400)
    monkeypatch.setattr("sklearn_hsae.cli._demo._N_HELD_OUT", 150)
    assert main(["demo", "--out", str(tmp_path), "--cache-dir", cache]) == 0
    printed = capsys.readouterr().out
    planted = json.loads((tmp_path / "run.json").read_text("utf-8"))["planted"]
    acting = [row for row in planted if row["effect"]]
    found = sum(row["found"] for row in acting)
    assert f"Of {len(acting)} planted concepts that act, {found} were found" in printed
    for row in acting:
        assert row["concept"] in " ".join(printed.split())
        assert row["found"] == (row["f1"] >= 0.7)
    assert (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--text", "body"], "body.*review"),
        (["--target", "rating"], "rating.*stars"),
        (["--task", "regression", "--target", "review"], "regression needs numbers"),
        (["--k", "17"], "--k 17 is more than --n-neurons 16"),
        (["--n-select", "17"], "--n-select 17 is more than the 16 neurons"),
        (["--prefixes", "4,32"], "--prefixes goes up to 32"),
        (["--judge", "llm"], "pass --llm"),
        (["--judge", "distilled"], "pass --llm"),
        (["--llm", "openai/gpt-4.1-mini"], "OPENAI_API_KEY"),
        (["--llm", "nonsense"], "provider"),
        (["--model", "no/such-model"], "no/such-model"),
        (["--out", "/dev/null/results"], "cannot write into --out"),
        (["--holdout", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_mistakes_are_told_in_one_line(
    change, message, train_file, tmp_path, monkeypatch, capsys
):
    # Before any long work: no step may have begun, and no file been written.
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    command = ["run", str(train_file), "--text", "review", "--target", "stars", *SMALL]
    command += ["--cache-dir", str(tmp_path / "cache"), "--out", str(tmp_path / "out")]
    assert main(command + change) == 2
    printed, told = capsys.readouterr()
    last = told.strip().splitlines()[-1]
    assert last.startswith("sklearn-hsae: error:")
    assert re.search(message, last)
    assert "Traceback" not in told and "[2/7]" not in told and not printed
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ([], "COMMAND"),
        (["walk"], "walk"),
        (["run", "f.csv"], "--text, --target"),
        (["demo", "--seed", "x"], "'x' is not a whole number"),
        (["demo", "--seed", "-1"], "-1 is not between"),
        (["run", "f", "--text", "a", "--target", "b", "--k", "0"], "not at least 1"),
        (
            ["run", "f", "--text", "a", "--target", "b", "--prefixes", "9,3"],
            "does not grow",
        ),
        (
            ["run", "f", "--text", "a", "--target", "b", "--prefixes", "a,b"],
            "not a list of sizes",
        ),
    ],
)
def test_wrong_options_are_told_in_one_line(command, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(command)
    told = capsys.readouterr().err
    assert message in told and len(told.splitlines()) == 1


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"sklearn-hsae {sklearn_hsae.__version__}\n"


def test_interrupted_call_ends_in_one_line_and_the_next_goes_on(
    train_file, tmp_path, capsys
):
    # Interrupted once the texts are embedded; the second call embeds none of them.
    options = ["run", str(train_file), "--text", "review", "--target", "stars", *SMALL]
    options += ["--cache-dir", str(tmp_path / "cache"), "--out", str(tmp_path)]
    # A background process of a shell script would ignore the signal.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
    )
    code += "; from sklearn_hsae.cli import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    told = ""
    while "[2/7]" not in told and process.poll() is None:
        told += process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert rest.strip().splitlines()[-1].startswith("sklearn-hsae: interrupted.")
    assert not (tmp_path / "run.json").exists()

    assert main(options) == 0
    progress = capsys.readouterr().err
    assert "Embedding texts" not in progress.split("[2/7]")[0]
    assert all((tmp_path / name).exists() for name in FILES)


@pytest.mark.parametrize(
    ("n_texts", "n_neurons", "k"),
    [
        (30, 32, 4),
        (1000, 64, 8),
        (5000, 96, 8),
        (10_000, 128, 8),
        (100_000, 256, 8),
        (10**7, 1024, 8),
    ],
)
def test_sizes_follow_the_rules_of_thumb(n_texts, n_neurons, k):
    sizes = suggest_sizes(n_texts)
    assert (sizes["n_neurons"], sizes["k"]) == (n_neurons, k)
    assert sizes["prefixes"] == ((32, n_neurons) if n_neurons > 32 else None)


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["good", "bad"], "classification"),
        ([True, False], "classification"),
        ([0, 1, 1], "classification"),
        ([-1, 0, 1], "regression"),
        ([0] * 2000 + [1] * 2000 + [0.5], "regression"),  # one rare value decides
        ([1.5, 2.5, 9.0], "regression"),
    ],
)
def test_task_is_found_from_all_values(y, task):
    assert find_task(np.array(y)) == task


def test_every_class_keeps_its_share_when_a_part_is_split_off():
    y = np.array(["rare"] * 10 + ["common"] * 190)
    _, y_train, _, y_new = split_off(
        list(map(str, range(200))), y, "classification", 0.2, 0
    )
    assert (y_new == "rare").sum() == 2 and (y_train == "rare").sum() == 8
    with pytest.raises(ValueError, match="class 'once' has one text"):
        split_off(
            ["t"] * 100, np.array(["once"] + ["a"] * 99), "classification", 0.2, 0
        )
    with pytest.raises(ValueError, match="at least 50"):
        split_off(["t"] * 49, np.arange(49.0), "regression", 0.2, 0)


def test_table_is_aligned_and_fits_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")  # narrower than any table could be
    common = {"group": None, "significant": True, "note": "", "fidelity": {"f1": 0.5}}
    rows = [
        Row("a", "mentions " + "word " * 60, effect=-0.5, low=-1.0, high=-0.2, p=0.0,
            prevalence=0.3, **common),
        Row("b", "提到等待时间", effect=12.25, low=1.0, high=30.0, p=0.04,
            prevalence=0.001, **common),
        Row("c", "never", effect=np.nan, low=np.nan, high=np.nan, p=np.nan,
            prevalence=0.0, **common),
    ]  # fmt: skip
    lines = format_table(rows)
    assert max(map(len, lines)) <= 80
    start = lines[0].index("hypothesis")
    for row in rows:
        first = row.concept.split()[0]
        assert next(line for line in lines if first in line).index(first) == start
    assert "not estimable" in next(line for line in lines if "never" in line)
    assert not any("nan" in line for line in lines)


def test_planted_concepts_are_matched_one_to_one():
    # Greedy matching would give column 0 to the first concept; the second fits better.
    truth = np.array([[1, 1], [1, 1], [1, 0], [0, 0]]).astype(bool)
    answers = np.array([[1.0, 1.0], [1.0, np.nan], [0.0, 1.0], [0.0, 0.0]])
    assert match_concepts(answers, truth) == [(1, 0.8), (0, 1.0)]
    assert match_concepts(answers[:, :1], truth) == [(None, 0.0), (0, 1.0)]


def test_messages_show_values_as_people_write_them(tmp_path, capsys):
    # NumPy's own notation, np.float64(3.5), means nothing to most users.
    path = tmp_path / "reviews.csv"
    frame = pd.DataFrame({"text": [f"text number {i}" for i in range(60)]})
    frame.assign(stars=3.5).to_csv(path, index=False)
    for task in ([], ["--task", "classification"]):
        command = ["run", str(path), "--text", "text", "--target", "stars", *task]
        assert main([*command, "--out", str(tmp_path / "out")]) != 0
        assert "'stars' is 3.5 in every row" in capsys.readouterr().err
    frame.assign(stars=np.arange(60) + 0.25).to_csv(path, index=False)
    assert main([*command, "--out", str(tmp_path / "out")]) != 0
    message = capsys.readouterr().err
    assert re.search(r"the class '\d+\.25' has one text only", message)
    assert "np." not in message and "--task regression" in message
