"""A training that was killed ends as if it had not been."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from sklearn_hsae.sae._training._net import AutoencoderNet


@pytest.fixture
def sae(make_sae):
    """A function that makes an autoencoder, trained for 12 epochs."""

    def make(**options):
        options = {"prefixes": (0.5, 1.0), "max_epochs": 12} | options
        return make_sae(n_neurons=16, k=3, **options)

    return make


def fit_killed(sae, X, y=None, *, epoch):
    """Fit until an epoch has ended, then stop dead: no clean-up in our code."""

    def stop(net):
        if len(net.history) == epoch:
            raise RuntimeError("killed")

    with pytest.MonkeyPatch.context() as patch:
        usual = AutoencoderNet.notify

        def notify(net, name, **kwargs):
            usual(net, name, **kwargs)
            if name == "on_epoch_end":
                stop(net)

        patch.setattr(AutoencoderNet, "notify", notify)
        with pytest.raises(RuntimeError, match="killed"):
            sae.fit(X, y)


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
        {"patience": 2, "max_epochs": 40, "learning_rate": 0.2},
    ],
)
def test_resumed_is_uninterrupted_bit_for_bit(X, y, sae, tmp_path, options):
    uninterrupted = sae(**options).fit(X, y)
    for epoch in (2, 5):  # killed twice
        fit_killed(sae(checkpoint=tmp_path, **options), X, y, epoch=epoch)
        assert len(list(tmp_path.iterdir())) == 1
    resumed = sae(checkpoint=str(tmp_path), **options).fit(X, y)
    assert_same(uninterrupted, resumed)
    assert list(tmp_path.iterdir()) == []


def test_only_what_was_left_is_trained(X, sae, tmp_path, at_epoch_begin):
    epochs = []
    fit_killed(sae(checkpoint=tmp_path), X, epoch=9)
    at_epoch_begin(lambda net: epochs.append(len(net.history)))
    sae(checkpoint=tmp_path).fit(X)
    assert epochs == [10, 11, 12]


@pytest.mark.parametrize("changed", ["rows", "parameters", "target", "weights"])
def test_another_training_begins_again(X, y, sae, tmp_path, changed):
    options, weights = {"target_weight": 0.5}, None
    fit_killed(sae(checkpoint=tmp_path, **options), X, y, epoch=3)
    if changed == "rows":
        X[-1, -1] += 1
    elif changed == "parameters":
        options["learning_rate"] = 0.001
    elif changed == "target":
        y = y[::-1]
    else:
        weights = np.arange(1, 601)
    other = sae(checkpoint=tmp_path, **options).fit(X, y, sample_weight=weights)
    assert_same(other, sae(**options).fit(X, y, sample_weight=weights))


@pytest.mark.parametrize(
    "options", [{"verbose": 1}, {"prefix": 8}, {"sparse_output": True}]
)
def test_parameters_that_change_no_weight_go_on(
    X, sae, tmp_path, options, at_epoch_begin
):
    epochs = []
    fit_killed(sae(checkpoint=tmp_path), X, epoch=9)
    at_epoch_begin(lambda net: epochs.append(len(net.history)))
    sae(checkpoint=tmp_path, **options).fit(X)
    assert len(epochs) == 3


TRAIN = """
import sys
import numpy as np
from sklearn_hsae import MatryoshkaSAETransformer

X = np.random.default_rng(0).normal(size=(6_000, 16)).astype(np.float32)
sae = MatryoshkaSAETransformer(
    64, 4, max_epochs=30, patience=None, random_state=0, checkpoint=sys.argv[1] or None
)
print("began", flush=True)
np.save(sys.argv[2], sae.fit(X).encoder_)
"""


def test_kill_9(tmp_path, monkeypatch):
    folder, encoder = tmp_path / "states", tmp_path / "encoder.npy"

    def train(folder):
        monkeypatch.setattr(sys, "argv", ["train", folder, encoder])
        exec(TRAIN, {})
        return np.load(encoder)

    command = [sys.executable, "-c", TRAIN, folder, encoder]
    killed = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    killed.stdout.readline()
    while not list(folder.glob("*.safetensors")):
        assert killed.poll() is None
        time.sleep(0.001)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not encoder.exists()
    resumed = train(folder)
    np.testing.assert_array_equal(resumed, train(""))


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_without_a_seed_there_is_no_going_on(X, sae, tmp_path, random_state):
    with pytest.raises(ValueError, match="checkpoint needs an int as random_state"):
        sae(checkpoint=tmp_path, random_state=random_state).fit(X)
