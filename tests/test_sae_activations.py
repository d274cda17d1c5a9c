"""How neurons are switched on, and the sparse products behind it."""

import numpy as np
import pytest
import torch

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.sae._dense_codes import DenseCodes
from sklearn_hsae.sae._network import SparseAutoencoder
from sklearn_hsae.sae._sparse_codes import SparseCodes
from sklearn_hsae.sae._topk import top_k

K = 4


@pytest.fixture(scope="module")
def data():
    """Rows that are sums of one to seven of 40 directions: rows differ in content."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(40, 24))
    codes = np.zeros((3000, 40))
    for row in codes:
        on = rng.permutation(40)[: rng.integers(1, 8)]
        row[on] = rng.uniform(1, 2, size=len(on))
    X = codes @ directions + 0.1 * rng.normal(size=(3000, 24))
    return X[:2000].astype(np.float32), X[2000:].astype(np.float32)


@pytest.fixture(scope="module")
def fitted(data):
    return {
        activation: MatryoshkaSAETransformer(
            64, K, prefixes=(16,), activation=activation, random_state=0
        ).fit(data[0])
        for activation in ("topk", "batch_topk", "l1", "reward")
    }


@pytest.mark.parametrize("n_columns, k", [(10, 3), (64, 8), (1000, 4), (4099, 32)])
def test_two_stages_find_the_same_as_one(n_columns, k):
    # 4099 fills no whole number of groups; rounded scores have many ties.
    generator = torch.Generator().manual_seed(n_columns)
    scores = torch.randn(50, n_columns, generator=generator).mul(50).round()
    found = scores.gather(1, top_k(scores, k)).sort(dim=1).values
    expected = scores.topk(k, dim=1).values.sort(dim=1).values
    assert torch.equal(found, expected)


def test_no_neuron_is_chosen_twice_among_ties():
    # The peer's gather of equal scores may return one of them twice.
    chosen = top_k(torch.zeros(3, 1000), 8)
    assert all(len(set(row.tolist())) == 8 for row in chosen)


def test_sparse_products_equal_dense_ones():
    # The same loss by autograd on dense matrices, in float64.
    prefixes, weights = (3, 8, 20), (0.2, 0.3, 0.5)
    network = SparseAutoencoder(6, prefixes, weights, K, n_outputs=2).double()
    generator = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        noise = torch.randn(parameter.shape, generator=generator).double()
        parameter.data += 0.2 * noise
    rows = torch.randn(30, 6, generator=generator).double()
    target = torch.randn(30, 2, generator=generator).double()

    def gradients(codes):
        fvu, _ = network.reconstruction(rows, codes)
        error = (network.prediction(codes) - target).square().sum()
        network.zero_grad()
        (fvu @ network.prefix_weights.double() + error).backward()
        return [parameter.grad.clone() for parameter in network.parameters()]

    sparse = network(rows)
    assert isinstance(sparse, SparseCodes)
    scores = rows @ network.encoder.T + network.encoder_bias
    kept = torch.zeros_like(scores).scatter(1, scores.topk(K, dim=1).indices, 1.0)
    for found, expected in zip(
        gradients(sparse), gradients(DenseCodes((scores * kept).relu())), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_topk_depends_on_the_row_alone(fitted, data):
    # With a selection over a batch, a row's activations depend on its neighbours.
    _, new = data
    together = fitted["topk"].transform(new)
    alone = np.vstack([fitted["topk"].transform(row[None]) for row in new[:50]])
    np.testing.assert_allclose(together[:50], alone, atol=1e-5)
    assert (together > 0).sum(axis=1).max() <= K


@pytest.mark.parametrize("activation", ["batch_topk", "l1", "reward"])
def test_k_neurons_are_active_on_average(fitted, data, activation):
    # A running estimate of the threshold starts at 0 and leaves it too low.
    sae, new = fitted[activation], data[1]
    n_active = (sae.transform(new) > 0).sum(axis=1)
    assert n_active.mean() == pytest.approx(K, rel=0.1)
    assert n_active.std() > 0.5  # rows with much to say get more
    assert sae.threshold_ > 0


@pytest.mark.parametrize("activation", ["batch_topk", "l1", "reward"])
def test_the_value_at_the_threshold_counts(fitted, data, activation):
    # The peers compare strictly, which drops the value that set the threshold.
    sae = fitted[activation]
    order = np.random.RandomState(0).permutation(2000)[:200]  # the validation rows
    activations = sae.transform(data[0][order])
    assert activations[activations > 0].min() == pytest.approx(sae.threshold_, rel=1e-5)
    assert (activations > 0).sum() == pytest.approx(K * 200, abs=1)


def test_every_activation_learns(fitted, data):
    _, new = data
    scores = {name: sae.score(new) for name, sae in fitted.items()}
    # Four principal directions explain a sixth; an untrained network far less.
    untrained = MatryoshkaSAETransformer(
        64, K, max_epochs=1, learning_rate=1e-9, random_state=0
    ).fit(data[0])
    for name, score in scores.items():
        assert score > untrained.score(new) + 0.2, (name, scores)
    # Rows differ in how much they say, which is what batch top-k is for.
    assert scores["batch_topk"] > scores["topk"] - 0.02


def test_prefix_keeps_the_first_neurons(fitted, data):
    sae, new = fitted["topk"], data[1]
    whole, part = sae.transform(new), sae.transform(new, prefix=16)
    np.testing.assert_array_equal(part[:, :16], whole[:, :16])
    assert not part[:, 16:].any()
    np.testing.assert_array_equal(part, sae.transform(new, prefix=0.25))
    assert 0 < sae.score(new, prefix=16) < sae.score(new, prefix=64) == sae.score(new)
    with pytest.raises(ValueError, match="prefix"):
        sae.transform(new, prefix=65)


def test_bfloat16_decides_but_does_not_round(data):
    # Only which neurons are active is decided in bfloat16.
    X, new = data
    exact, rough = (
        MatryoshkaSAETransformer(64, K, dtype=dtype, random_state=0).fit(X)
        for dtype in ("float32", "bfloat16")
    )
    assert rough.encoder_.dtype == np.float32
    assert rough.score(new) == pytest.approx(exact.score(new), abs=0.03)
