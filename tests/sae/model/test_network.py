"""The training step against naive float64 code: no sparsity, no sharing, no tricks."""

import pytest
import torch

from sklearn_hsae.sae._kernels import _compiled_products, _torch_products, own_threads
from sklearn_hsae.sae._model import (
    SparseAutoencoder,
    TrainingLoss,
    _network,
    _sparse_codes,
)
from sklearn_hsae.sae._model._dense_codes import DenseCodes
from sklearn_hsae.sae._model._sparse_codes import ActiveNeurons, SparseCodes

PARAMETERS = ("encoder", "encoder_bias", "decoder", "decoder_bias", "head", "head_bias")


def random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def network_away_from_its_start(d, prefixes, weights, k, activation, n_outputs=1):
    network = SparseAutoencoder(d, prefixes, k, activation, n_outputs).double()
    for seed, parameter in enumerate(network.parameters()):
        parameter.data += 0.2 * random(*parameter.shape, seed=seed)
    network.prefix_weights = torch.tensor(weights, dtype=torch.float64)
    return network


def naive_loss(network, rows, target, row_weights):
    """Dense activations, one decoding for each prefix, gradients by autograd."""
    leaves = {
        name: getattr(network, name)[0].detach().clone().requires_grad_()
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
        loss = loss + weight * (row_weights * (error**2).sum(dim=1)).mean()
    first = activations[:, : network.prefixes[0]]
    prediction = first @ leaves["head"] + leaves["head_bias"]
    loss = loss + 0.25 * (row_weights * (prediction[:, 0] - target) ** 2).mean()
    loss.backward()
    return loss.detach(), {name: leaf.grad for name, leaf in leaves.items()}


def compute_by(products, monkeypatch):
    for module in (_sparse_codes, _network):
        monkeypatch.setattr(module, "products_on", lambda device: products)


@pytest.mark.parametrize("is_weighted", [False, True])
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
def test_loss_and_gradients(
    d, prefixes, weights, k, activation, way, is_weighted, monkeypatch
):
    # Processors, and GPUs with many and with few neurons, take three ways.
    if way == "torch":
        compute_by(_torch_products, monkeypatch)
    is_dense = way == "dense"
    monkeypatch.setattr(SparseAutoencoder, "is_dense", lambda self, device: is_dense)
    network = network_away_from_its_start(d, prefixes, weights, k, activation)
    rows, target = random(1, 33, d, seed=90), random(1, 33, seed=91)
    row_weights = random(1, 33, seed=92).abs() if is_weighted else torch.ones(1, 33)
    row_weights = row_weights.double()
    loss, _ = TrainingLoss(network, "regression", [0.25])(rows, target, row_weights, ())
    loss.sum().backward()
    expected_loss, expected = naive_loss(network, rows[0], target[0], row_weights[0])
    torch.testing.assert_close(loss[0].detach(), expected_loss, rtol=1e-12, atol=1e-12)
    for name in PARAMETERS:
        found = getattr(network, name).grad[0]
        torch.testing.assert_close(found, expected[name], rtol=1e-10, atol=1e-12)
    _, _, residual = network.reconstruction(rows, network(rows))
    assert not residual.requires_grad


@pytest.mark.parametrize("activation", ["topk", "batch_topk"])
def test_a_step_on_a_gpu_reads_nothing_back(activation):
    # A tensor on the device "meta" has a shape and no values, so it cannot be asked
    # for one. What runs with it can be recorded as a CUDA graph.
    network = SparseAutoencoder(12, (16, 64), 4, activation, n_outputs=1)
    loss = TrainingLoss(network, "regression", [0.3]).to("meta")
    rows, target, row_weights = (
        torch.empty(shape, device="meta") for shape in ((1, 32, 12), (1, 32), (1, 32))
    )
    total, fired = loss(rows, target, row_weights, ())
    total.sum().backward()
    assert fired.shape == (1, 64)
    assert network.encoder.grad.device.type == "meta"


def test_dense_and_sparse_codes_agree():
    # Training with a penalty and validation after it must measure the same loss.
    network = network_away_from_its_start(6, (4, 16), (0.5, 0.5), 3, "topk")
    rows = random(1, 20, 6, seed=5)
    sparse = network(rows)
    dense = torch.zeros(1, 20, 16, dtype=torch.float64)
    places = 0, sparse.active.flat_rows, sparse.active.flat_neurons
    dense[places] = sparse.values.detach()
    dense = DenseCodes(dense.requires_grad_())
    sparse.values.retain_grad()
    for codes in (sparse, dense):
        fvu, _, _ = network.reconstruction(rows, codes)
        (fvu.sum() + network.prediction(codes).square().sum()).backward()
    expected = dense.activations.grad[places]
    torch.testing.assert_close(sparse.values.grad[0], expected)
    assert torch.equal(sparse.fired(), dense.fired())


@pytest.mark.parametrize("products", [_compiled_products, _torch_products])
def test_rows_and_neurons_without_entries(products, monkeypatch):
    # A batch top-k may leave a row, a block or a neuron with nothing at all.
    compute_by(products, monkeypatch)
    rows = random(1, 3, 4)
    in_rows, neurons = torch.tensor([0, 2, 2]), torch.tensor([1, 3, 4])
    encoder, decoder = random(1, 5, 4, seed=1), random(1, 5, 4, seed=2)
    active = ActiveNeurons(neurons[None], torch.tensor([[0, 1, 1, 3]]), 5)
    codes = SparseCodes.encode(rows, encoder, torch.zeros(1, 5), active)
    assert torch.equal(active.flat_rows, in_rows)
    _, losses, residual = codes.prefix_losses(
        rows,
        decoder,
        torch.zeros(1, 4),
        (2, 5),
        torch.tensor([0.5, 0.5], dtype=torch.float64),
        torch.tensor([0, 0, 1, 1, 1]),
        torch.ones(1, 3),
    )
    rows, residual, encoder, decoder = rows[0], residual[0], encoder[0], decoder[0]
    activations = torch.zeros(3, 5, dtype=torch.float64)
    activations[in_rows, neurons] = (rows @ encoder.T)[in_rows, neurons].relu()
    for size, loss in zip((2, 5), losses[0], strict=True):
        error = rows - activations[:, :size] @ decoder[:size]
        assert loss.item() == pytest.approx(error.square().sum().item() / 3)
    torch.testing.assert_close(residual, rows - activations @ decoder)


def test_bfloat16_decides_and_float32_computes():
    # Parameters in bfloat16 train poorly: a small step would round to none.
    network = SparseAutoencoder(16, (64,), 4, precision=torch.bfloat16)
    rows = random(1, 50, 16).float()
    codes = network(rows)
    active = codes.active
    exact = rows[0].double() @ network.encoder[0].detach().double().T
    expected = exact[active.flat_rows, active.flat_neurons].relu()
    found = codes.values[0].double()
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    best = exact.topk(4, dim=1).values.sum()
    assert codes.values.sum() > 0.995 * best  # nearly always the same neurons


@pytest.mark.parametrize("activation", ["topk", "batch_topk"])
def test_threads_change_no_result(activation):
    # Each has its own rows, or its own neurons: nothing is lost or counted twice.
    rows, found = random(1, 33, 7), []
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
    rows = random(1, 20, 6)
    prediction = network.prediction(network(rows))
    network.decoder.data[:, 4:] = 0
    network.encoder.data[:, 4:] *= 1 + 1e-9  # nothing changes places
    torch.testing.assert_close(network.prediction(network(rows)), prediction)
    assert network.head.shape == (1, 4, 3)
    prediction.square().sum().backward()
    gradient = network.encoder.grad[0]
    assert not gradient[4:].any() and gradient[:4].any()


@pytest.mark.parametrize("products", [_compiled_products, _torch_products])
@pytest.mark.parametrize("activation", ["topk", "batch_topk"])
def test_models_share_nothing_but_the_step(activation, products, monkeypatch):
    # Loss, prediction, gradients and firing of each are those of the model alone.
    compute_by(products, monkeypatch)
    options = {"activation": activation, "n_outputs": 2}
    network = SparseAutoencoder(6, (4, 16), 3, seeds=(0, 1, 2), **options).double()
    for seed, parameter in enumerate(network.parameters()):
        parameter.data += 0.2 * random(*parameter.shape, seed=seed)
    rows, row_weights = random(3, 20, 6, seed=7), random(3, 20, seed=8).abs()
    network.prefix_weights = network.prefix_weights.double()

    def step(network, rows, row_weights):
        codes = network(rows)
        loss, losses, residual = network.reconstruction(rows, codes, row_weights)
        prediction = network.prediction(codes)
        (loss.sum() + prediction.square().sum()).backward()
        gradients = [getattr(network, name).grad for name in PARAMETERS]
        found = loss.detach(), losses, residual, prediction.detach(), codes.fired()
        return *found, *gradients

    together = step(network, rows, row_weights)
    for model in range(3):
        alone = SparseAutoencoder(6, (4, 16), 3, **options).double()
        alone.prefix_weights = alone.prefix_weights.double()
        for name, parameter in alone.named_parameters():
            parameter.data = getattr(network, name).data[model, None].clone()
        one = slice(model, model + 1)
        for a, b in zip(
            together, step(alone, rows[one], row_weights[one]), strict=True
        ):
            torch.testing.assert_close(a[one], b)


def loss_of(network, rows, target):
    codes = network(rows)
    error = (network.prediction(codes)[0, :, 0] - target).square().mean()
    return network.reconstruction(rows, codes)[0][0] + error


@pytest.mark.parametrize("activation", ["topk", "batch_topk"])
def test_gradients_agree_with_finite_differences(activation):
    # The gradients are written by hand: sparse products, suffix sums over prefixes.
    network = network_away_from_its_start(4, (3, 6), (0.3, 0.7), 2, activation)
    rows, target = random(1, 12, 4, seed=90), random(12, seed=91)
    loss_of(network, rows, target).backward()
    for name, parameter in network.named_parameters():
        flat, gradient = parameter.data.view(-1), parameter.grad.view(-1)
        for i in range(len(flat)):
            values = []
            for step in (1e-6, -1e-6):
                flat[i] += step
                values.append(loss_of(network, rows, target).item())
                flat[i] -= step
            assert (values[0] - values[1]) / 2e-6 == pytest.approx(
                float(gradient[i]), abs=1e-6
            ), name


def test_batch_topk_keeps_k_per_row_of_the_batch():
    # Others took the batch of a three-dimensional input for its first axis (SAELens,
    # overcomplete).
    network = SparseAutoencoder(10, (16,), 3, "batch_topk")
    codes = network(random(1, 7, 10).float())
    assert codes.values.numel() == 3 * 7


def test_selected_but_zero_is_not_firing():
    # A top-k must select k neurons even where all scores are negative; sparsify,
    # dictionary_learning and saerch count these as firing.
    rows = torch.ones(1, 2, 3)
    encoder, bias = torch.zeros(1, 4, 3), torch.tensor([[1.0, -1.0, -2.0, -3.0]])
    active = ActiveNeurons(torch.tensor([[0, 1, 0, 1]]), torch.tensor([[0, 2, 4]]), 4)
    codes = SparseCodes.encode(rows, encoder, bias, active)
    assert codes.fired().tolist() == [[True, False, False, False]]


def test_encoder_and_decoder_share_no_memory():
    # A tied start as a view stays tied for ever (saev).
    network = SparseAutoencoder(4, (6,), 2)
    before = network.decoder.detach().clone()
    network.encoder.data.fill_(9.0)
    assert torch.equal(network.decoder.detach(), before)


@pytest.mark.parametrize("bias", [0.0, 100.0])
def test_auxiliary_loss_has_a_fixed_target_and_no_bias(bias):
    # sparsify and SAELens add the decoder's bias to a residual, from which it is
    # already subtracted; BatchTopK does not detach the residual.
    network = SparseAutoencoder(4, (6,), 2)
    network.decoder_bias.data.fill_(bias)
    rows = random(1, 10, 4).float()
    residual = (rows * 0.5).requires_grad_()
    dead, weights = torch.tensor([1, 4]), random(1, 10, seed=1).abs().float()
    loss = network.auxiliary_loss(rows, residual, weights, [dead])
    loss.sum().backward()
    assert residual.grad is None or not residual.grad.any()
    pre = rows[0] @ network.encoder[0, dead].T + network.encoder_bias[0, dead]
    error = residual[0] - pre.relu() @ network.decoder[0, dead]
    expected = (weights[0] * error.square().sum(dim=1)).sum()
    expected /= (weights[0] * residual[0].square().sum(dim=1)).sum()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    gradient = network.encoder.grad[0]
    assert not gradient[[0, 2, 3, 5]].any() and gradient[dead].any()


def test_dead_neurons_of_one_model_do_not_touch_the_others():
    # The loss that revives them belongs to each model.
    network = SparseAutoencoder(12, (32,), 4, seeds=(0, 1))
    alone = SparseAutoencoder(12, (32,), 4, seeds=(1,))
    rows, weights = random(2, 50, 12).float(), torch.ones(2, 50)
    dead = [torch.tensor([], dtype=torch.int64), torch.tensor([3, 7, 11])]
    found = network.auxiliary_loss(rows, 0.5 * rows, weights, dead)
    expected = alone.auxiliary_loss(rows[1:], 0.5 * rows[1:], weights[1:], dead[1:])
    assert found[0] == 0
    torch.testing.assert_close(found[1:], expected)
    found[1].backward()
    assert not network.encoder.grad[0].any()


def test_the_auxiliary_loss_changes_no_codes():
    # An in-place mask of the dead corrupted the codes (sentence-transformers).
    network = SparseAutoencoder(4, (6,), 2)
    rows = random(1, 5, 4).float()
    codes = network(rows)
    values = codes.values.detach().clone()
    network.auxiliary_loss(rows, rows, torch.ones(1, 5), [torch.tensor([1, 2])])
    assert torch.equal(codes.values, values)


def test_few_dead_neurons_cost_no_full_size_product(monkeypatch):
    # With a boolean mask over all neurons the auxiliary loss took three times as long
    # (dictionary_learning).
    network = SparseAutoencoder(8, (500,), 4)
    rows, sizes = random(1, 6, 8).float(), []
    original = torch.nn.functional.linear

    def linear(*arguments):
        sizes.append(len(arguments[1]))
        return original(*arguments)

    monkeypatch.setattr(_network.functional, "linear", linear)
    network.auxiliary_loss(rows, rows, torch.ones(1, 6), [torch.tensor([3, 400])])
    assert sizes == [2]
