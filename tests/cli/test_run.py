"""The command line, called as a user calls it: real files, real MiniLM, no LLM."""

import csv
import hashlib
import io
import json
import re

import sklearn_hsae
from sklearn_hsae.cli import main
from sklearn_hsae.sae._training._checkpoint import Checkpoint

SMALL = ["--n-neurons", "16", "--k", "2", "--n-select", "3"]
FILES = ("report.html", "hypotheses.csv", "run.json", "model.skops", "evaluation.json")
FILES += ("held_out.jsonl", "examples.csv", "drift.csv", "neuron_drift.csv")


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
    command += ["--baselines"]
    assert main(list(map(str, command))) == 0

    printed, progress = capsys.readouterr()
    # concepts.csv: where concepts of this small model agree.
    assert {path.name for path in out.iterdir()} - {"concepts.csv"} == set(FILES)
    with (out / "hypotheses.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 3
    for line in table:
        assert " ".join(line["hypothesis"].split()) in " ".join(printed.split())
        assert line["n"] == "61"
    record = json.loads((out / "run.json").read_text("utf-8"))
    assert any("61 texts to test on are also among" in w for w in record["warnings"])
    assert (
        record["data"]["sha256"] == hashlib.sha256(train_file.read_bytes()).hexdigest()
    )
    assert record["data"]["task"] == "regression"
    assert record["parameters"]["sae"]["n_neurons"] == 16
    assert record["parameters"]["select"]["n_select"] == 3
    assert record["versions"]["sklearn-hsae"] == sklearn_hsae.__version__
    assert {"numba", "numpy", "torch"} <= record["versions"].keys()
    steps = ["embed", "sae", "select", "interpret", "annotate", "choose", "regress"]
    assert list(record["seconds"]) == [*steps, "evaluate", "baselines", "total"]
    stages = [row["stage"] for row in record["ceilings"]]
    assert stages[-3:] == ["hypotheses", "lasso on words", "clusters of embeddings"]
    assert "61 to test on" in progress and "[9/9]" in progress
    assert re.search(r"warning: \d+ of 61 texts to test on are also among", progress)
    page = (out / "report.html").read_text("utf-8")
    assert "What goes with stars" in page and "Texts with and without it" in page
    assert (
        "Lasso on words" in page
        and "The last rows are other methods, on the same texts." in page
    )


def test_run_splits_off_half_and_is_reproducible(class_file, tmp_path, cache, capsys):
    tables = []
    for name in ("a", "b"):
        command = ["run", class_file, "--text", "text", "--target", "verdict"]
        command += ["--out", tmp_path / name, "--cache-dir", cache, "--seed", 3, *SMALL]
        command += ["--positive", "bad", "--controls", "year", "--groups", "author"]
        command += ["--by", "city"]
        command += ["--repeat", 1]
        assert main(list(map(str, command))) == 0
        tables.append((tmp_path / name / "hypotheses.csv").read_text("utf-8"))
    assert tables[0] == tables[1]
    lines = list(csv.DictReader(io.StringIO(tables[0])))
    assert {line["direction"] for line in lines} == {"+ means more likely bad"}
    (control,) = csv.DictReader((tmp_path / "a" / "controls.csv").open())
    assert control["control"] == "year" and len(lines) == 3
    of_cities = list(csv.DictReader((tmp_path / "a" / "by_group.csv").open()))
    assert [line["group"] for line in of_cities] == ["A", "B"] * 3
    returned = list(csv.DictReader((tmp_path / "a" / "stability.csv").open()))
    assert {line["hypothesis"]: line["n_returned"] for line in returned} == {
        line["hypothesis"]: line["n_returned"] for line in lines
    }
    page = (tmp_path / "a" / "report.html").read_text("utf-8")
    assert "By city" in page
    assert "<bdi>year</bdi>" in page and "__" not in page.replace("regress__", "")
    assert "+ means more likely bad." in page and "np.str_" not in page
    assert ("Filled dots differ." in page) == ('class="hypotheses by-group"' in page)
    record = json.loads((tmp_path / "a" / "run.json").read_text("utf-8"))
    assert record["data"]["task"] == "classification"
    assert record["data"]["texts held out"] == 120
    assert record["data"]["controls"] == ["year"]
    assert record["metrics"]["n_clusters"] == 60 and "delta_auc" in record["metrics"]
    assert record["seed"] == 3
    assert "auc" in record["metrics"]
    # The second call embedded nothing: all was in the cache.
    printed, progress = capsys.readouterr()
    assert "Controls, held equal and not tested:" in printed
    assert re.search(r"literal +returned +hypothesis\n", printed)
    assert re.search(rf"{lines[0]['n_returned']} of 1 ", printed)
    progress = progress.split("[1/9]")[2]
    assert "Embedding texts" not in progress


def test_a_killed_training_goes_on(class_file, tmp_path, cache, monkeypatch):
    command = ["run", class_file, "--text", "text", "--target", "verdict"]
    command += ["--embedder", "lsa", "--cache-dir", tmp_path / "cache", *SMALL]
    epochs, write = [], Checkpoint.on_epoch_end

    def counted(self, net, **options):
        write(self, net, **options)
        epochs.append(net.history[-1]["epoch"])
        if len(epochs) == 3:
            raise OSError("killed")

    monkeypatch.setattr(Checkpoint, "on_epoch_end", counted)
    for code in (2, 0):
        words = [*command, "--out", tmp_path / "killed"]
        assert main(list(map(str, words))) == code
    n_epochs = max(epochs)
    assert epochs == list(range(1, n_epochs + 1))  # none of them twice
    words = [*command, "--out", tmp_path / "whole"]
    assert main(list(map(str, words))) == 0
    killed, whole = (
        (tmp_path / name / "hypotheses.csv").read_text("utf-8")
        for name in ("killed", "whole")
    )
    assert killed == whole
    assert list((tmp_path / "cache" / "training").iterdir()) == []
