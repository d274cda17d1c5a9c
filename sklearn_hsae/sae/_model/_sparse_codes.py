"""Activations in sparse form: decoding, loss and gradients.

When k of M neurons are active, every product after the encoder needs k rows of the
weights per row of the batch, instead of M. The reconstruction of a prefix is that of
the previous prefix plus its own block of neurons, so each neuron is decoded once.
"""

from functools import cached_property

import torch
from torch.nn import functional

from sklearn_hsae.sae._kernels import products_on


class ActiveNeurons:
    """Which neurons are active in which row of a batch.

    An entry is one active neuron of one row. Every model has the same number of
    entries.

    Parameters
    ----------
    neurons : int64 tensor of shape (n_models, n_entries)
        Sorted by row; ascending in each row.
    row_starts : int64 tensor of shape (n_models, n_rows + 1)
        The entries of row i are ``row_starts[i]:row_starts[i + 1]``.
    n_neurons : int
    """

    def __init__(self, neurons, row_starts, n_neurons):
        self.neurons = neurons
        self.row_starts = row_starts
        self.n_neurons = n_neurons

    @cached_property
    def by_neuron(self):
        """The entries sorted by neuron, in the form for the products on this device."""
        return products_on(self.neurons.device).order_by_neuron(self)

    @cached_property
    def flat_neurons(self):
        """Neuron of each entry, numbered over all models, for functions of torch."""
        return self._counted_over_models(self.neurons, self.n_neurons).flatten()

    @cached_property
    def flat_rows(self):
        """Row of each entry, numbered over all models."""
        counts = self.flat_row_starts.diff()
        return torch.repeat_interleave(counts, output_size=self.neurons.numel())

    @cached_property
    def flat_row_starts(self):
        """First entry of each row, numbered over all models; then their number."""
        n_entries = self.neurons.shape[1]
        starts = self._counted_over_models(self.row_starts, n_entries)
        if len(starts) == 1:
            return starts[0]
        return torch.cat([starts[:, :-1].flatten(), starts[-1, -1:]])

    def _counted_over_models(self, indices, n_per_model):
        n_models = len(indices)
        if n_models == 1:
            return indices
        models = torch.arange(n_models, device=indices.device)
        return indices + n_per_model * models[:, None]


class SparseCodes:
    """Activations of a batch: one value per entry of :class:`ActiveNeurons`.

    Parameters
    ----------
    values : tensor of shape (n_models, n_entries)
    active : ActiveNeurons
    """

    def __init__(self, values, active):
        self.values = values
        self.active = active

    @classmethod
    def encode(cls, rows, encoder, bias, active, scores=None):
        """Activations of the active neurons, differentiable in `encoder` and `bias`.

        Parameters
        ----------
        rows : tensor of shape (n_models, n_rows, n_features)
        encoder : tensor of shape (n_models, n_neurons, n_features)
        bias : tensor of shape (n_models, n_neurons)
        active : ActiveNeurons
        scores : tensor of shape (n_models, n_entries) or None
            Pre-activations of the active neurons; None computes them.
        """
        if scores is None:
            with torch.no_grad():
                products = products_on(rows.device)
                scores = products.scores_at(active, rows, encoder, bias)
        scores = _PreActivations.apply(rows, encoder, bias, active, scores)
        return cls(scores.relu(), active)

    def prefix_losses(
        self,
        rows,
        decoder,
        bias,
        prefixes,
        prefix_weights,
        block_of_neuron,
        row_weights,
    ):
        """Weighted mean squared error in total and per prefix, and the last residual.

        Parameters
        ----------
        rows : tensor of shape (n_models, n_rows, n_features)
        decoder : tensor of shape (n_models, n_neurons, n_features)
        bias : tensor of shape (n_models, n_features)
        prefixes : tuple of int
        prefix_weights : tensor of shape (n_prefixes,)
        block_of_neuron : int64 tensor of shape (n_neurons,)
            Index of the smallest prefix that has the neuron.
        row_weights : tensor of shape (n_models, n_rows)
            With a mean of about 1.

        Returns
        -------
        loss : tensor of shape (n_models,)
            Weighted sum over the prefixes; differentiable, unlike the others.
        losses : tensor of shape (n_models, n_prefixes)
        residual : tensor of shape (n_models, n_rows, n_features)
        """
        return _PrefixLosses.apply(
            rows,
            self.values,
            decoder,
            bias,
            self.active,
            prefix_weights,
            block_of_neuron,
            row_weights,
            torch.is_grad_enabled(),
        )

    def dense(self):
        """The same activations, of shape (n_models, n_rows, n_neurons); no gradient."""
        n_models, n_rows = len(self.values), self.active.row_starts.shape[1] - 1
        activations = self.values.new_zeros(n_models, n_rows, self.active.n_neurons)
        rows = self.active.flat_rows, self.active.neurons.flatten()
        activations.flatten(0, 1)[rows] = self.values.detach().flatten()
        return activations

    def predict(self, head):
        """Linear prediction from the first neurons: (n_models, n_rows, n_outputs).

        Parameters
        ----------
        head : tensor of shape (n_models, n_head_neurons, n_outputs)
        """
        neurons, n_head_neurons = self.active.neurons, head.shape[1]
        is_in_head = neurons < n_head_neurons
        rows_of_head = neurons * is_in_head
        if len(head) > 1:
            models = torch.arange(len(head), device=head.device)
            rows_of_head = rows_of_head + n_head_neurons * models[:, None]
        predicted = functional.embedding_bag(
            rows_of_head.flatten(),
            head.flatten(0, 1),
            self.active.flat_row_starts,
            mode="sum",
            per_sample_weights=(self.values * is_in_head).flatten(),
            include_last_offset=True,
        )
        return predicted.unflatten(0, (len(head), -1))

    def fired(self):
        """Whether each neuron is positive in any row. A selected neuron with 0 is not.

        Returns
        -------
        bool tensor of shape (n_models, n_neurons)
        """
        totals = _totals_by_neuron(self.active, self.values.detach())
        return totals > 0


