"""A training that was killed ends as if it had not been."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from skorch.callbacks import Callback

from sklearn_hsae import MatryoshkaSAETransformer


class KilledAfter(Callback):
    """Stop dead: no clean-up, no exception handler."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.n_epochs:
            raise RuntimeError("killed")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 4)) @ rng.normal(size=(4, 10))
    X = (X + 0.3 * rng.normal(size=X.shape)).astype(np.float32)
    return X, X[:, 0] + X[:, 1]


def sae(**options):
    options = {"max_epochs": 12, "random_state": 0, **options}
    return MatryoshkaSAETransformer(16, 3, prefixes=(0.5, 1.0), **options)


def assert_same(first, second):
    for name in ("encoder_", "encoder_bias_", "decoder_", "decoder_bias_", "head_"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.threshold_ == second.threshold_
    assert first.n_iter_ == second.n_iter_
    for a, b in zip(first.history_, second.history_, strict=True):
        assert a["train_loss"] == b["train_loss"]
        assert a["valid_loss"] == b["valid_loss"]
        assert a["epoch"] == b["epoch"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"target_weight": 0.5},
        {"activation": "batch_topk"},
        {"activation": "l1"},
        {"activation": "reward"},
        {"resample_dead": True},
        {"patience": 2, "max_epochs": 40, "learning_rate": 0.2},
    ],
)
def test_resumed_is_uninterrupted_bit_for_bit(data, tmp_path, options):
    X, y = data
    uninterrupted = sae(**options).fit(X, y)
    for n_epochs in (2, 5):  # killed twice
        killed = sae(checkpoint=tmp_path, callbacks=[KilledAfter(n_epochs)], **options)
        with pytest.raises(RuntimeError, match="killed"):
            killed.fit(X, y)
        assert len(list(tmp_path.iterdir())) == 1
    resumed = sae(checkpoint=str(tmp_path), **options).fit(X, y)
    assert_same(uninterrupted, resumed)
    assert list(tmp_path.iterdir()) == []


def test_only_what_was_left_is_trained(data, tmp_path):
    epochs = []

    class Count(Callback):
        def on_epoch_begin(self, net, **kwargs):
            epochs.append(len(net.history))

    with pytest.raises(RuntimeError, match="killed"):
        sae(checkpoint=tmp_path, callbacks=[KilledAfter(9)]).fit(data[0])
    sae(checkpoint=tmp_path, callbacks=[Count()]).fit(data[0])
    assert epochs == [10, 11, 12]


@pytest.mark.parametrize("what", ["rows", "parameters", "target"])
def test_another_training_begins_anew(data, tmp_path, what):
    X, y = data
    options = {"target_weight": 0.5}
    killed = sae(checkpoint=tmp_path, callbacks=[KilledAfter(3)], **options)
    with pytest.raises(RuntimeError, match="killed"):
        killed.fit(X, y)
    if what == "rows":
        X = X.copy()
        X[-1, -1] += 1
    elif what == "parameters":
        options["learning_rate"] = 0.001
    else:
        y = y[::-1]
    other = sae(checkpoint=tmp_path, **options).fit(X, y)
    assert_same(other, sae(**options).fit(X, y))


TRAIN = """
import sys
import numpy as np
from sklearn_hsae import MatryoshkaSAETransformer

X = np.random.default_rng(0).normal(size=(20_000, 16)).astype(np.float32)
sae = MatryoshkaSAETransformer(
    64, 4, max_epochs=30, patience=None, random_state=0, checkpoint=sys.argv[1] or None
)
print("began", flush=True)
np.save(sys.argv[2], sae.fit(X).encoder_)
"""


def test_kill_9(tmp_path):
    def start(folder, name):
        command = [sys.executable, "-c", TRAIN, str(folder), str(tmp_path / name)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    assert start("", "straight.npy").wait() == 0
    folder = tmp_path / "states"
    killed = start(folder, "killed.npy")
    killed.stdout.readline()
    while not list(folder.glob("*.safetensors")):
        assert killed.poll() is None
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed.npy").exists()
    assert start(folder, "resumed.npy").wait() == 0
    straight, resumed = (
        np.load(tmp_path / f"{n}.npy") for n in ("straight", "resumed")
    )
    np.testing.assert_array_equal(straight, resumed)


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_without_a_seed_there_is_no_going_on(data, tmp_path, random_state):
    with pytest.raises(ValueError, match="checkpoint needs an int as random_state"):
        sae(checkpoint=tmp_path, random_state=random_state).fit(data[0])
