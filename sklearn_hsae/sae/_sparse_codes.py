"""Activations as the few entries that are not zero: decoding, loss and gradients.

With K of M neurons active, every product after the encoder touches B * K rows of the
weights instead of B * M. All nested prefixes share one decoding, since each adds its
own block of neurons to the one before.
"""

from functools import cached_property

import torch
from torch.nn import functional

from sklearn_hsae.sae import _compiled_products, _torch_products


def products_on(device):
    """The module that computes the products on a device."""
    return _compiled_products if device.type == "cpu" else _torch_products


class Support:
    """Where the entries are, row after row.

    Parameters
    ----------
    neurons : int64 tensor of shape (n_entries,)
        Ascending in each row.
    row_starts : int64 tensor of shape (n_rows + 1,)
        Number of the first entry of each row; at last the number of entries.
    n_neurons : int
    """

    def __init__(self, neurons, row_starts, n_neurons):
        self.neurons = neurons
        self.row_starts = row_starts
        self.n_neurons = n_neurons

    @property
    def n_rows(self):
        return len(self.row_starts) - 1

    @cached_property
    def rows(self):
        """The row of each entry."""
        counts = self.row_starts.diff()
        return torch.repeat_interleave(counts, output_size=len(self.neurons))

    @cached_property
    def by_neuron(self):
        """Entries in the order of their neurons, their rows, and where each begins."""
        return products_on(self.neurons.device).order_by_neuron(self)


class SparseCodes:
    """Activations of a batch: `values` at the places of a :class:`Support`."""

    def __init__(self, values, support):
        self.values = values
        self.support = support

    @classmethod
    def encode(cls, rows, encoder, bias, support, values=None):
        """Activations of a support, differentiable in `encoder` and `bias`.

        `values` are the pre-activations there; they are computed when not given.
        """
        if values is None:
            with torch.no_grad():
                products = products_on(rows.device)
                values = products.scores_at(support, rows, encoder, bias)
        values = _PreActivations.apply(rows, encoder, bias, support, values)
        return cls(values.relu(), support)

    def prefix_losses(
        self, rows, decoder, bias, prefixes, prefix_weights, block_of_neuron
    ):
        """Mean squared error, in all and for each prefix; the residual of the last.

        Parameters
        ----------
        rows : tensor of shape (n_models * n_rows, n_features)
        decoder : tensor of shape (n_models * n_neurons, n_features)
        bias : tensor of shape (n_models, n_features)
        prefixes : tuple of int
        prefix_weights : tensor of shape (n_prefixes,)
        block_of_neuron : int64 tensor of shape (n_models * n_neurons,)
            Number of the smallest prefix that each neuron is in.

        Returns
        -------
        loss : tensor of shape (n_models,)
            The weighted sum over the prefixes; this alone is differentiable.
        losses : tensor of shape (n_models, n_prefixes)
        residual : tensor of the shape of `rows`
        """
        return _PrefixLosses.apply(
            rows,
            self.values,
            decoder,
            bias,
            self.support,
            prefix_weights,
            block_of_neuron,
            torch.is_grad_enabled(),
        )

    def predict(self, head, head_row_of_neuron):
        """Linear prediction from the neurons that have a row in `head`, not -1."""
        rows = head_row_of_neuron[self.support.neurons]
        return functional.embedding_bag(
            rows.clamp_min(0),
            head,
            self.support.row_starts,
            mode="sum",
            per_sample_weights=self.values * (rows >= 0),
            include_last_offset=True,
        )

    def fired(self):
        """Whether each neuron is positive in any row; zeros do not count."""
        totals = torch.bincount(
            self.support.neurons,
            weights=self.values.detach(),
            minlength=self.support.n_neurons,
        )
        return totals > 0


class _PreActivations(torch.autograd.Function):
    """Pass given pre-activations on; spread their gradient over the encoder."""

    @staticmethod
    def forward(ctx, rows, encoder, bias, support, values):
        ctx.rows, ctx.support = rows, support
        return values.view_as(values)

    @staticmethod
    def backward(ctx, gradient):
        support = ctx.support
        products = products_on(gradient.device)
        encoder = products.sums_by_neuron(ctx.rows[:, None], gradient, support)
        bias = torch.bincount(
            support.neurons, weights=gradient, minlength=support.n_neurons
        )
        return None, encoder, bias, None, None


class _PrefixLosses(torch.autograd.Function):
    """Mean squared error, summed over the dimensions, of all nested prefixes.

    The gradients are computed on the way: what they need is then still at hand.
    """

    @staticmethod
    def forward(
        ctx, rows, values, decoder, bias, support, prefix_weights, blocks, has_gradients
    ):
        # The gradients of what has none would be zeros as large as the rows.
        ctx.set_materialize_grads(False)
        products, n_models = products_on(rows.device), len(bias)
        arguments = rows, values, decoder, bias, support, blocks
        if has_gradients:
            weights = prefix_weights.expand(n_models, -1) * (n_models / len(rows))
            errors, residual, slopes, d_values, d_bias = (
                products.prefix_errors_and_gradients(*arguments, weights)
            )
            ctx.save_for_backward(values, slopes, d_values, d_bias)
            ctx.support, ctx.blocks = support, blocks
        else:
            errors, residual = products.prefix_errors(*arguments, len(prefix_weights))
        losses = errors.view(n_models, -1, errors.shape[1]).mean(dim=1)
        ctx.mark_non_differentiable(losses, residual)
        return losses @ prefix_weights, losses, residual

    @staticmethod
    def backward(ctx, gradient, *_):
        values, slopes, d_values, d_bias = ctx.saved_tensors
        factors = gradient
        if len(gradient) > 1:
            rows_a_model = len(slopes) // len(gradient)
            factors = gradient[ctx.support.rows // rows_a_model]
        d_decoder = products_on(gradient.device).sums_by_neuron(
            slopes, factors * values, ctx.support, ctx.blocks
        )
        d_bias = gradient[:, None] * d_bias
        return None, factors * d_values, d_decoder, d_bias, None, None, None, None
