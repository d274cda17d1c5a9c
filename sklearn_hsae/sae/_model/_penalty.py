"""Penalties that make activations sparse without a top-k selection: L1, or reward.

The number of active neurons depends on the weight of the penalty. The right weight is
not known in advance, so training adjusts it until `k` neurons per row are active.
"""

from abc import ABC, abstractmethod

import torch
from torch import nn

from sklearn_hsae.sae._model._dense_codes import DenseCodes

_FIRST_WEIGHT = 1e-3
_STEERING = 0.02  # largest relative change of the weight per batch
_TEMPERATURE = 0.05
_DIVERSITY = 0.1


class Penalty(nn.Module, ABC):
    """A penalty on activity; its weight grows while too many neurons are active.

    Parameters
    ----------
    k : int
        Wanted number of active neurons per row.
    seed : int
    """

    def __init__(self, k, seed):
        super().__init__()
        self.k = k
        self.generator = torch.Generator().manual_seed(seed)
        self.register_buffer("weight", torch.tensor(_FIRST_WEIGHT))

    @torch.no_grad()
    def steer(self, n_active):
        """Adjust the weight after a batch with `n_active` active neurons per row."""
        excess = (n_active / self.k - 1.0).clamp(-1.0, 1.0)
        self.weight.mul_(torch.exp(_STEERING * excess))

    @abstractmethod
    def encode(self, scores):
        """Codes of pre-activations of shape (n_models, n_rows, n_neurons)."""

    @abstractmethod
    def loss(self, codes, rows, row_weights, network):
        """The penalty of each model, of shape (n_models,)."""


class L1Penalty(Penalty):
    """L1: the mean over rows of the sum of activations (activation = relu(score))."""

    def encode(self, scores):
        return DenseCodes(scores.relu())

    def loss(self, codes, rows, row_weights, network):
        self.steer((codes.activations > 0).sum() / row_weights.numel())
        norms = codes.activations.sum(dim=2)
        return self.weight * (norms * row_weights).mean(dim=1)


class SampledCodes(DenseCodes):
    """Activations of neurons that are switched on at random.

    Parameters
    ----------
    probabilities : tensor of shape (n_models, n_rows, n_neurons)
        Probabilities of being switched on.
    switched_on : tensor of the same shape
        1.0 where a neuron is switched on, else 0.0.
    values : tensor of the same shape
        Activations of the neurons if they are switched on.
    """

    def __init__(self, probabilities, switched_on, values):
        super().__init__(values * switched_on)
        self.probabilities = probabilities
        self.switched_on = switched_on
        self.values = values


class ActivityReward(Penalty):
    """A reward for few active neurons, by a score-function estimator.

    The number of active neurons has no gradient. So each neuron is switched on at
    random, with a probability that grows with its score. The probability is then
    raised or lowered by what being on gains: the drop of the reconstruction error,
    minus the penalty's weight, against the same sample with only this neuron switched
    the other way. This is the counterfactual baseline of Foerster et al. 2018,
    "Counterfactual multi-agent policy gradients", in closed form for a squared error. A
    small part of the reward is the variance of each neuron's activity, which spreads
    the work over the neurons.
    """

    def encode(self, scores):
        probabilities = torch.sigmoid(scores / _TEMPERATURE)
        with torch.no_grad():
            noise = torch.rand(scores.shape, generator=self.generator)
            switched_on = (noise.to(scores) < probabilities).to(scores)
        return SampledCodes(probabilities, switched_on, scores.relu())

    def loss(self, codes, rows, row_weights, network):
        probabilities = codes.probabilities
        self.steer((codes.activations > 0).sum() / row_weights.numel())
        gains = self._gains(codes, rows, network) - self.weight * (codes.values > 0)
        activity = probabilities.mean(dim=1)
        diversity = (activity * (1 - activity)).sum(dim=1)
        gain_of_row = (probabilities * gains).sum(dim=2)
        expected = (gain_of_row * row_weights).mean(dim=1)
        return -expected - _DIVERSITY * self.weight * diversity

    @torch.no_grad()
    def _gains(self, codes, rows, network):
        """Drop of the error when a neuron is on rather than off, the others as is.

        For a neuron with value a, direction d, and residual r with the neuron as it is
        (s = 1 if on, -1 if off), the drop is ``2 a <r, d> + s a^2``, summed over the
        prefixes that have the neuron. With a function after the decoder, d is
        multiplied by its slope, which is right for small changes (Gauss-Newton).
        """
        decoder, prefixes = network.decoder, network.prefixes
        reconstructions = codes.reconstructions(decoder, network.decoder_bias, prefixes)
        along, lengths, gains = 0.0, 0.0, []
        for block in range(len(prefixes) - 1, -1, -1):
            start, end = (0, *prefixes)[block : block + 2]
            directions, weight = decoder[:, start:end], network.prefix_weights[block]
            residual, slope = _residual(rows, reconstructions[block], network.output)
            along = along + weight * residual * slope
            lengths = lengths + weight * slope**2
            values = codes.values[:, :, start:end]
            sign = 2 * codes.switched_on[:, :, start:end] - 1
            squares = lengths
            if network.output is not None:
                squares = lengths @ directions.square().mT
            gains.append(
                2 * values * (along @ directions.mT) + sign * squares * values.square()
            )
        return torch.cat(gains[::-1], dim=2)


def _residual(rows, reconstruction, output):
    """Row minus reconstruction, and the slope of the function after the decoder."""
    if output is None:
        return rows - reconstruction, 1.0
    return rows - output(reconstruction), output.slope(reconstruction)


PENALTIES = {"l1": L1Penalty, "reward": ActivityReward}
