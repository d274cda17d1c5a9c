"""The network: encoder, selection of active neurons, decoder, and prefix losses.

Rows are centred and scaled to a mean square length of 1. So the squared error, summed
over features and averaged over rows, is the fraction of variance unexplained (FVU)
relative to the training rows.

Several models of the same shape can share one network: every tensor has the models as
its first axis. Models do not share weights.
"""

import torch
from torch import nn
from torch.nn import functional

from sklearn_hsae.sae._kernels import differentiable_scores, products_on, top_k
from sklearn_hsae.sae._model._decoder_output import DecoderOutput
from sklearn_hsae.sae._model._dense_codes import DenseCodes
from sklearn_hsae.sae._model._penalty import PENALTIES
from sklearn_hsae.sae._model._sparse_codes import ActiveNeurons, SparseCodes

# FLOPs per byte of memory traffic of a GPU. When n_neurons / k is below this ratio,
# dense matrix products are faster than sparse gathers.
_GPU_OPERATIONS_PER_BYTE = 184


class SparseAutoencoder(nn.Module):
    """Encoder, decoder with unit rows, and a linear head on the first prefix.

    Parameters
    ----------
    n_features : int
    prefixes : tuple of int
        Growing sizes; the last is the number of neurons.
    k : int
        Active neurons per row.
    activation : {"topk", "batch_topk", "l1", "reward"}
        Which neurons are active in training: the k largest of each row, the largest of
        the batch (k per row on average), or all positive ones, with a penalty. In
        evaluation, ``"topk"`` selects in the same way. For the others, the selection in
        a batch approximates the fixed threshold that is set after training.
    n_outputs : int
        Number of outputs of the head; 0 for no head.
    precision : torch.dtype
        Precision of the pre-activations that select the active neurons in training.
        Everything else is float32.
    seeds : sequence of int
        Seeds of the initial weights, one per model.
    multi_k : int or None
        Active neurons per row of a second reconstruction in training.
    output : tuple of the arguments of :class:`DecoderOutput`, or None
        What follows the decoder; None is nothing. For penalties only.

    Attributes
    ----------
    encoder : Parameter of shape (n_models, n_neurons, n_features)
    encoder_bias : Parameter of shape (n_models, n_neurons)
    decoder : Parameter of shape (n_models, n_neurons, n_features)
    decoder_bias : Parameter of shape (n_models, n_features)
    head : Parameter of shape (n_models, prefixes[0], n_outputs)
    head_bias : Parameter of shape (n_models, n_outputs)
    prefix_weights : tensor of shape (n_prefixes,)
        Weight of each prefix in the reconstruction loss; all equal.
    block_of_neuron : int64 tensor of shape (n_neurons,)
        Index of the smallest prefix that has the neuron.
    """

    def __init__(
        self,
        n_features,
        prefixes,
        k,
        activation="topk",
        n_outputs=0,
        precision=torch.float32,
        seeds=(0,),
        multi_k=None,
        output=None,
    ):
        super().__init__()
        n_models, n_neurons = len(seeds), prefixes[-1]
        self.n_models = n_models
        self.n_neurons = n_neurons
        self.prefixes = prefixes
        self.k = k
        self.multi_k = multi_k
        self.activation = activation
        self.precision = precision
        self.output = None if output is None else DecoderOutput(*output)
        self.penalty = None
        if activation in PENALTIES:
            self.penalty = PENALTIES[activation](k, seeds[0])
        equal = torch.full((len(prefixes),), 1 / len(prefixes))
        self.register_buffer("prefix_weights", equal)
        directions = functional.normalize(
            torch.stack([_normal(n_neurons, n_features, seed) for seed in seeds]), dim=2
        )
        # Encoder and decoder start with the same directions (Gao et al. 2024). The
        # encoder has half the length: with small initial activations, no neuron dies,
        # even at a high learning rate.
        self.encoder = nn.Parameter(directions / 2)
        self.encoder_bias = nn.Parameter(torch.zeros(n_models, n_neurons))
        self.decoder = nn.Parameter(directions)
        self.decoder_bias = nn.Parameter(torch.zeros(n_models, n_features))
        # The head uses the first prefix only. So a few broad neurons predict the
        # target, instead of many neurons with small weights.
        has_head = n_outputs > 0
        head = torch.zeros(n_models, prefixes[0], n_outputs)
        self.head = nn.Parameter(head, has_head)
        self.head_bias = nn.Parameter(torch.zeros(n_models, n_outputs), has_head)
        neurons = torch.arange(n_neurons)
        blocks = torch.searchsorted(torch.tensor(prefixes), neurons, right=True)
        self.register_buffer("block_of_neuron", blocks, False)

    def forward(self, rows):
        """Codes of a batch of shape (n_models, n_rows, n_features)."""
        if self.training and self.penalty is not None:
            return self.penalty.encode(differentiable_scores(*self._scoring(rows)))
        if self.training and self.is_dense(rows.device):
            return self._dense_codes(rows)
        with torch.no_grad():
            active, scores = self._select(rows, self.k)
        codes = SparseCodes.encode(
            rows, self.encoder, self.encoder_bias, active, scores
        )
        return codes if self.output is None else DenseCodes(codes.dense())

    def is_dense(self, device):
        """Whether training on a device uses dense matrix products."""
        has_one_model = self.n_models == 1 and self.penalty is None
        is_small = self.n_neurons < _GPU_OPERATIONS_PER_BYTE * self.k
        return device.type != "cpu" and has_one_model and is_small

    def reconstruction(self, rows, codes, row_weights=None):
        """Mean FVU over the prefixes, FVU of each prefix, residual of all neurons.

        Only the first is differentiable. Shapes and weights are those of
        :meth:`SparseCodes.prefix_losses`; without weights all rows count the same.
        """
        if row_weights is None:
            row_weights = rows.new_ones(rows.shape[:2])
        arguments = (
            rows,
            self.decoder,
            self.decoder_bias,
            self.prefixes,
            self.prefix_weights,
            self.block_of_neuron,
            row_weights,
        )
        if self.output is None:
            return codes.prefix_losses(*arguments)
        return codes.prefix_losses(*arguments, self.output)

    def prediction(self, codes):
        """The head's output, of shape (n_models, n_rows, n_outputs)."""
        return codes.predict(self.head) + self.head_bias[:, None]

    def multi_k_loss(self, rows, row_weights):
        """Mean FVU over the prefixes with `multi_k` active neurons per row.

        Parameters
        ----------
        rows : tensor of shape (n_models, n_rows, n_features)
        row_weights : tensor of shape (n_models, n_rows)

        Returns
        -------
        tensor of shape (n_models,)
        """
        with torch.no_grad():
            active, scores = self._select(rows, self.multi_k)
        codes = SparseCodes.encode(
            rows, self.encoder, self.encoder_bias, active, scores
        )
        return self.reconstruction(rows, codes, row_weights)[0]

    def auxiliary_loss(self, rows, residual, row_weights, dead):
        """FVU of the residual when the dead neurons of each model reconstruct it.

        This loss revives dead neurons (Gao et al. 2024, "Scaling and evaluating sparse
        autoencoders", section A.2). The residual is a fixed target, and no bias is
        added to the reconstruction. At most 2k dead neurons take part in a row.

        Parameters
        ----------
        rows, residual : tensors of shape (n_models, n_rows, n_features)
        row_weights : tensor of shape (n_models, n_rows)
        dead : sequence of int64 tensors, one per model

        Returns
        -------
        tensor of shape (n_models,)
        """
        losses = [
            self._auxiliary_loss_of_model(model, rows[model], target, weights, neurons)
            for model, (target, weights, neurons) in enumerate(
                zip(residual.detach(), row_weights, dead, strict=True)
            )
        ]
        return torch.stack(losses)

    def _auxiliary_loss_of_model(self, model, rows, target, weights, dead):
        if len(dead) == 0:
            return rows.new_zeros(())
        encoder, bias = self.encoder[model], self.encoder_bias[model]
        scores = functional.linear(rows, encoder[dead], bias[dead])
        active = top_k(scores.detach(), min(2 * self.k, len(dead)))
        values = scores.gather(1, active).relu()
        activations = torch.zeros_like(scores).scatter(1, active, values)
        error = target - activations @ self.decoder[model][dead]
        variance = (target.square() * weights[:, None]).sum().clamp_min(1e-12)
        return (error.square() * weights[:, None]).sum() / variance

    def _dense_codes(self, rows):
        scores = differentiable_scores(rows, self.encoder, self.encoder_bias)
        competing, n_active = scores, self.k
        if self.activation == "batch_topk":
            competing, n_active = scores.flatten(1)[:, None], self.k * rows.shape[1]
        active = top_k(competing.detach(), n_active)
        values = competing.gather(2, active).relu()
        activations = torch.zeros_like(competing).scatter(2, active, values)
        return DenseCodes(activations.view_as(scores))

    def _scoring(self, rows):
        """Arguments of the functions that compute pre-activations."""
        dtype = self.precision if self.training else rows.dtype
        return rows.to(dtype), self.encoder.to(dtype), self.encoder_bias.to(dtype)

    def _select(self, rows, k):
        """The :class:`ActiveNeurons` and their pre-activations (n_models, n_entries).

        The pre-activations are None when they were computed in a lower precision than
        that of the rows.
        """
        if self.activation == "topk":
            products = products_on(rows.device)
            neurons, scores = products.top_scores(*self._scoring(rows), k)
            n_entries = k * rows.shape[1]
            row_starts = torch.arange(0, n_entries + 1, k, device=rows.device)
            row_starts = row_starts.expand(self.n_models, -1)
        else:
            neurons, scores, row_starts = self._select_in_batch(rows, k)
        active = ActiveNeurons(neurons.flatten(1), row_starts, self.n_neurons)
        if scores.dtype != rows.dtype:
            return active, None
        return active, scores.flatten(1)

    def _select_in_batch(self, rows, k):
        """Neurons and scores (n_models, n_entries), and the start of each row.

        All rows of a model compete; k per row on average are active.
        """
        n_rows = rows.shape[1]
        scores = products_on(rows.device).all_scores(*self._scoring(rows)).flatten(1)
        positions = top_k(scores, k * n_rows)
        starts = torch.arange(n_rows + 1, device=rows.device) * self.n_neurons
        row_starts = torch.searchsorted(
            positions, starts.expand(self.n_models, -1).contiguous()
        )
        neurons = positions.remainder(self.n_neurons)
        return neurons, scores.gather(1, positions), row_starts


def _normal(n_rows, n_columns, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n_rows, n_columns, generator=generator)
