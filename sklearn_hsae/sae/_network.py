"""The network: a tied start, top-k neurons, one loss for all prefixes.

Rows come in centred and scaled to mean square norm 1, so that a squared error summed
over the dimensions and averaged over the rows *is* the fraction of variance
unexplained (FVU), relative to the variance of the training data.
"""

import torch
from torch import nn
from torch.nn import functional


class SparseAutoencoder(nn.Module):
    """Encoder, decoder with unit rows, and a linear head on the activations.

    Parameters
    ----------
    n_features : int
        Length d of a row.
    prefixes : tuple of int
        Growing sizes; the last is the number of neurons M.
    prefix_weights : sequence of float
        Weight of each prefix in the loss.
    k : int
        Active neurons a row.
    n_outputs : int
        Columns that the head predicts; 0 for no head.
    seed : int
        Of the decoder's first rows.
    """

    def __init__(self, n_features, prefixes, prefix_weights, k, n_outputs, seed):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        n_neurons = prefixes[-1]
        rows = torch.randn(n_neurons, n_features, generator=generator)
        rows = functional.normalize(rows, dim=1)
        self.prefixes = prefixes
        self.k = k
        self.register_buffer("prefix_weights", torch.tensor(prefix_weights).float())
        self.encoder = nn.Parameter(rows.clone())
        self.encoder_bias = nn.Parameter(torch.zeros(n_neurons))
        self.decoder = nn.Parameter(rows)
        self.head = nn.Parameter(torch.zeros(n_neurons, n_outputs))
        self.head_bias = nn.Parameter(torch.zeros(n_outputs))

    def pre_activations(self, rows):
        return functional.linear(rows, self.encoder, self.encoder_bias)

    def forward(self, rows):
        """Dense activations: the k largest pre-activations of a row, if positive."""
        pre_activations = self.pre_activations(rows)
        values, indices = top_k(pre_activations, self.k)
        return torch.zeros_like(pre_activations).scatter(1, indices, values)

    def residuals(self, rows, activations):
        """Yield row minus reconstruction for each prefix, the smallest first.

        The prefixes share one decoding: each adds its own block of neurons to what
        the one before has reconstructed.
        """
        residual, start = rows, 0
        for end in self.prefixes:
            residual = residual - activations[:, start:end] @ self.decoder[start:end]
            yield residual
            start = end

    def reconstruction_loss(self, rows, activations):
        """Weighted mean over prefixes of the FVU; also the full-size residual."""
        loss = 0.0
        for weight, residual in zip(
            self.prefix_weights, self.residuals(rows, activations), strict=True
        ):
            loss = loss + weight * residual.square().sum(dim=1).mean()
        return loss, residual

    def revival_loss(self, rows, residual, dead, n_revived):
        """FVU of the residual as the dead neurons would reconstruct it.

        The residual is a fixed target, and no bias is added to it (Gao et al. 2024,
        "Scaling and evaluating sparse autoencoders", section A.2).
        """
        target = residual.detach()
        pre_activations = functional.linear(
            rows, self.encoder[dead], self.encoder_bias[dead]
        )
        values, indices = top_k(pre_activations, n_revived)
        activations = torch.zeros_like(pre_activations).scatter(1, indices, values)
        error = target - activations @ self.decoder[dead]
        scale = target.square().sum(dim=1).mean().clamp_min(1e-12)
        return error.square().sum(dim=1).mean() / scale

    def prediction(self, activations):
        return activations @ self.head + self.head_bias

    @torch.no_grad()
    def keep_step_on_the_sphere(self):
        """Take from the decoder's gradient what would only change row norms."""
        gradient = self.decoder.grad
        along = (gradient * self.decoder).sum(dim=1, keepdim=True)
        gradient.sub_(along * self.decoder)

    @torch.no_grad()
    def normalize_decoder(self):
        norms = self.decoder.norm(dim=1, keepdim=True).clamp_min(1e-12)
        self.decoder.div_(norms)


def top_k(pre_activations, k):
    """The k largest of each row, negative ones as 0, and their positions."""
    values, indices = pre_activations.topk(k, dim=1, sorted=False)
    return values.relu(), indices
