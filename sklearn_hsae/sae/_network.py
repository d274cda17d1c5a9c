"""The network: a tied start, a few active neurons, one loss for all prefixes.

Rows come in centred and scaled to mean square norm 1, so that a squared error summed
over the dimensions and averaged over the rows *is* the fraction of variance
unexplained (FVU), relative to the variance of the training data.
"""

import torch
from torch import nn
from torch.nn import functional

from sklearn_hsae.sae import _torch_products
from sklearn_hsae.sae._dense_codes import DenseCodes
from sklearn_hsae.sae._penalty import PENALTIES
from sklearn_hsae.sae._sparse_codes import SparseCodes, Support, products_on
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
            scores = _torch_products.all_scores(*self._scoring(rows))
            return self.penalty.encode(scores)
        if self.training and self.is_dense(rows.device):
            return self._dense_codes(rows)
        with torch.no_grad():
            support, values = self._select(rows)
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
        lines = scores if self.activation == "topk" else scores.view(1, -1)
        n_rows = len(scores) // len(lines)
        columns = top_k(lines.detach(), self.k * n_rows)
        values = lines.gather(1, columns).relu()
        activations = torch.zeros_like(lines).scatter(1, columns, values)
        return DenseCodes(activations.view_as(scores))

    def _scoring(self, rows):
        """Arguments of the functions that compute pre-activations."""
        dtype = self.precision if self.training else rows.dtype
        weights = self.encoder.to(dtype), self.encoder_bias.to(dtype)
        return rows.to(dtype), *weights, self.n_models

    def _select(self, rows):
        """The :class:`Support` of the active neurons, and their pre-activations."""
        device = rows.device
        if self.activation == "topk":
            products = products_on(device)
            neurons, values = products.top_scores(*self._scoring(rows), self.k)
            row_starts = torch.arange(0, neurons.numel() + 1, self.k, device=device)
        else:
            neurons, values, row_starts = self._select_in_batch(rows)
        if self.n_models > 1:
            first = torch.arange(0, len(self.encoder), self.n_neurons, device=device)
            neurons = neurons.view(self.n_models, -1) + first[:, None]
        support = Support(neurons.flatten(), row_starts, len(self.encoder))
        if values.dtype != rows.dtype:  # they only decide which neurons are active
            return support, None
        return support, values.flatten()

    def _select_in_batch(self, rows):
        """Neurons and scores, of shape (n_models, n_entries), and starts of the rows.

        All rows of a model compete.
        """
        device = rows.device
        scores = products_on(device).all_scores(*self._scoring(rows))
        lines = scores.view(self.n_models, -1)
        positions = top_k(lines, self.k * (len(rows) // self.n_models))
        models = torch.arange(self.n_models, device=device)[:, None]
        starts = torch.arange(len(rows) + 1, device=device) * self.n_neurons
        in_all = (positions + models * lines.shape[1]).flatten()
        row_starts = torch.searchsorted(in_all, starts)
        neurons = positions.remainder(self.n_neurons)
        return neurons, lines.gather(1, positions), row_starts

    def reconstruction(self, rows, codes):
        """FVU of each model, weighted and by prefix; residual of the full size.

        Only the first is differentiable.
        """
        return codes.prefix_losses(
            rows,
            self.decoder,
            self.decoder_bias,
            self.prefixes,
            self.prefix_weights,
            self.block_of_neuron,
        )

    def prediction(self, codes):
        """The head's output, of shape (n_models, n_rows, n_outputs)."""
        predicted = codes.predict(self.head, self.head_row_of_neuron)
        return predicted.unflatten(0, (self.n_models, -1)) + self.head_bias[:, None]

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
        values = scores.gather(1, kept).relu()
        activations = torch.zeros_like(scores).scatter(1, kept, values)
        error = target - activations @ self.decoder[dead]
        scale = target.square().sum().clamp_min(1e-12)
        return error.square().sum() / scale


def _normal(n_rows, n_columns, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n_rows, n_columns, generator=generator)
