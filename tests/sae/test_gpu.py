"""What only a GPU can show; skipped where there is none."""

import numpy as np
import pytest
import torch

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.sae import fit_many
from sklearn_hsae.sae._training import _net

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no GPU here"
)


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(64, 24))
    weights = rng.exponential(size=(3001, 64)) * (rng.random((3001, 64)) < 0.1)
    return (weights @ directions).astype(np.float32)


def sae(**options):
    options = {"max_epochs": 8, "batch_size": 128} | options
    return MatryoshkaSAETransformer(
        64, 4, prefixes=(0.25, 1.0), random_state=0, **options
    )


def losses(fitted):
    return [epoch["valid_loss"] for epoch in fitted.history_]


@pytest.mark.parametrize("target_weight", [0.0, 0.3])
@pytest.mark.parametrize("activation", ["topk", "batch_topk"])
def test_a_recorded_step_is_the_step(X, activation, target_weight, monkeypatch):
    options = {"activation": activation, "target_weight": target_weight}
    recorded = sae(device="cuda", **options).fit(X, X[:, 0])
    monkeypatch.setattr(_net, "StepGraph", lambda step, device: step)
    plain = sae(device="cuda", **options).fit(X, X[:, 0])
    assert losses(recorded) == pytest.approx(losses(plain), rel=1e-2)
    on_processor = sae(device="cpu", **options).fit(X, X[:, 0])
    assert losses(recorded) == pytest.approx(losses(on_processor), rel=1e-2)


@pytest.mark.parametrize("activation", ["topk", "l1"])
@pytest.mark.parametrize("has_bfloat16", [False, True])
def test_other_ways_reach_about_the_same(X, activation, has_bfloat16, monkeypatch):
    on_processor = sae(device="cpu", activation=activation).fit(X)
    if has_bfloat16:
        monkeypatch.setattr(_net, "_NEURONS_FOR_BFLOAT16", 0)
    on_gpu = sae(device="cuda", activation=activation).fit(X)
    assert on_gpu.score(X) == pytest.approx(on_processor.score(X), abs=0.03)


def test_sparse_products(X):
    options = {"n_neurons": 1024, "k": 4}
    on_gpu = sae(device="cuda").set_params(**options).fit(X)
    on_processor = sae(device="cpu").set_params(**options).fit(X)
    assert losses(on_gpu) == pytest.approx(losses(on_processor), rel=2e-2)


def test_side_by_side(X):
    saes = [sae(device="cuda").set_params(random_state=seed) for seed in range(3)]
    for fitted in fit_many(saes, X):
        alone = sae(device="cpu").set_params(random_state=fitted.random_state).fit(X)
        assert fitted.score(X) == pytest.approx(alone.score(X), abs=0.02)


def test_what_is_fitted_on_a_gpu_is_loaded_on_a_processor(X, tmp_path):
    fitted = sae(device="cuda").fit(X)
    activations = fitted.transform(X)
    fitted.save_pretrained(tmp_path)
    loaded = MatryoshkaSAETransformer.from_pretrained(tmp_path).set_params(device="cpu")
    np.testing.assert_allclose(loaded.transform(X), activations, atol=1e-3)
