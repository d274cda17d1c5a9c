"""The network: a tied start, a few active neurons, one loss for all prefixes.

Rows come in centred and scaled to mean square norm 1, so that a squared error summed
over the dimensions and averaged over the rows *is* the fraction of variance
unexplained (FVU), relative to the variance of the training data.
"""

import torch
from torch import nn
from torch.nn import functional

from sklearn_hsae.sae._penalty import PENALTIES
from sklearn_hsae.sae._sparse_codes import SparseCodes
from sklearn_hsae.sae._topk import top_k


class SparseAutoencoder(nn.Module):
    """Encoder, decoder with unit rows, and a linear head on the first prefix.

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
    activation : {"topk", "batch_topk", "l1", "reward"}
        Whether each row keeps its k largest pre-activations, or a batch its k
        largest a row on average, or a penalty makes them few. After training, the
        last three keep what reaches one threshold, which the selection in a batch
        stands for.
    n_outputs : int
        Columns that the head predicts; 0 for no head.
    precision : torch.dtype
        Of the pre-activations that decide in training which neurons are active; all
        else is float32.
    seed : int
        Of the decoder's first rows.
    """

    def __init__(
        self,
        n_features,
        prefixes,
        prefix_weights,
        k,
        activation="topk",
        n_outputs=0,
        precision=torch.float32,
        seed=0,
    ):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        n_neurons = prefixes[-1]
        rows = torch.randn(n_neurons, n_features, generator=generator)
        rows = functional.normalize(rows, dim=1)
        self.prefixes = prefixes
        self.k = k
        self.activation = activation
        self.precision = precision
        self.penalty = None
        if activation in PENALTIES:
            self.penalty = PENALTIES[activation](k, seed)
        self.register_buffer("prefix_weights", torch.tensor(prefix_weights).float())
        # Half the decoder's length: activations begin too small rather than too large,
        # and none of the neurons dies at a high learning rate.
        self.encoder = nn.Parameter(rows / 2)
        self.encoder_bias = nn.Parameter(torch.zeros(n_neurons))
        self.decoder = nn.Parameter(rows)
        self.decoder_bias = nn.Parameter(torch.zeros(n_features))
        # On the first prefix only: what predicts the target then becomes coarse
        # concepts, instead of being spread thinly over all neurons.
        self.head = nn.Parameter(torch.zeros(prefixes[0], n_outputs), n_outputs > 0)
        self.head_bias = nn.Parameter(torch.zeros(n_outputs), n_outputs > 0)

    def forward(self, rows):
        """Activations of a batch."""
        if self.training and self.penalty is not None:
            return self.penalty.encode(self._scores(rows))
        with torch.no_grad():
            scores = self._scores(rows)
            positions = self._active(scores)
        return SparseCodes.encode(
            rows, self.encoder, self.encoder_bias, scores, positions
        )

    def _scores(self, rows):
        dtype = self.precision if self.training else rows.dtype
        return functional.linear(
            rows.to(dtype), self.encoder.to(dtype), self.encoder_bias.to(dtype)
        )

    def _active(self, scores):
        """Ascending positions ``row * n_neurons + neuron`` of the active neurons."""
        if self.activation != "topk":
            return top_k(scores.flatten()[None], self.k * len(scores))
        return top_k(scores, self.k)

    def reconstruction(self, rows, codes):
        """FVU of each prefix, and the residual of the full size."""
        return codes.prefix_losses(rows, self.decoder, self.decoder_bias, self.prefixes)

    def prediction(self, codes):
        return codes.predict(self.head, self.head_bias)

    def penalty_loss(self, rows, codes):
        return 0.0 if self.penalty is None else self.penalty.loss(codes, rows, self)

    def auxiliary_loss(self, rows, residual, dead):
        """FVU of the residual as the dead neurons would reconstruct it.

        The residual is a fixed target, and no bias is added to it (Gao et al. 2024,
        "Scaling and evaluating sparse autoencoders", section A.2). As many neurons
        take part in a row as twice k, if so many are dead.
        """
        target = residual.detach()
        scores = functional.linear(rows, self.encoder[dead], self.encoder_bias[dead])
        kept = top_k(scores.detach(), min(2 * self.k, len(dead)))
        values = scores.take(kept).relu()
        activations = torch.zeros_like(scores).put(kept, values)
        error = target - activations @ self.decoder[dead]
        scale = target.square().sum().clamp_min(1e-12)
        return error.square().sum() / scale

    @torch.no_grad()
    def keep_step_on_the_sphere(self):
        """Take from the decoder's gradient what would only change row norms."""
        gradient = self.decoder.grad
        along = torch.linalg.vecdot(gradient, self.decoder)
        gradient.addcmul_(self.decoder, along[:, None], value=-1)

    @torch.no_grad()
    def normalize_decoder(self):
        norms = torch.linalg.vector_norm(self.decoder, dim=1, keepdim=True)
        self.decoder.div_(norms.clamp_min(1e-12))