def _totals_by_neuron(active, values):
    """Sum of `values` over the entries of each neuron: (n_models, n_neurons)."""
    n_models = len(values)
    totals = torch.bincount(
        active.flat_neurons,
        weights=values.flatten(),
        minlength=n_models * active.n_neurons,
    )
    return totals.view(n_models, -1)


class _PreActivations(torch.autograd.Function):
    """Identity of given pre-activations; its gradient goes to encoder and bias."""

    @staticmethod
    def forward(ctx, rows, encoder, bias, active, scores):
        ctx.rows, ctx.active = rows, active
        return scores.view_as(scores)

    @staticmethod
    def backward(ctx, gradient):
        products = products_on(gradient.device)
        encoder = products.sums_by_neuron(ctx.rows[:, :, None], gradient, ctx.active)
        bias = _totals_by_neuron(ctx.active, gradient)
        return None, encoder, bias, None, None


class _PrefixLosses(torch.autograd.Function):
    """Weighted mean squared error of all nested prefixes.

    The gradients are computed in `forward`, where all needed values are available.
    """

    @staticmethod
    def forward(
        ctx,
        rows,
        values,
        decoder,
        bias,
        active,
        prefix_weights,
        block_of_neuron,
        row_weights,
        has_gradients,
    ):
        # Otherwise torch creates zero gradients for the other two results, which are as
        # large as the rows.
        ctx.set_materialize_grads(False)
        products = products_on(rows.device)
        arguments = rows, values, decoder, bias, active, block_of_neuron
        if has_gradients:
            weights = prefix_weights * (1 / rows.shape[1])
            errors, residual, d_reconstruction, d_values, d_bias = (
                products.prefix_errors_and_gradients(*arguments, weights, row_weights)
            )
            ctx.save_for_backward(values, d_reconstruction, d_values, d_bias)
            ctx.active, ctx.block_of_neuron = active, block_of_neuron
        else:
            errors, residual = products.prefix_errors(*arguments, len(prefix_weights))
        losses = (errors * row_weights[..., None]).mean(dim=1)
        ctx.mark_non_differentiable(losses, residual)
        return losses @ prefix_weights, losses, residual

    @staticmethod
    def backward(ctx, gradient, *_):
        values, d_reconstruction, d_values, d_bias = ctx.saved_tensors
        gradient = gradient[:, None]
        d_decoder = products_on(gradient.device).sums_by_neuron(
            d_reconstruction, gradient * values, ctx.active, ctx.block_of_neuron
        )
        gradients = None, gradient * d_values, d_decoder, gradient * d_bias
        return *gradients, None, None, None, None, None
