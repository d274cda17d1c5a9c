"""What makes activations sparse when no top-k does: the L1 norm, or a reward.

Either has a weight that decides how many neurons are active. Nobody knows it in
advance, so it is steered during training towards `k` active neurons a row.
"""

import torch
from torch import nn

from sklearn_hsae.sae._dense_codes import DenseCodes

_STEERING = 0.02
_TEMPERATURE = 0.05
_DIVERSITY = 0.1


class Penalty(nn.Module):
    """A price on activity, raised while too many neurons are active."""

    def __init__(self, k, seed):
        super().__init__()
        self.k = k
        self.generator = torch.Generator().manual_seed(seed)
        self.register_buffer("price", torch.tensor(1e-3))

    @torch.no_grad()
    def steer(self, n_active):
        """Adjust the price after a batch with `n_active` active neurons a row."""
        excess = (n_active / self.k - 1.0).clamp(-1.0, 1.0)
        self.price.mul_(torch.exp(_STEERING * excess))


class L1Penalty(Penalty):
    """Mean over rows of the sum of activations, which are rectified scores."""

    def encode(self, scores):
        return DenseCodes(scores.relu())

    def loss(self, codes, rows, network):
        activations = codes.activations
        self.steer((activations > 0).sum() / len(rows))
        return self.price * activations.sum() / len(rows)


class ActivityReward(Penalty):
    """A reward for few active neurons, by a score-function estimator.

    The number of active neurons has no gradient of its own. So each neuron is
    switched on at random, the likelier the higher its score, and its probability
    rises or falls with what being on has gained: the drop of the reconstruction
    error, minus the price, against the same sample with this neuron switched the
    other way (the counterfactual baseline of Foerster et al. 2018, "Counterfactual
    multi-agent policy gradients", which for a squared error has a closed form). A
    small part of the reward is the variance of each neuron's activity, which spreads
    the work over the neurons.
    """

    def encode(self, scores):
        codes = DenseCodes(None)
        codes.probabilities = torch.sigmoid(scores / _TEMPERATURE)
        with torch.no_grad():
            noise = torch.rand(scores.shape, generator=self.generator)
            codes.switched_on = (noise.to(scores) < codes.probabilities).to(scores)
        codes.values = scores.relu()
        codes.activations = codes.values * codes.switched_on
        return codes

    def loss(self, codes, rows, network):
        probabilities = codes.probabilities
        self.steer((codes.activations > 0).sum() / len(rows))
        value = self._gains(codes, rows, network) - self.price * (codes.values > 0)
        activity = probabilities.mean(dim=0)
        diversity = (activity * (1 - activity)).sum()
        expected = (probabilities * value).sum() / len(rows)
        return -expected - _DIVERSITY * self.price * diversity

    @torch.no_grad()
    def _gains(self, codes, rows, network):
        """Drop of the error when a neuron is on rather than off, all others as is."""
        decoder, prefixes = network.decoder, network.prefixes
        residuals = codes.residuals(rows, decoder, network.decoder_bias, prefixes)
        slope, weight, gains = 0.0, 0.0, []
        for block in range(len(prefixes) - 1, -1, -1):
            start, end = (0, *prefixes)[block : block + 2]
            slope = slope + network.prefix_weights[block] * residuals[block]
            weight = weight + network.prefix_weights[block]
            values = codes.values[:, start:end]
            sign = 2 * codes.switched_on[:, start:end] - 1
            along = slope @ decoder[start:end].T
            gains.append(2 * values * along + sign * weight * values.square())
        return torch.cat(gains[::-1], dim=1)


PENALTIES = {"l1": L1Penalty, "reward": ActivityReward}
