"""What a decoder gives out when it does not end with a linear map."""

import numpy as np
import torch
from torch import nn

from sklearn_hsae.sae._data import OUTPUT_RANGES

# Means are moved this far inside the range, where the function has a slope.
_LARGEST_MEAN = 0.999


class DecoderOutput(nn.Module):
    """Tanh or sigmoid of a reconstruction, in the units of the rows before scaling.

    The argument is shifted and scaled so that value and slope at the mean row are those
    of no function at all. So a decoder with and without it are the same to first order,
    and the directions of neurons keep their meaning.

    Parameters
    ----------
    kind : {"tanh", "sigmoid"}
    mean : float64 array of shape (n_features,)
    scale : float
        Of the standardised rows, see `input_mean_` and `input_scale_` of
        :class:`MatryoshkaSAETransformer`.
    """

    def __init__(self, kind, mean, scale):
        super().__init__()
        low, high = OUTPUT_RANGES[kind]
        self.center, self.radius = (low + high) / 2, (high - low) / 2
        self.scale = scale
        inside = np.clip(
            (mean - self.center) / self.radius, -_LARGEST_MEAN, _LARGEST_MEAN
        )
        self._keep("mean", mean)
        self._keep("offset", np.arctanh(inside))
        self._keep("gain", scale / (self.radius * (1 - inside**2)))

    def forward(self, reconstruction):
        """A standardised row of a standardised reconstruction before the function."""
        argument = self.offset + self.gain * reconstruction
        raw = self.center + self.radius * torch.tanh(argument)
        return (raw - self.mean) / self.scale

    def slope(self, reconstruction):
        """Derivative of :meth:`forward`, feature by feature."""
        argument = self.offset + self.gain * reconstruction
        return self.radius * self.gain / self.scale / torch.cosh(argument).square()

    def _keep(self, name, values):
        # They follow from mean and scale, so they need not be stored.
        values = torch.tensor(values, dtype=torch.get_default_dtype())
        self.register_buffer(name, values, persistent=False)
