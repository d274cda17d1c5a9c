"""``sklearn-hsae explain``: its files, what it asks, and how it goes on."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from llm_server import LLMServer
from reader_models import WORDS, save_model

from sklearn_hsae import MatryoshkaSAETransformer, ReaderSAETransformer
from sklearn_hsae.cli import main
from sklearn_hsae.reader import read_delphi

N_FEATURES = 4


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model, an autoencoder for each of two layers, and a file of texts."""
    folder = tmp_path_factory.mktemp("explain")
    model = save_model(folder / "model")
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, size=rng.integers(4, 10))) for _ in range(120)]
    (folder / "texts.txt").write_text("\n".join(texts) + "\n\n")
    for layer in (1, 2):
        sae = MatryoshkaSAETransformer(16, 4, max_epochs=30, random_state=0)
        reader = ReaderSAETransformer(model, sae, layer=layer, cache_dir=None)
        reader.fit(texts).save_saelens(folder / "saes" / f"layers.{layer}")
    return folder, texts


@pytest.fixture
def call(files, tmp_path, monkeypatch, capsys):
    folder, _ = files
    monkeypatch.setenv("OPENAI_API_KEY", "none")

    def call(*options, server=None, file="texts.txt"):
        command = ["explain", folder / "model", folder / "saes"]
        command += ["--file", folder / file] if file else []
        command += ["--out", tmp_path / "results"]
        command += ["--cache-dir", tmp_path / "cache", "--max-latents", N_FEATURES]
        command += ["--min-examples", 5]
        if server is not None:
            command += ["--llm", "openai/gpt-4o-mini", "--api-base", server.url]
        return main(list(map(str, [*command, *options]))), *capsys.readouterr()

    return call


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def shown_texts(prompt, tag):
    (block,) = re.findall(f"<{tag}>\n(.*?)\n</{tag}>", prompt, re.DOTALL)
    return [t.replace("[[", "").replace("]]", "") for t in json.loads(block)]


def test_two_layers_are_explained_and_scored_and_nothing_is_asked_twice(
    call, files, tmp_path
):
    options = ["--hookpoints", "layers.1", "layers.2"]
    options += ["--scorers", "detection", "fuzz", "simulation"]
    with LLMServer() as server:
        code, printed, told = call(*options, "--estimate", server=server)
        assert code == 0 and not server.calls
        estimate = re.search(r"about ([\d,]+) calls, about \$\d", told)
        code, printed, told = call(*options, server=server)
        assert code == 0, told
        n_calls = len(server.calls)
        assert 0 < n_calls <= int(estimate[1].replace(",", ""))
        prompts = [c["body"]["messages"][0]["content"] for c in server.calls]
        code, again, _ = call(*options, server=server)
        assert code == 0 and again == printed and len(server.calls) == n_calls
    results = tmp_path / "results"
    assert names_in(results) == [
        "explanations",
        "features.csv",
        "latents",
        "run_config.json",
        "scores",
    ]
    explained = names_in(results / "explanations")
    assert len(explained) == 2 * N_FEATURES
    assert all(re.fullmatch(r"layers\.[12]_latent\d+\.txt", n) for n in explained)
    for scorer in ("detection", "fuzz", "simulation"):
        scored = names_in(results / "scores" / scorer)
        assert scored == [name.replace(".txt", ".json") for name in explained]
    label = json.loads((results / "explanations" / explained[0]).read_text())
    score = json.loads((results / "scores" / "fuzz" / scored[0]).read_text())
    assert label == score["explanation"] and label.startswith("mentions ")
    assert {"metric", "quantile", "value"} <= set(score["scores"][0])
    table = pd.read_csv(results / "features.csv")
    assert table["hookpoint"].value_counts().to_dict() == {
        "layers.1": N_FEATURES,
        "layers.2": N_FEATURES,
    }
    row = table.set_index(["hookpoint", "feature"]).loc[
        tuple(scored[0].removesuffix(".json").replace("latent", "sae").split("_"))
    ]
    assert row["explanation"] == label and 5 <= row["n_texts"] <= 60
    overall = [s for s in score["scores"] if s["quantile"] is None]
    for metric in overall:
        assert row[f"fuzz {metric['metric']}"] == pytest.approx(
            np.nan if metric["value"] is None else metric["value"],
            abs=1e-4,
            nan_ok=True,
        )
    assert {e["prediction"] for e in score["examples"]} <= {0, 1, None}
    assert all("[[" in e["text"] for e in score["examples"])
    assert "layers.1: 4 of 4 features" in printed and "balanced_accuracy" in printed
    config = json.loads((results / "run_config.json").read_text())
    assert config["texts to explain by"] + config["texts to score on"] == 120
    assert config["hookpoints"] == ["layers.1", "layers.2"]
    # The words at which a feature fires are marked.
    naming = [p for p in prompts if "<texts-on-which-it-fires>" in p]
    assert naming and all("[[" in p for p in naming)
    # Texts to explain by are not texts to score on.
    by = {t for p in naming for t in shown_texts(p, "texts-on-which-it-fires")}
    assert len(by) > 10 and by <= set(files[1])
    others = [p for p in prompts if p not in naming]
    assert others and not any(f'"{text}"' in p for text in by for p in others)


