"""Encoding after training, with each kind of activation."""

import numpy as np
import pytest

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.sae._model import Encoder, calibrate_threshold

ACTIVATIONS = ["topk", "batch_topk", "l1", "reward"]


@pytest.fixture(scope="module")
def rows():
    """Sums of one to six of 40 directions: rows differ in how much they say."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(40, 24))
    codes = np.zeros((9000, 40))
    for row in codes:
        active = rng.permutation(40)[: rng.integers(1, 7)]
        row[active] = rng.uniform(1, 2, size=len(active))
    X = codes @ directions + 0.1 * rng.normal(size=(9000, 24))
    return X[:5000].astype(np.float32), X[5000:].astype(np.float32)


@pytest.fixture(scope="module", params=ACTIVATIONS)
def fitted(request, rows):
    max_epochs = 30 if request.param == "l1" else 10  # its weight is found slowly
    sae = MatryoshkaSAETransformer(
        64, 4, activation=request.param, max_epochs=max_epochs, random_state=0
    )
    return sae.fit(rows[0])


def n_active(sae, X):
    return (sae.transform(X) > 0).sum(axis=1)


def test_number_of_active_neurons(fitted, rows):
    counts = n_active(fitted, rows[1])
    if fitted.activation == "topk":
        assert fitted.threshold_ is None and counts.max() == 4
    else:
        # The goal of the calibration: within 2 % of k on rows it has not seen.
        assert counts.mean() == pytest.approx(4, rel=0.02)
        assert counts.max() > 4  # rows with more content get more


def test_reconstruction(fitted, rows):
    # Four active neurons of an untrained dictionary explain about a third.
    floor = {"topk": 0.75, "batch_topk": 0.75, "l1": 0.6, "reward": 0.6}
    assert fitted.score(rows[1]) > floor[fitted.activation]
    losses = [epoch["valid_loss"] for epoch in fitted.history_]
    assert min(losses) < 0.7 * losses[0]


def test_a_row_alone_is_the_row_in_a_batch(fitted, rows):
    # A selection over a batch would make activations depend on the neighbours.
    A = fitted.transform(rows[1][:20])
    for i in (0, 7):
        alone = fitted.transform(rows[1][i : i + 1])[0]
        np.testing.assert_allclose(alone, A[i], atol=1e-5)


def test_prefix_keeps_the_first_neurons(fitted, rows):
    X = rows[1][:200]
    A = fitted.transform(X)
    for prefix, size in ((16, 16), (0.25, 16), (1.0, 64)):
        expected = A.copy()
        expected[:, size:] = 0
        np.testing.assert_array_equal(fitted.transform(X, prefix=prefix), expected)
        residual = X - fitted.inverse_transform(expected)
        variance = fitted.input_scale_**2
        assert fitted.score(X, prefix=prefix) == pytest.approx(
            1 - (residual**2).sum(axis=1).mean() / variance, abs=1e-4
        )
    with pytest.raises(ValueError, match="prefix"):
        fitted.transform(X, prefix=65)


@pytest.mark.parametrize("k", [1, 3, 8])
def test_threshold_is_the_quantile(k):
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(300, 6)), rng.normal(size=(8, 6)).astype(np.float32)
    bias = rng.normal(size=8).astype(np.float32)
    encoder = Encoder(weights, bias, np.zeros(6), 1.0, k, None, "cpu")
    scores = X.astype(np.float32) @ weights.T + bias
    positive = np.sort(scores[scores > 0])[::-1]
    expected = positive[min(k * 300, len(positive)) - 1]
    threshold = calibrate_threshold(encoder, X)
    assert threshold == pytest.approx(expected, rel=1e-5, abs=1e-6)
    encoder.threshold = threshold
    # At least the threshold: a strict comparison would lose the one that set it.
    assert encoder.sparse_activations(X).nnz == min(k * 300, len(positive))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    "offset, scale", [(0, 1), (3, 1), (1000, 1), (0, 1e-3), (0, 1e-20), (0, 1e20)]
)
def test_scores_are_those_of_standardised_rows(offset, scale, dtype):
    # Whether the weights take the mean and the scale along or the rows are put right.
    rng = np.random.default_rng(0)
    if dtype == np.float16 and scale not in (1, 1e-3):
        pytest.skip("beyond the numbers of this type")
    X = (scale * (offset + rng.normal(size=(50, 6)))).astype(dtype)
    weights = rng.normal(size=(8, 6)).astype(np.float32)
    bias = rng.normal(size=8).astype(np.float32)
    exact = X.astype(np.float64)
    mean, spread = exact.mean(axis=0), float(exact.std())
    encoder = Encoder(weights, bias, mean, spread, 3, None, "cpu")
    expected = (exact - mean) / spread @ weights.T + bias
    tolerance = 1e-5 if offset < 100 or dtype == np.float64 else 2e-3
    before = X.copy()
    np.testing.assert_allclose(encoder.scores(X), expected, atol=tolerance)
    assert np.array_equal(X, before)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_in_new_rows_is_an_error(value, tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    sae = MatryoshkaSAETransformer(8, 2, max_epochs=2, random_state=0).fit(X)
    X[7, 4] = value
    np.save(tmp_path / "rows.npy", X)
    for rows in (X, str(tmp_path / "rows.npy")):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            sae.transform(rows)


def test_threshold_without_rows_or_activity():
    silent = Encoder(
        np.zeros((4, 3), np.float32), -np.ones(4, np.float32), np.zeros(3), 1.0, 2,
        None, "cpu",
    )  # fmt: skip
    assert calibrate_threshold(silent, np.ones((5, 3))) == 0.0
    silent.threshold = 0.0
    assert silent.sparse_activations(np.ones((5, 3))).nnz == 0
