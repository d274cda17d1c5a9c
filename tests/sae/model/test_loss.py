"""The loss of the head against plain sums in float64."""

import math

import pytest
import torch

from sklearn_hsae.sae._model import SparseAutoencoder, TrainingLoss, prediction_loss


def random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def plain_loss(kind, outputs, target):
    """The loss of one row, by its definition."""
    if kind == "regression":
        return (outputs[0] - target) ** 2
    if kind == "binary":
        p = 1 / (1 + math.exp(-outputs[0]))
        return -math.log(p if target else 1 - p)
    exponentials = [math.exp(output) for output in outputs]
    return -math.log(exponentials[target] / sum(exponentials))


@pytest.mark.parametrize("kind", ["regression", "binary", "multiclass"])
def test_prediction_loss_is_the_weighted_mean_of_the_definition(kind):
    n_outputs = 3 if kind == "multiclass" else 1
    prediction, row_weights = random(2, 5, n_outputs), random(2, 5, seed=1).abs()
    if kind == "regression":
        target = random(2, 5, seed=2)
    else:
        target = torch.arange(10).view(2, 5) % (n_outputs if n_outputs > 1 else 2)
        target = target.double() if kind == "binary" else target
    found = prediction_loss(kind, prediction, target, row_weights)
    for model in range(2):
        losses = [
            float(row_weights[model, row])
            * plain_loss(
                kind, prediction[model, row].tolist(), target[model, row].item()
            )
            for row in range(5)
        ]
        assert float(found[model]) == pytest.approx(sum(losses) / 5, rel=1e-10)


def test_parts_add_up():
    # Reconstruction + target_weight x head + auxiliary loss / 32.
    network = SparseAutoencoder(6, (8,), 2, n_outputs=1).double()
    network.head.data += 0.5
    rows, target, weights = random(1, 20, 6), random(1, 20, seed=1), torch.ones(1, 20)
    dead = [torch.tensor([1, 5])]
    loss, fired = TrainingLoss(network, "regression", [0.25])(
        rows, target, weights, dead
    )
    codes = network(rows)
    fvu, _, residual = network.reconstruction(rows, codes)
    head = prediction_loss("regression", network.prediction(codes), target, weights)
    auxiliary = network.auxiliary_loss(rows, residual, weights, dead)
    torch.testing.assert_close(loss, fvu + 0.25 * head + auxiliary / 32)
    assert torch.equal(fired, codes.fired())


@pytest.mark.parametrize("activation", ["topk", "batch_topk"])
def test_multi_k_adds_an_eighth_of_a_second_reconstruction(activation):
    network = SparseAutoencoder(6, (3, 8), 2, activation, multi_k=5).double()
    network.encoder_bias.data = 0.1 * random(1, 8, seed=3)
    network.decoder_bias.data = 0.1 * random(1, 6, seed=4)
    alone = SparseAutoencoder(6, (3, 8), 2, activation).double()
    alone.load_state_dict(network.state_dict())
    rows, weights = random(1, 10, 6), random(1, 10, seed=1).abs()
    found, fired = TrainingLoss(network, None, [0.0])(rows, None, weights, ())
    without, fired_without = TrainingLoss(alone, None, [0.0])(rows, None, weights, ())
    assert torch.equal(fired, fired_without)  # a neuron of the second is not alive
    # The definition: the largest of a row, or of the batch, decoded per prefix.
    scores = rows[0] @ network.encoder[0].T + network.encoder_bias[0]
    chosen = scores.flatten().sort().values[-50] if activation == "batch_topk" else None
    errors = []
    for row, score, weight in zip(rows[0], scores, weights[0], strict=True):
        least = score.sort().values[-5] if chosen is None else chosen
        active = torch.where(score >= least, score.clamp(min=0), 0.0)
        for prefix in (3, 8):
            built = active[:prefix] @ network.decoder[0, :prefix]
            residual = row - built - network.decoder_bias[0]
            errors.append(float(weight * residual.detach().square().sum()))
    expected = float(without[0].detach()) + sum(errors) / len(errors) / 8
    assert float(found[0].detach()) == pytest.approx(expected, rel=1e-10)
    for wanted in ("encoder", "encoder_bias", "decoder"):
        assert torch.autograd.grad(
            found.sum(), getattr(network, wanted), retain_graph=True
        )[0].any()
