"""Autoencoders that share their steps end as each would by itself."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.sae import _training, fit_many


@pytest.fixture
def sae(make_sae):
    """A function that makes an autoencoder with a prefix."""
    return lambda **options: make_sae(
        **{"prefixes": (8, 32), "batch_size": 64} | options
    )


@pytest.fixture
def group_sizes(monkeypatch):
    sizes, usual = [], _training.train

    def train(settings, *arguments):
        if settings.n_models > 1:
            sizes.append(settings.n_models)
        return usual(settings, *arguments)

    monkeypatch.setattr(_training, "train", train)
    return sizes


def assert_as_if_alone(fitted, X, y=None):
    """Up to rounding, which a training makes larger step by step."""
    alone = clone(fitted).fit(X, y)
    assert fitted.n_iter_ == alone.n_iter_
    for found, expected in zip(fitted.history_, alone.history_, strict=True):
        assert found.keys() == expected.keys()
        for key in ("train_loss", "valid_loss", "valid_prefix_fvu"):
            assert found[key] == pytest.approx(expected[key], rel=2e-3)
        assert found["dead_neurons"] == expected["dead_neurons"]
    for name in ("encoder_", "encoder_bias_", "decoder_", "decoder_bias_"):
        found, expected = getattr(fitted, name), getattr(alone, name)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=0.02)
    assert (fitted.head_ is None) == (alone.head_ is None)
    assert fitted.score(X) == pytest.approx(alone.score(X), abs=2e-3)


@pytest.mark.parametrize("activation", ["topk", "batch_topk"])
def test_seeds(X, activation, group_sizes, sae):
    saes = [sae(random_state=seed, activation=activation) for seed in range(3)]
    assert all(a is b for a, b in zip(fit_many(saes, X), saes, strict=True))
    assert group_sizes == [3]
    for fitted in saes:
        assert_as_if_alone(fitted, X)
    assert not np.allclose(saes[0].encoder_, saes[1].encoder_, atol=0.1)


@pytest.mark.parametrize("kind", ["regression", "binary", "multiclass"])
def test_weights_of_a_target(X, y, kind, group_sizes, sae):
    targets = {"binary": y > 0, "multiclass": np.digitize(y, [-1, 1]).astype(str)}
    target = targets.get(kind, y)
    saes = [sae(target_weight=weight, random_state=0) for weight in (0.1, 1.0)]
    for fitted in fit_many(saes, X, target):
        assert_as_if_alone(fitted, X, target)
    assert group_sizes == [2]
    assert np.abs(saes[1].head_).sum() > np.abs(saes[0].head_).sum()


def test_what_cannot_share_its_steps_is_fitted_alone(X, y, tmp_path, group_sizes, sae):
    alone = [
        {"target_weight": 0.5},
        {"k": 3},
        {"activation": "l1"},
        {"checkpoint": tmp_path},
    ]
    saes = [sae(random_state=0, **options) for options in [{}, {}, *alone]]
    saes = fit_many(saes, X, y)
    assert group_sizes == [2]
    for fitted in saes[2:]:
        expected = clone(fitted).fit(X, y)
        np.testing.assert_array_equal(fitted.encoder_, expected.encoder_)


def test_large_ones_are_fitted_alone(group_sizes, monkeypatch):
    X = np.random.default_rng(0).normal(size=(600, 384)).astype(np.float32)
    large = [
        MatryoshkaSAETransformer(2048, 4, max_epochs=1, batch_size=512, random_state=i)
        for i in range(2)
    ]
    fit_many(large, X)
    assert group_sizes == []


def test_one_that_cannot_be_fitted_is_named_before_any_training(X, sae):
    saes = [sae(random_state=0), sae(random_state=0, target_weight=0.5)]
    with pytest.raises(ValueError, match="needs a target"):
        fit_many(saes, X)
    assert not hasattr(saes[0], "encoder_")


def test_wrong_input_is_named(X, sae):
    assert fit_many([], X) == []
    with pytest.raises(TypeError, match="a single one; call its fit"):
        fit_many(sae(), X)
    with pytest.raises(TypeError, match=r"one of Ridge\(\)"):
        fit_many([sae(), Ridge()], X)
    with pytest.raises(ValueError, match="'k' parameter"):
        fit_many([sae(), sae(k=0)], X)
    with pytest.raises(ValueError, match="NaN"):
        fit_many([sae(), sae()], np.where(X == X[3, 3], np.nan, X))
    with pytest.raises(FloatingPointError, match="Lower learning_rate"):
        fit_many([sae(learning_rate=1e30, random_state=i) for i in (0, 1)], X)


def test_a_search_over_fitted_ones(X, y, sae):
    saes = fit_many([sae(random_state=seed) for seed in range(3)], X)
    search = GridSearchCV(
        make_pipeline(saes[0], Ridge()),
        {"matryoshkasaetransformer": [FrozenEstimator(each) for each in saes]},
    )
    search.fit(X, y)
    chosen = search.best_params_["matryoshkasaetransformer"].estimator
    assert any(np.array_equal(chosen.encoder_, each.encoder_) for each in saes)


def test_weights_of_rows(X, y, sae, group_sizes):
    weights = np.arange(600) % 3
    saes = [sae(target_weight=0.3, random_state=seed) for seed in range(2)]
    for fitted in fit_many(saes, X, y, sample_weight=weights):
        alone = clone(fitted).fit(X, y, sample_weight=weights)
        np.testing.assert_allclose(fitted.encoder_, alone.encoder_, atol=0.02)
        assert fitted.score(X) == pytest.approx(alone.score(X), abs=2e-3)
    assert group_sizes == [2]
