"""The training step against naive float64 code: no sparsity, no sharing, no tricks."""

import pytest
import torch

from sklearn_hsae.sae import (
    _compiled_products,
    _network,
    _sparse_codes,
    _torch_products,
)
from sklearn_hsae.sae._dense_codes import DenseCodes
from sklearn_hsae.sae._loss import TrainingLoss
from sklearn_hsae.sae._network import SparseAutoencoder
from sklearn_hsae.sae._sparse_codes import SparseCodes, Support
from sklearn_hsae.sae._threads import own_threads
from sklearn_hsae.sae._topk import _group_size, _top_k_by_groups, top_k

PARAMETERS = ("encoder", "encoder_bias", "decoder", "decoder_bias", "head", "head_bias")


def random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def network_away_from_its_start(d, prefixes, weights, k, activation, n_outputs=1):
    network = SparseAutoencoder(d, prefixes, weights, k, activation, n_outputs).double()
    for seed, parameter in enumerate(network.parameters()):
        parameter.data += 0.2 * random(*parameter.shape, seed=seed)
    network.prefix_weights = torch.tensor(weights, dtype=torch.float64)
    return network


def naive_loss(network, rows, target):
    """Dense activations, one decoding for each prefix, gradients by autograd."""
    leaves = {
        name: getattr(network, name).detach().clone().requires_grad_()
        for name in PARAMETERS
    }
    scores = rows @ leaves["encoder"].T + leaves["encoder_bias"]
    if network.activation == "topk":
        kept = scores >= scores.sort(dim=1).values[:, -network.k, None]
    else:
        kept = scores >= scores.flatten().sort().values[-network.k * len(rows)]
    activations = torch.where(kept, scores.relu(), 0.0)
    loss = 0.0
    for weight, size in zip(network.prefix_weights, network.prefixes, strict=True):
        reconstruction = activations[:, :size] @ leaves["decoder"][:size]
        error = rows - reconstruction - leaves["decoder_bias"]
        loss = loss + weight * (error**2).sum(dim=1).mean()
    first = activations[:, : network.prefixes[0]]
    prediction = first @ leaves["head"] + leaves["head_bias"]
    loss = loss + 0.3 * ((prediction[:, 0] - target) ** 2).mean()
    loss.backward()
    return loss.detach(), {name: leaf.grad for name, leaf in leaves.items()}


def compute_by(products, monkeypatch):
    for module in (_sparse_codes, _network):
        monkeypatch.setattr(module, "products_on", lambda device: products)


@pytest.mark.parametrize("way", ["compiled", "torch", "dense"])
@pytest.mark.parametrize("activation", ["topk", "batch_topk"])
@pytest.mark.parametrize(
    "d, prefixes, weights, k",
    [
        (7, (24,), (1.0,), 5),
        (7, (3, 9, 24), (0.2, 0.3, 0.5), 5),
        (3, (1, 40), (0.9, 0.1), 1),
        (5, (4, 6), (0.5, 0.5), 6),  # k is the number of neurons
    ],
)
def test_loss_and_gradients(d, prefixes, weights, k, activation, way, monkeypatch):
    # Processors, and GPUs with many and with few neurons, take three ways.
    if way == "torch":
        if not torch.backends.mkl.is_available():
            pytest.skip("this build of torch has no sampled product for processors")
        compute_by(_torch_products, monkeypatch)
    is_dense = way == "dense"
    monkeypatch.setattr(SparseAutoencoder, "is_dense", lambda self, device: is_dense)
    network = network_away_from_its_start(d, prefixes, weights, k, activation)
    rows, target = random(33, d, seed=90), random(33, seed=91)
    codes = network(rows)
    fvu, _, residual = network.reconstruction(rows, codes)
    prediction = network.prediction(codes)[0, :, 0]
    loss = fvu[0] + 0.3 * (prediction - target).square().mean()
    loss.backward()
    expected_loss, expected = naive_loss(network, rows, target)
    torch.testing.assert_close(loss.detach(), expected_loss, rtol=1e-12, atol=1e-12)
    for name in PARAMETERS:
        found = getattr(network, name).grad
        torch.testing.assert_close(found, expected[name], rtol=1e-10, atol=1e-12)
    assert not residual.requires_grad


@pytest.mark.parametrize("activation", ["topk", "batch_topk"])
def test_a_step_on_a_gpu_reads_nothing_back(activation):
    # A tensor on the device "meta" has a shape and no values, so it cannot be asked
    # for one. What runs with it can be recorded as a CUDA graph.
    network = SparseAutoencoder(12, (16, 64), (0.5, 0.5), 4, activation, n_outputs=1)
    loss = TrainingLoss(network, "regression", [0.3], 1 / 32).to("meta")
    rows, target = torch.empty(32, 12, device="meta"), torch.empty(32, device="meta")
    total, fired = loss(rows, target, ())
    total.sum().backward()
    assert fired.shape == (64,)
    assert network.encoder.grad.device.type == "meta"