@pytest.mark.filterwarnings("ignore:No phrase of the texts:UserWarning")
@pytest.mark.parametrize("negatives", ["co-occurring", "similar"])
def test_other_negatives_and_scorers_through_the_command(call, tmp_path, negatives):
    options = ["--hookpoints", "layers.1", "--negatives", negatives, "--context", 4]
    options += ["--log-probs"]
    with LLMServer() as server:
        code, _, told = call(
            *options, "--scorers", "recall", "embedding", server=server
        )
        prompts = [c["body"]["messages"][0]["content"] for c in server.calls]
    assert code == 0, told
    for scorer in ("recall", "embedding"):
        folder = tmp_path / "results" / "scores" / scorer
        files = names_in(folder)
        assert len(files) == N_FEATURES
        scored = json.loads((folder / files[0]).read_text())
        assert all(0 <= score["value"] <= 1 for score in scored["scores"])
        told_apart = {"recall": "probability", "embedding": "cosine"}[scorer]
        assert all(told_apart in example for example in scored["examples"])
        for example in scored["examples"]:
            assert len(example["text"].replace("[...]", "").split()) <= 5
    naming = [p for p in prompts if "<texts-on-which-it-fires>" in p]
    for prompt in naming:
        firing = shown_texts(prompt, "texts-on-which-it-fires")
        silent = shown_texts(prompt, "similar-texts-on-which-it-is-silent")
        assert all(len(t.replace("[...]", "").split()) <= 5 for t in firing + silent)
        assert not set(firing) & set(silent)


@pytest.mark.filterwarnings("ignore:No phrase of the texts:UserWarning")
@pytest.mark.filterwarnings("ignore:The autoencoder explains:UserWarning")
def test_the_demo_texts(call, tmp_path):
    options = ["--hookpoints", "layers.1", "--max-texts", 80]
    code, printed, told = call(*options, "--scorers", "surprisal", file=None)
    assert code == 0, told
    assert "40 texts to explain features by, 40 to score them on" in told
    assert "layers.1: " in printed


@pytest.mark.filterwarnings("ignore:No phrase of the texts:UserWarning")
def test_without_a_language_model_and_read_again(call, files, tmp_path):
    folder, texts = files
    code, _, told = call("--hookpoints", "layers.1", "--scorers", "surprisal")
    assert code == 0, told
    results = tmp_path / "results"
    reader = ReaderSAETransformer(
        str(folder / "model"),
        folder / "saes" / "layers.1",
        labels=results / "explanations",
        cache_dir=None,
    ).fit(texts)
    assert len(reader.labels_) >= 1
    assert set(reader.labels_.values()) <= set(reader.get_feature_names_out())
    latents = read_delphi(results / "latents" / "layers.1")
    assert latents.activations.shape[1] == 16 and len(latents.starts) == 60


@pytest.mark.filterwarnings("ignore:No phrase of the texts:UserWarning")
def test_another_call_does_not_mix_with_the_results(call, tmp_path):
    options = ["--hookpoints", "layers.1", "--scorers", "surprisal"]
    assert call(*options)[0] == 0
    results = tmp_path / "results"
    before = {f: f.read_bytes() for f in results.rglob("*") if f.is_file()}
    for other, named in (
        (["--max-tokens", 64], "--max-tokens (512)"),
        (["--max-texts", 100], "the texts"),
        (["--seed", 1], "the texts"),
    ):
        code, _, told = call(*options, *other)
        assert code == 2 and f"differs in {named}. Pass another --out" in told
    assert {f: f.read_bytes() for f in results.rglob("*") if f.is_file()} == before
    code, _, told = call(*options, "--n-examples", 8)
    assert code == 0 and "it was made with --n-examples 20. To make it again" in told
    # The record says how the results were made, and not how they were asked for again.
    assert json.loads((results / "run_config.json").read_text())["n_examples"] == 20
    # The score of an explanation that was replaced is made again, and only that.
    first, *others = sorted((results / "explanations").iterdir())
    first.write_text(json.dumps("mentions the sea"))
    scores = {f: results / f"scores/surprisal/{f.stem}.json" for f in (first, *others)}
    scores_before = {f: path.stat().st_mtime_ns for f, path in scores.items()}
    assert call(*options, "--n-examples", 8)[0] == 0
    assert json.loads(scores[first].read_text())["explanation"] == "mentions the sea"
    changed = [f for f in scores if scores[f].stat().st_mtime_ns != scores_before[f]]
    assert changed == [first]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hookpoints", "mlp"], "names no layer"),
        (["--scorers", "fuzz"], "Pass --llm"),
        (["--hookpoints", "layers.1", "--min-examples", "500"], "Lower --min-examples"),
        (["--hookpoints", "layers.3"], "holds no autoencoder"),
    ],
)
def test_mistakes_are_told_in_one_line(call, options, message):
    code, _, told = call(*options)
    assert code == 2 and message in told.strip().splitlines()[-1]
