"""The network: a tied start, a few active neurons, one loss for all prefixes.

Rows come in centred and scaled to mean square norm 1, so that a squared error summed
over the dimensions and averaged over the rows *is* the fraction of variance
unexplained (FVU), relative to the variance of the training data.
"""

import torch
from torch import nn
from torch.nn import functional

from sklearn_hsae.sae._dense_codes import DenseCodes
from sklearn_hsae.sae._penalty import PENALTIES
from sklearn_hsae.sae._sparse_codes import SparseCodes, Support
from sklearn_hsae.sae._topk import top_k

_OPERATIONS_A_BYTE = 184  # of a GPU: what it computes while it reads a byte


class SparseAutoencoder(nn.Module):
    """Encoder, decoder with unit rows, and a linear head on the first prefix.

    Or several of equal shape, which share a step but nothing else: the neurons of all
    models come one after another, and so do the rows of a batch, the same number for
    each.

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
    seeds : sequence of int
        Of the decoder's first rows, one for each model.
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
        seeds=(0,),
    ):
        super().__init__()
        n_models, n_neurons = len(seeds), prefixes[-1]
        rows = functional.normalize(
            torch.cat([_normal(n_neurons, n_features, seed) for seed in seeds]), dim=1
        )
        self.n_models = n_models
        self.n_neurons = n_neurons
        self.prefixes = prefixes
        self.k = k
        self.activation = activation
        self.precision = precision
        self.penalty = None
        if activation in PENALTIES:
            self.penalty = PENALTIES[activation](k, seeds[0])
        self.register_buffer("prefix_weights", torch.tensor(prefix_weights).float())
        # Half the decoder's length: activations begin too small rather than too large,
        # and none of the neurons dies at a high learning rate.
        self.encoder = nn.Parameter(rows / 2)
        self.encoder_bias = nn.Parameter(torch.zeros(n_models * n_neurons))
        self.decoder = nn.Parameter(rows)
        self.decoder_bias = nn.Parameter(torch.zeros(n_models, n_features))
        # On the first prefix only: what predicts the target then becomes coarse
        # concepts, instead of being spread thinly over all neurons.
        has_head = n_outputs > 0
        head = torch.zeros(n_models * prefixes[0], n_outputs)
        self.head = nn.Parameter(head, has_head)
        self.head_bias = nn.Parameter(torch.zeros(n_models, n_outputs), has_head)
        neurons, models = torch.arange(n_neurons), torch.arange(n_models)[:, None]
        blocks = torch.searchsorted(torch.tensor(prefixes), neurons, right=True)
        self.register_buffer("block_of_neuron", blocks.repeat(n_models), False)
        head_rows = torch.where(blocks == 0, models * prefixes[0] + neurons, -1)
        self.register_buffer("head_row_of_neuron", head_rows.flatten(), False)

    def forward(self, rows):
        """Activations of a batch."""
        if self.training and self.penalty is not None:
            return self.penalty.encode(self._scores(rows))
        if self.training and self.is_dense(rows.device):
            return self._dense_codes(rows)
        with torch.no_grad():
            scores = self._scores(rows)
            positions = self._active(scores)
            support = self._support(positions, len(rows))
            # Scores of lower precision only decide which neurons are active.
            values = scores.take(positions) if scores.dtype == rows.dtype else None
        return SparseCodes.encode(
            rows, self.encoder, self.encoder_bias, support, values
        )

    def is_dense(self, device):
        """Whether training on a device multiplies whole matrices.

        A GPU reads scattered rows so much more slowly than it multiplies that this is
        faster up to some 184 neurons for each active one.
        """
        is_one = self.n_models == 1 and self.penalty is None
        is_small = self.n_neurons < _OPERATIONS_A_BYTE * self.k
        return device.type != "cpu" and is_one and is_small

    def _dense_codes(self, rows):
        scores = functional.linear(rows, self.encoder, self.encoder_bias)
        positions, scores = self._active(scores.detach()), scores.flatten()
        values = scores.gather(0, positions).relu()
        activations = torch.zeros_like(scores).scatter(0, positions, values)
        return DenseCodes(activations.unflatten(0, (len(rows), -1)))

    def _scores(self, rows):
        """Pre-activations of shape (len(rows), n_neurons)."""
        dtype = self.precision if self.training else rows.dtype
        rows, weights = rows.to(dtype), self.encoder.to(dtype)
        bias = self.encoder_bias.to(dtype)
        if self.n_models == 1:
            return functional.linear(rows, weights, bias)
        each = (self.n_models, -1)
        return torch.baddbmm(
            bias.unflatten(0, each)[:, None],
            rows.unflatten(0, each),
            weights.unflatten(0, each).mT,
        ).flatten(0, 1)

    def _active(self, scores):
        """Ascending positions ``row * n_neurons + neuron`` of the active neurons."""
        if self.activation == "topk":
            return top_k(scores, self.k)
        n_rows = len(scores) // self.n_models
        return top_k(scores.view(self.n_models, -1), self.k * n_rows)

    def _support(self, positions, n_rows):
        rows = torch.div(positions, self.n_neurons, rounding_mode="floor")
        neurons = positions - rows * self.n_neurons
        if self.n_models > 1:
            rows_a_model = n_rows // self.n_models
            models = torch.div(rows, rows_a_model, rounding_mode="floor")
            neurons += models * self.n_neurons
        return Support(rows, neurons, n_rows, len(self.encoder))

    def reconstruction(self, rows, codes):
        """FVU of each model and prefix, and the residual of the full size."""
        return codes.prefix_losses(
            rows, self.decoder, self.decoder_bias, self.prefixes, self.block_of_neuron
        )

    def prediction(self, codes):
        """The head's output, of shape (n_models, n_rows, n_outputs)."""
        predicted = codes.predict(self.head, self.head_row_of_neuron)
        return predicted.unflatten(0, (self.n_models, -1)) + self.head_bias[:, None]

    def penalty_loss(self, rows, codes):
        return 0.0 if self.penalty is None else self.penalty.loss(codes, rows, self)

    def auxiliary_loss(self, rows, residual, dead):
        """FVU of the residual as the dead neurons of each model would reconstruct it.

        The residual is a fixed target, and no bias is added to it (Gao et al. 2024,
        "Scaling and evaluating sparse autoencoders", section A.2). As many neurons
        take part in a row as twice k, if so many are dead.
        """
        models = torch.div(dead, self.n_neurons, rounding_mode="floor")
        losses = [
            self._dead_neurons_loss(rows, target, dead[models == model])
            for model, (rows, target) in enumerate(
                zip(
                    rows.chunk(self.n_models),
                    residual.detach().chunk(self.n_models),
                    strict=True,
                )
            )
        ]
        return torch.stack(losses)

    def _dead_neurons_loss(self, rows, target, dead):
        if len(dead) == 0:
            return rows.new_zeros(())
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


def _normal(n_rows, n_columns, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n_rows, n_columns, generator=generator)
