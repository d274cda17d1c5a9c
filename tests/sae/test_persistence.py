"""Going on later, and elsewhere: partial_fit, folders, the hub."""

import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hub_server import running_hub

from sklearn_hsae import MatryoshkaSAETransformer


@pytest.fixture
def sae(make_sae):
    """A function that makes an autoencoder of 16 neurons, trained for 3 epochs."""

    def make(**options):
        options = {"prefixes": (0.5, 1.0), "max_epochs": 3} | options
        return make_sae(n_neurons=16, k=3, **options)

    return make


def assert_same(first, second, X):
    for name in ("encoder_", "encoder_bias_", "decoder_", "decoder_bias_"):
        a, b = getattr(first, name), getattr(second, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(first.transform(X), second.transform(X))
    assert first.score(X) == second.score(X)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"activation": "batch_topk"},
        {"target_weight": 0.5},
        {"patience": np.int64(4), "prefixes": np.array([4, 8]), "sparse_output": False},
        {"prefixes": "auto", "prefix": 0.5, "task": "regression"},
    ],
)
def test_round_trip_is_bit_equal(data, options, tmp_path, sae):
    X, y = data
    fitted = sae(**options).fit(X, y)
    fitted.save_pretrained(tmp_path / "deep" / "folder")
    loaded = MatryoshkaSAETransformer.from_pretrained(tmp_path / "deep" / "folder")
    assert_same(fitted, loaded, X)
    assert loaded.threshold_ == fitted.threshold_
    assert loaded.history_ == json.loads(json.dumps(fitted.history_))
    assert loaded.prefixes_ == fitted.prefixes_ and loaded.k_ == fitted.k_
    assert (loaded.head_ is None) == ("target_weight" not in options)
    loaded.fit(X, y)  # with the parameters it was made with
    assert_same(fitted, loaded, X)


def test_a_folder_is_data_only(data, tmp_path, sae):
    # A pickle runs what it likes when it is loaded.
    sae().fit(data[0]).save_pretrained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.json",
        "model.safetensors",
    ]
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["params"]["k"] == 3 and config["fitted"]["prefixes_"] == [8, 16]
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads((tmp_path / "model.safetensors").read_bytes())


def test_names_of_features_survive(data, tmp_path, sae):
    frame = pd.DataFrame(data[0]).add_prefix("x")
    fitted = sae().fit(frame)
    fitted.save_pretrained(tmp_path)
    loaded = MatryoshkaSAETransformer.from_pretrained(tmp_path)
    pd.testing.assert_frame_equal(loaded.transform(frame), fitted.transform(frame))
    with pytest.raises(ValueError, match="feature names"):
        loaded.transform(frame.rename(columns={"x0": "z"}))


def test_checkpoints_and_generators_stay_behind(data, tmp_path, sae):
    sae(checkpoint=tmp_path / "states").fit(data[0]).save_pretrained(tmp_path)
    loaded = MatryoshkaSAETransformer.from_pretrained(tmp_path)
    assert loaded.checkpoint is None and loaded.random_state == 0
    fitted = sae(random_state=np.random.RandomState(0)).fit(data[0])
    fitted.save_pretrained(tmp_path)
    assert MatryoshkaSAETransformer.from_pretrained(tmp_path).random_state is None


def test_wrong_folders_are_named(data, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no config\.json"):
        MatryoshkaSAETransformer.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="describes class None"):
        MatryoshkaSAETransformer.from_pretrained(tmp_path)
    config = '{"class": "MatryoshkaSAETransformer", "format": 99}'
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(ValueError, match="format 99"):
        MatryoshkaSAETransformer.from_pretrained(tmp_path)


def test_unfitted_cannot_be_saved(tmp_path, sae):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        sae().save_pretrained(tmp_path)


@pytest.mark.parametrize("activation", ["topk", "batch_topk", "l1", "reward"])
def test_partial_fit_goes_on_after_loading_as_if_never_stopped(
    data, activation, tmp_path, sae
):
    X, y = data
    options = {"activation": activation, "target_weight": 0.3}
    straight = sae(**options)
    for part in range(3):
        straight.partial_fit(X[200 * part :][:200], y[200 * part :][:200])
    stopped = sae(**options).partial_fit(X[:200], y[:200])
    stopped.save_pretrained(tmp_path)
    stopped = MatryoshkaSAETransformer.from_pretrained(tmp_path)
    stopped.partial_fit(X[200:400], y[200:400])
    stopped = pickle.loads(pickle.dumps(stopped)).partial_fit(X[400:], y[400:])
    assert_same(straight, stopped, X)
    assert stopped.n_iter_ == 3


