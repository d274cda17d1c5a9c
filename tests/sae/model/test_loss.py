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
