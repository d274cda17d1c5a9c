"""The penalties: their formulas, and how their weight finds the number of neurons."""

import numpy as np
import pytest
import torch

from sklearn_hsae.sae._model import SparseAutoencoder
from sklearn_hsae.sae._model._penalty import (
    _DIVERSITY,
    _TEMPERATURE,
    ActivityReward,
    L1Penalty,
)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", [L1Penalty, ActivityReward])
def test_the_weight_follows_the_activity(kind):
    penalty = kind(4, seed=0)
    start = float(penalty.weight)
    penalty.steer(torch.tensor(40.0))
    assert float(penalty.weight) > start
    for _ in range(3):
        penalty.steer(torch.tensor(1.0))
    assert float(penalty.weight) < start


def test_the_weight_changes_by_two_per_cent_at_most():
    penalty = L1Penalty(4, seed=0)
    start = float(penalty.weight)
    penalty.steer(torch.tensor(1000.0))
    assert float(penalty.weight) == pytest.approx(start * np.exp(0.02))
    penalty.steer(torch.tensor(4.0))  # what was asked for
    assert float(penalty.weight) == pytest.approx(start * np.exp(0.02))


def test_l1_is_the_weighted_mean_of_the_sums():
    penalty = L1Penalty(4, seed=0)
    scores, row_weights = random(2, 5, 6), random(2, 5, seed=1).abs()
    codes = penalty.encode(scores)
    found = penalty.loss(codes, None, row_weights, None)
    expected = [
        sum(
            float(row_weights[model, row]) * max(float(score), 0.0)
            for row in range(5)
            for score in scores[model, row]
        )
        / 5
        for model in range(2)
    ]
    np.testing.assert_allclose(found, float(penalty.weight) * np.array(expected), 1e-5)


def test_a_reward_switches_neurons_on_with_the_probability_of_their_score():
    penalty = ActivityReward(4, seed=0)
    scores = torch.tensor([[-0.1, 0.0, 0.02, 0.1]]).expand(1, 20_000, 4)
    codes = penalty.encode(scores)
    expected = 1 / (1 + np.exp(-scores[0, 0].numpy() / _TEMPERATURE))
    np.testing.assert_allclose(codes.switched_on[0].mean(dim=0), expected, atol=0.02)
    assert torch.equal(codes.activations, codes.switched_on * scores.relu())


def test_gains_are_differences_of_errors():
    # Each neuron on and off, all others as they are, in float64 by definition.
    network = SparseAutoencoder(3, (2, 4), 1, "reward").double().requires_grad_(False)
    codes = network.penalty.encode(random(1, 5, 4).double())
    rows = random(1, 5, 3, seed=2).double()
    found = network.penalty._gains(codes, rows, network)

    def error(row, on):
        total = 0.0
        for size in (2, 4):
            active = codes.values[0, row, :size] * on[:size]
            left = rows[0, row] - active @ network.decoder[0, :size]
            total += 0.5 * float(left.square().sum())
        return total

    for row in range(5):
        for neuron in range(4):
            on = codes.switched_on[0, row].clone()
            errors = []
            for state in (0.0, 1.0):
                on[neuron] = state
                errors.append(error(row, on))
            gain = float(found[0, row, neuron])
            assert gain == pytest.approx(errors[0] - errors[1], abs=1e-6)


def test_the_reward_weighs_rows():
    network = SparseAutoencoder(3, (4,), 1, "reward")
    penalty, rows = network.penalty, random(1, 6, 3)
    codes, row_weights = penalty.encode(random(1, 6, 4, seed=1)), random(1, 6).abs()
    gains = penalty._gains(codes, rows, network)
    loss = float(penalty.loss(codes, rows, row_weights, network))
    gains = gains - penalty.weight * (codes.values > 0)  # the weight after steering
    expected = (row_weights * (codes.probabilities * gains).sum(dim=2)).sum() / 6
    activity = codes.probabilities[0].mean(dim=0)
    variance = (activity * (1 - activity)).sum()
    expected = -expected - _DIVERSITY * penalty.weight * variance
    assert loss == pytest.approx(float(expected), rel=1e-5)


def test_reward_estimates_the_gradient_of_the_expected_error():
    # With two neurons the four outcomes can be enumerated: the mean of the estimates
    # must be the gradient of the expectation, or the reward trains nothing.
    network = SparseAutoencoder(3, (1, 2), 1, "reward")
    network.penalty.weight.fill_(0.0)
    generator = torch.Generator().manual_seed(1)
    row = torch.randn(1, 3, generator=generator)
    scores = torch.tensor([[0.03, 0.05]])
    values = scores.relu()

    def error(on):
        total = 0.0
        for weight, size in ((0.5, 1), (0.5, 2)):
            active = values[0, :size] * on[:size]
            total += (
                weight * (row[0] - active @ network.decoder[0, :size]).square().sum()
            )
        return total.detach()

    logits = scores.clone().requires_grad_()
    p = torch.sigmoid(logits / _TEMPERATURE)[0]
    outcomes = [(a, b) for a in (0.0, 1.0) for b in (0.0, 1.0)]
    sum(
        (p[0] if a else 1 - p[0]) * (p[1] if b else 1 - p[1])
        * error(torch.tensor([a, b])) for a, b in outcomes
    ).backward()  # fmt: skip

    # Many copies of the row are many independent samples.
    copies = scores.repeat(1, 20_000, 1).requires_grad_()
    codes = network.penalty.encode(copies)
    gains = network.penalty._gains(codes, row.repeat(1, 20_000, 1), network)
    estimate = -(codes.probabilities * gains).sum() / 20_000
    estimate.backward()
    torch.testing.assert_close(
        copies.grad[0].sum(dim=0), logits.grad[0], rtol=0.05, atol=1e-3
    )