def test_dense_and_sparse_codes_agree():
    # Training with a penalty and validation after it must measure the same loss.
    network = network_away_from_its_start(6, (4, 16), (0.5, 0.5), 3, "topk")
    rows = random(20, 6, seed=5)
    sparse = network(rows)
    dense = torch.zeros(20, 16, dtype=torch.float64)
    support = sparse.support
    dense[support.rows, support.neurons] = sparse.values.detach()
    dense = DenseCodes(dense.requires_grad_())
    sparse.values.retain_grad()
    for codes in (sparse, dense):
        fvu, _, _ = network.reconstruction(rows, codes)
        (fvu.sum() + network.prediction(codes).square().sum()).backward()
    expected = dense.activations.grad[support.rows, support.neurons]
    torch.testing.assert_close(sparse.values.grad, expected)
    assert torch.equal(sparse.fired(), dense.fired())


@pytest.mark.parametrize("products", [_compiled_products, _torch_products])
def test_rows_and_neurons_without_entries(products, monkeypatch):
    # A batch top-k may leave a row, a block or a neuron with nothing at all.
    compute_by(products, monkeypatch)
    rows = random(3, 4)
    in_rows, neurons = torch.tensor([0, 2, 2]), torch.tensor([1, 3, 4])
    encoder, decoder = random(5, 4, seed=1), random(5, 4, seed=2)
    support = Support(neurons, torch.tensor([0, 1, 1, 3]), 5)
    codes = SparseCodes.encode(rows, encoder, torch.zeros(5), support)
    assert torch.equal(support.rows, in_rows)
    _, losses, residual = codes.prefix_losses(
        rows,
        decoder,
        torch.zeros(1, 4),
        (2, 5),
        torch.tensor([0.5, 0.5], dtype=torch.float64),
        torch.tensor([0, 0, 1, 1, 1]),
    )
    active = torch.zeros(3, 5, dtype=torch.float64)
    active[in_rows, neurons] = (rows @ encoder.T)[in_rows, neurons].relu()
    for size, loss in zip((2, 5), losses[0], strict=True):
        error = rows - active[:, :size] @ decoder[:size]
        assert loss.item() == pytest.approx(error.square().sum().item() / 3)
    torch.testing.assert_close(residual, rows - active @ decoder)


def test_bfloat16_decides_and_float32_computes():
    # Parameters in bfloat16 train poorly: a small step would round to none.
    network = SparseAutoencoder(16, (64,), (1.0,), 4, precision=torch.bfloat16)
    rows = random(50, 16).float()
    codes = network(rows)
    support = codes.support
    exact = rows.double() @ network.encoder.detach().double().T
    expected = exact[support.rows, support.neurons].relu()
    torch.testing.assert_close(codes.values.double(), expected, atol=1e-6, rtol=1e-5)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    best = exact.topk(4, dim=1).values.sum()
    assert codes.values.sum() > 0.995 * best  # nearly always the same neurons


def sorted_groups(scores, k):
    return _top_k_by_groups(scores, k).sort(dim=1).values


@pytest.mark.parametrize("method", [top_k, sorted_groups])
@pytest.mark.parametrize("k", [1, 2, 8, 32, 100])
@pytest.mark.parametrize("n_columns", [100, 129, 256, 1000, 4096])
def test_two_stage_top_k_is_exact(n_columns, k, method):
    scores = random(30, n_columns, seed=n_columns + k)
    expected = scores.topk(k, dim=1).indices.sort(dim=1).values
    assert torch.equal(method(scores, k), expected)


@pytest.mark.parametrize("method", [top_k, sorted_groups])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_two_stage_top_k_with_ties_and_infinities(dtype, method):
    # Among equals any may be chosen, but none twice, and nothing smaller.
    assert _group_size(1024, 8) > 1
    scores = random(40, 1024).mul(2).round().to(dtype)
    scores[0] = 0.0
    scores[1, 5:] = -torch.inf
    scores[2, 7:] = torch.inf
    found = method(scores, 8)
    assert (found.diff(dim=1) > 0).all()
    values = scores.gather(1, found).sort(dim=1, descending=True).values
    assert torch.equal(values, scores.topk(8, dim=1).values)


def test_top_k_keeps_what_is_no_number():
    # A training that diverges must show, not go on without the neurons that broke.
    scores = random(20, 1024)
    scores[3, [8, 700]] = torch.nan
    found = scores.gather(1, top_k(scores, 8))
    assert found.isnan().sum() == 2


@pytest.mark.parametrize("activation", ["topk", "batch_topk"])
def test_threads_change_no_result(activation):
    # Each has its own rows, or its own neurons: nothing is lost or counted twice.
    rows, found = random(33, 7), []
    for n_threads in (1, 2, 3, 40):
        network = network_away_from_its_start(7, (3, 24), (0.5, 0.5), 5, activation)
        with own_threads(n_threads):
            fvu, _, residual = network.reconstruction(rows, network(rows))
            fvu.sum().backward()
        gradients = [getattr(network, name).grad for name in PARAMETERS[:4]]
        found.append((fvu.detach(), residual, *gradients))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-12, atol=1e-14)


def test_the_head_reads_the_first_prefix_only():
    network = network_away_from_its_start(6, (4, 16), (0.5, 0.5), 5, "topk", 3)
    rows = random(20, 6)
    prediction = network.prediction(network(rows))
    network.decoder.data[4:] = 0
    network.encoder.data[4:] *= 1 + 1e-9  # nothing changes places
    torch.testing.assert_close(network.prediction(network(rows)), prediction)
    assert network.head.shape == (4, 3)
    prediction.square().sum().backward()
    assert not network.encoder.grad[4:].any() and network.encoder.grad[:4].any()