def test_partial_fit_learns(sae):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(600, 4)) @ rng.normal(size=(4, 10)) + 2).astype(np.float32)
    X += 0.1 * rng.normal(size=X.shape).astype(np.float32)
    further = sae()
    scores = [further.partial_fit(X).score(X) for _ in range(20)]
    assert scores[-1] > scores[0] + 0.1
    assert scores[-1] > sae(max_epochs=20).fit(X).score(X) - 0.05
    assert not hasattr(sae().partial_fit(X), "history_")


def test_the_dead_counter_goes_on_in_partial_fit(data, tmp_path, sae):
    # HypotheSAEs does not save it: after loading, no neuron is dead for a whole window.
    first = sae().partial_fit(data[0])
    first._training_state["rows_since_fired"][:] = 77
    first.save_pretrained(tmp_path)
    loaded = MatryoshkaSAETransformer.from_pretrained(tmp_path)
    assert (loaded._training_state["rows_since_fired"] == 77).all()


def test_fit_begins_again(data, sae):
    X, _ = data
    fitted = sae().partial_fit(X).fit(X)
    np.testing.assert_array_equal(fitted.encoder_, sae().fit(X).encoder_)
    assert "_training_state" not in vars(fitted)
    assert not hasattr(
        fitted.partial_fit(X), "history_"
    )  # that of fit is no longer true


def test_partial_fit_codes_every_target_as_the_first(data, sae):
    # A later batch of two distinct numbers is no two classes, one of them no error.
    X, y = data
    further = sae(target_weight=0.5).partial_fit(X, y)
    further.partial_fit(X[:50], np.repeat([1.0, 2.0], 25))
    further.partial_fit(X[:50], np.ones(50))
    assert further.head_.shape == (8, 1)
    labels = np.array(["a", "b", "c"])[np.arange(600) % 3]
    further = sae(target_weight=0.5).partial_fit(X, labels)
    further.partial_fit(X[:50], np.full(50, "b"))
    with pytest.raises(
        ValueError, match=r"'z', which was not among.*\['a', 'b', 'c'\]"
    ):
        further.partial_fit(X[:50], np.full(50, "z"))


def test_a_head_cannot_be_added_later(data, sae):
    X, y = data
    further = sae().partial_fit(X)
    with pytest.raises(ValueError, match="no head to train"):
        further.set_params(target_weight=0.5).partial_fit(X, y)


def test_partial_fit_checks_the_width(data, sae):
    with pytest.raises(ValueError, match="X has 19 features"):
        sae().partial_fit(data[0]).partial_fit(data[0][:, :19])


PUSH_AND_LOAD = """
import numpy as np
from sklearn_hsae import MatryoshkaSAETransformer

X = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32)
sae = MatryoshkaSAETransformer(16, 3, max_epochs=2, random_state=0).partial_fit(X)
print(sae.push_to_hub("someone/small", token="hf_secret", private=True))
loaded = MatryoshkaSAETransformer.from_pretrained("someone/small", revision="main")
np.testing.assert_array_equal(loaded.transform(X), sae.transform(X))
for missing in ("someone/else", "no/such/folder"):
    try:
        MatryoshkaSAETransformer.from_pretrained(missing)
    except FileNotFoundError as error:
        print(error)
"""


def test_hub(tmp_path):
    # In a process of its own: the address of the hub is read at import.
    with running_hub() as (address, repositories):
        hub = {
            "HF_ENDPOINT": address,
            "HF_HOME": str(tmp_path),
            "HF_HUB_CACHE": str(tmp_path / "hub"),
            "HF_HUB_OFFLINE": "0",
        }
        printed = subprocess.run(
            [sys.executable, "-c", PUSH_AND_LOAD],
            env=os.environ | hub,
            capture_output=True,
            text=True,
        )
    assert printed.returncode == 0, printed.stderr
    files = repositories["someone/small"]
    assert sorted(files) == ["README.md", "config.json", "model.safetensors"]
    assert "16 neurons, of which 3" in files["README.md"].decode()
    assert not any(b"hf_secret" in content for content in files.values())
    address, first, *others = printed.stdout.splitlines()
    assert "/someone/small/commit/" in address
    assert first.startswith("There is no folder 'someone/else'")
    assert any("no/such/folder" in line for line in others)
