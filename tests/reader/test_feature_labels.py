"""Labels of features: from every file that a tool writes, as names of the columns."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from llm_server import LLMServer, language_model

from sklearn_hsae import (
    LLMInterpreter,
    MatryoshkaSAETransformer,
    NeuronSelector,
    ReaderSAETransformer,
)
from sklearn_hsae.reader._feature_labels import read_labels

LABELS = {3: "cold soup", 17: "the sea"}


def write_neuronpedia(path):
    lines = [
        {"modelId": "m", "layer": "3-res", "index": str(i), "description": label}
        for i, label in LABELS.items()
    ]
    return "\n".join(map(json.dumps, lines))


def test_from_files(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(LABELS))
    (tmp_path / "b.csv").write_text("index,label\n3,cold soup\n17,the sea\n5,\n")
    (tmp_path / "c.jsonl.gz").write_bytes(
        gzip.compress(write_neuronpedia(tmp_path).encode())
    )
    records = [{"index": i, "description": label} for i, label in LABELS.items()]
    (tmp_path / "d.json").write_text(json.dumps({"explanations": records}))
    for name in ("a.json", "b.csv", "c.jsonl.gz", "d.json"):
        assert read_labels(tmp_path / name, 32) == LABELS, name


def test_from_folders(tmp_path):
    export, delphi = tmp_path / "export", tmp_path / "explanations"
    export.mkdir()
    (export / "batch-0.jsonl").write_text(write_neuronpedia(tmp_path))
    delphi.mkdir()
    for i, label in LABELS.items():
        (delphi / f"layers.3_latent{i}.txt").write_text(json.dumps(label))
    assert read_labels(export, 32) == LABELS
    assert read_labels(str(delphi), 32) == LABELS
    (delphi / "layers.4_latent1.txt").write_text('"other"')
    with pytest.raises(ValueError, match=r"several layers: layers.3, layers.4"):
        read_labels(delphi, 32)


def test_from_an_interpreter():
    named = pd.DataFrame({"neuron": ["sae3", "sae17", "sae4"], "concept": None})
    named["concept"] = ["cold soup", "the sea", None]
    assert read_labels(named.set_index("neuron")["concept"], 32) == LABELS


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"sae0 to sae15.*another autoencoder"):
        read_labels(LABELS, 16)
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        read_labels(tmp_path / "nowhere.json", 16)
    (tmp_path / "a.jsonl").write_text('{"x": 1}')
    with pytest.raises(ValueError, match=r"keys x. It needs one of index"):
        read_labels(tmp_path / "a.jsonl", 16)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no labels"):
        read_labels(tmp_path / "empty", 16)


def test_they_name_the_columns(tiny_model, texts):
    sae = MatryoshkaSAETransformer(32, 4, max_epochs=1, random_state=0)
    reader = ReaderSAETransformer(
        tiny_model, sae, labels={3: "soup", "sae4": "soup", 5: "sea"}, cache_dir=None
    ).fit(texts)
    names = reader.get_feature_names_out()
    assert names[2:7].tolist() == ["sae2", "soup", "soup (2)", "sea", "sae6"]
    assert reader.transform(texts[:2]).columns.tolist() == names.tolist()
    by_label = reader.token_activations(texts[:5], ["soup", "sae5"])
    assert by_label.features.tolist() == ["soup", "sea"]


def test_better_labels_of_chosen_features_on_demand(tiny_model, texts, tmp_path):
    sae = MatryoshkaSAETransformer(16, 4, max_epochs=1, random_state=0)
    trained = ReaderSAETransformer(tiny_model, sae, layer=1, cache_dir=None).fit(texts)
    trained.save_saelens(tmp_path)
    reader = ReaderSAETransformer(tiny_model, tmp_path, cache_dir=None)
    activations = reader.fit_transform(texts)
    frequent = (activations > 0).sum().nlargest(3).index.tolist()
    chosen = NeuronSelector(columns=frequent).fit_transform(activations)
    with LLMServer() as server:
        interpreter = LLMInterpreter(
            language_model(server), n_candidates=1, n_scoring=0, random_state=0
        ).fit(chosen)
        assert len(server.calls) >= len(frequent)
    named = interpreter.fidelity_.set_index("neuron")["concept"].dropna().to_dict()
    assert named and set(named) <= set(frequent)
    again = reader.set_params(labels=named).fit_transform(texts)
    expected = [named.get(name, name) for name in activations.columns]
    assert again.columns.tolist() == expected
    np.testing.assert_array_equal(again, activations)
