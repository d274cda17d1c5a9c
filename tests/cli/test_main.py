"""How a call begins and ends: options, one line per mistake, exit codes."""

import csv
import re
import signal
import subprocess
import sys

import pytest

import sklearn_hsae
from sklearn_hsae.cli import main

SMALL = ["--n-neurons", "16", "--k", "2", "--n-select", "3"]
FILES = ("report.html", "hypotheses.csv", "run.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--text", "body"], "body.*review"),
        (["--target", "rating"], "rating.*stars"),
        (["--target", "review"], "--target review is also the column of --text"),
        (["--k", "17"], "--k 17 is more than --n-neurons 16"),
        (["--n-select", "17"], "--n-select 17 is more than the 16 neurons"),
        (["--prefixes", "4,32"], "--prefixes goes up to 32"),
        (["--min-groups", "3"], "--min-groups 3 counts .* pass --groups"),
        (["--judge", "llm"], "pass --llm"),
        (["--judge", "distilled"], "pass --llm"),
        (["--llm", "openai/gpt-4.1-mini"], "OPENAI_API_KEY"),
        (["--llm", "nonsense"], "provider"),
        (["--embedder", "no/such-model"], "no/such-model"),
        (["--embedder", "lsa", "--chunk"], "lsa reads every text whole"),
        (["--out", "/dev/null/results"], "cannot write into --out"),
        (["--holdout", "nowhere.csv"], "nowhere.csv"),
        (["--positive", "good"], "--positive good names a class, but the outcome is"),
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
    assert "Traceback" not in told and "[2/8]" not in told and not printed
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ([], "COMMAND"),
        (["walk"], "walk"),
        (["run", "f.csv"], "--text, --target"),
        (["demo", "--seed", "x"], "'x' is not a whole number"),
        (["demo", "--seed", "-1"], "-1 is not between"),
        (
            ["run", "f", "--text", "a", "--target", "b", "--stop-words", "xx"],
            "'xx' is neither a file in UTF-8 nor one of: auto, none, af",
        ),
        (["run", "f", "--text", "a", "--target", "b", "--k", "0"], "not at least 1"),
        (
            ["run", "f", "--text", "a", "--target", "b", "--clean", "links,tags"],
            "'tags' is none of handles, links, numbers",
        ),
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
    reviews, tmp_path, capsys
):
    # Interrupted once the texts are embedded; the second call embeds none of them.
    file = tmp_path / "reviews.csv"
    with file.open("w", newline="", encoding="utf-8") as opened:
        rows = zip(reviews.texts[:60], reviews.target, strict=False)
        csv.writer(opened).writerows([("review", "stars"), *rows])
    options = ["run", str(file), "--text", "review", "--target", "stars", *SMALL]
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
    while "[2/8]" not in told and process.poll() is None:
        told += process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert rest.strip().splitlines()[-1].startswith("sklearn-hsae: interrupted.")
    assert not (tmp_path / "run.json").exists()

    assert main(options) == 0
    progress = capsys.readouterr().err
    assert "Embedding texts" not in progress.split("[2/8]")[0]
    assert all((tmp_path / name).exists() for name in FILES)


def test_a_class_that_is_not_there_is_told_with_those_that_are(
    class_file, tmp_path, capsys
):
    command = ["run", str(class_file), "--text", "text", "--target", "verdict"]
    command += ["--out", str(tmp_path / "new" / "out"), "--positive", "great", *SMALL]
    assert main(command) == 2
    told = capsys.readouterr().err
    assert "--positive great is not one of the classes, which are" in told
    assert "'bad', 'good'" in told and len(told.splitlines()) == 1
    assert not (tmp_path / "new").exists()


def test_a_refused_call_keeps_a_folder_that_was_there(train_file, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    command = ["run", str(train_file), "--text", "no", "--target", "stars"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 2
    assert (tmp_path / "out").is_dir() and capsys.readouterr().err
