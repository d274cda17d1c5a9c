"""Saving without pickle, and training that goes on."""

import json

import numpy as np
import pandas as pd
import pytest

from sklearn_hsae import MatryoshkaSAETransformer


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5)) @ rng.normal(size=(5, 12))
    return X.astype(np.float32), X[:, 0] + rng.normal(size=400)


def small(**options):
    options = {"max_epochs": 5, "random_state": 0, **options}
    return MatryoshkaSAETransformer(16, 3, prefixes=(4,), **options)


@pytest.mark.parametrize("activation", ["topk", "batch_topk", "l1", "reward"])
@pytest.mark.parametrize("target_weight", [0.0, 0.3])
def test_what_is_saved_is_loaded(data, tmp_path, activation, target_weight):
    X, y = data
    frame = pd.DataFrame(X, columns=[f"e{i}" for i in range(12)])
    sae = small(activation=activation, target_weight=target_weight).fit(frame, y)
    sae.save_pretrained(tmp_path)
    loaded = MatryoshkaSAETransformer.from_pretrained(tmp_path)
    pd.testing.assert_frame_equal(loaded.transform(frame), sae.transform(frame))
    assert loaded.get_params() == sae.get_params()
    assert loaded.score(frame) == sae.score(frame)
    assert loaded.history_ == json.loads(json.dumps(sae.history_))
    assert (loaded.head_ is None) == (target_weight == 0)


def test_the_files_are_data(data, tmp_path):
    # A pickle runs code when it is loaded; these two formats cannot.
    small().fit(data[0]).save_pretrained(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "config.json",
        "model.safetensors",
    ]
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["params"]["n_neurons"] == 16 and config["fitted"]["prefixes_"] == [
        4,
        16,
    ]


def test_parameters_of_a_grid_are_saved(data, tmp_path):
    # A grid made by NumPy brings scalars that json does not know.
    sae = MatryoshkaSAETransformer(np.int64(16), np.int64(3), max_epochs=2)
    sae.set_params(prefixes=np.array([4, 16]), random_state=np.random.RandomState(0))
    sae.fit(data[0]).save_pretrained(tmp_path)
    loaded = MatryoshkaSAETransformer.from_pretrained(tmp_path)
    assert loaded.prefixes_ == (4, 16) and loaded.random_state is None


def test_a_folder_of_something_else_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no config\.json"):
        MatryoshkaSAETransformer.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"class": "Other"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="'Other'"):
        MatryoshkaSAETransformer.from_pretrained(tmp_path)


@pytest.mark.parametrize("activation", ["topk", "l1"])
def test_training_goes_on_from_the_file_bit_for_bit(data, tmp_path, activation):
    X, y = data
    straight = small(activation=activation, target_weight=0.3)
    for part in (slice(0, 200), slice(200, 300), slice(300, 400)):
        straight.partial_fit(X[part], y[part])

    stopped = small(activation=activation, target_weight=0.3)
    for part in (slice(0, 200), slice(200, 300)):
        stopped.partial_fit(X[part], y[part])
    stopped.save_pretrained(tmp_path)
    resumed = MatryoshkaSAETransformer.from_pretrained(tmp_path)
    resumed.partial_fit(X[300:], y[300:])

    for name in ("encoder_", "decoder_", "encoder_bias_", "decoder_bias_", "head_"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(straight, name))


def test_partial_fit_learns_and_fit_begins_anew(data):
    X, _ = data
    sae = small()
    scores = [sae.partial_fit(X).score(X) for _ in range(12)]
    assert scores[-1] > scores[0] + 0.1
    np.testing.assert_array_equal(sae.fit(X).encoder_, small().fit(X).encoder_)
