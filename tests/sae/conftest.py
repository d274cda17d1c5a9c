"""Rows, targets and small autoencoders for the tests of the autoencoder."""

import numpy as np
import pytest

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.sae._data import _row_files
from sklearn_hsae.sae._training import _batches, _net


@pytest.fixture(scope="session")
def data():
    """Rows that are sums of three of 24 directions, off centre, and a target."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(24, 20))
    codes = np.zeros((600, 24))
    for row in codes:
        row[rng.permutation(24)[:3]] = rng.uniform(1, 2, size=3)
    X = codes @ directions + 0.1 * rng.normal(size=(600, 20)) + 5.0
    return X.astype(np.float32), codes[:, 0] - codes[:, 1]


@pytest.fixture
def X(data):
    return data[0].copy()


@pytest.fixture
def y(data):
    return data[1].copy()


@pytest.fixture
def make_sae():
    """A function that makes a small autoencoder, trained for few epochs."""

    def make(**options):
        options = {
            "n_neurons": 32,
            "k": 4,
            "max_epochs": 6,
            "random_state": 0,
        } | options
        return MatryoshkaSAETransformer(**options)

    return make


@pytest.fixture
def streaming(monkeypatch):
    """All rows count as large, and buffers are far smaller than the rows."""
    monkeypatch.setattr(_row_files, "_BYTES_IN_MEMORY", 0)
    monkeypatch.setattr(_batches, "_BLOCK_BYTES", 50 * 20 * 4)
    monkeypatch.setattr(_batches, "_BUFFER_BYTES", 200 * 20 * 4)


@pytest.fixture
def at_epoch_begin(monkeypatch):
    """Register a function that is called with the net before each epoch."""
    return _hook(monkeypatch, "on_epoch_begin")


@pytest.fixture
def at_epoch_end(monkeypatch):
    """Register a function that is called with the net after each epoch.

    The checkpoint of the epoch has then been written.
    """
    return _hook(monkeypatch, "on_epoch_end")


@pytest.fixture
def at_train_begin(monkeypatch):
    """Register a function that is called with the net before the first epoch."""
    return _hook(monkeypatch, "on_train_begin")


def _hook(monkeypatch, moment):
    usual = _net.AutoencoderNet.notify

    def register(function):
        def notify(net, name, **kwargs):
            result = usual(net, name, **kwargs)
            if name == moment:
                function(net)
            return result

        monkeypatch.setattr(_net.AutoencoderNet, "notify", notify)

    return register
