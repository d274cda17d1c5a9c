"""Dead neurons that start anew."""

import numpy as np
import pytest
import torch

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.sae._network import SparseAutoencoder
from sklearn_hsae.sae._resampling import resample


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = SparseAutoencoder(12, (8, 16), (0.5, 0.5), 3, n_outputs=1)
    optimizer = torch.optim.AdamW(network.parameters())
    rows = torch.randn(50, 12)
    with torch.no_grad():
        network.head.fill_(1.0)
        network.encoder_bias[[3, 11]] = -100.0  # never among the three largest
    for _ in range(2):
        codes = network(rows)
        loss = network.reconstruction(rows, codes)[0].sum()
        (loss + network.prediction(codes).sum()).backward()
        optimizer.step()
        network.decoder.data /= network.decoder.data.norm(dim=1, keepdim=True)
    return network, optimizer, rows


def test_neurons_point_at_what_is_left_over(network):
    network, optimizer, rows = network
    before = {name: value.clone() for name, value in network.named_parameters()}
    residual = network.reconstruction(rows, network(rows))[2]
    dead = torch.tensor([3, 11])
    resample(network, optimizer, rows, dead, np.random.default_rng(0))
    directions = residual / residual.norm(dim=1, keepdim=True)
    for neuron in (3, 11):
        along = directions @ network.decoder[neuron].detach()
        assert along.max().item() == pytest.approx(1.0, abs=1e-5)
        norm = before["encoder"].norm(dim=1).mean()
        torch.testing.assert_close(network.encoder[neuron].norm(), norm)
    assert not torch.equal(network.decoder[3], network.decoder[11])
    assert network.encoder_bias[dead].tolist() == [0.0, 0.0]
    assert network.head[3].item() == 0.0 and network.head[2].item() != 0.0
    alive = [i for i in range(16) if i not in (3, 11)]
    for name in ("encoder", "encoder_bias", "decoder"):
        assert torch.equal(getattr(network, name)[alive], before[name][alive])


def test_the_optimiser_forgets_them(network):
    network, optimizer, rows = network
    alive = optimizer.state[network.decoder]["exp_avg"][2].clone()
    resample(network, optimizer, rows, torch.tensor([3]), np.random.default_rng(0))
    for parameter in (network.encoder, network.encoder_bias, network.decoder):
        state = optimizer.state[parameter]
        assert not state["exp_avg"][3].any() and not state["exp_avg_sq"][3].any()
        assert float(state["step"]) == 2
    assert torch.equal(optimizer.state[network.decoder]["exp_avg"][2], alive)


def test_rows_with_large_errors_are_drawn(network):
    network, optimizer, rows = network
    rows = rows.clone()
    rows[7] *= 100
    resample(network, optimizer, rows, torch.tensor([3]), np.random.default_rng(0))
    with torch.no_grad():
        along = torch.cosine_similarity(network.decoder[3], rows[7], dim=0)
    assert along.item() > 0.8


def test_more_dead_neurons_than_rows(network):
    network, optimizer, rows = network
    everything = torch.arange(16)
    resample(network, optimizer, rows[:5], everything, np.random.default_rng(0))
    assert torch.isfinite(network.decoder).all()


def dying(**options):
    """An autoencoder that has far more neurons than the rows have directions."""
    return MatryoshkaSAETransformer(
        64,
        2,
        max_epochs=30,
        batch_size=64,
        learning_rate=0.01,
        aux_weight=0.0,
        patience=None,
        random_state=0,
        **options,
    )


def test_in_training():
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(2000, 6)) @ rng.normal(size=(6, 20))).astype(np.float32)
    left = dying().fit(X)
    anew = dying(resample_dead=True).fit(X)

    def n_silent(sae):
        return int((~(sae.transform(X) > 0).any(axis=0)).sum())

    assert max(epoch["dead_neurons"] for epoch in left.history_) > 20
    assert n_silent(anew) < n_silent(left) / 2
    assert anew.score(X) > left.score(X)
