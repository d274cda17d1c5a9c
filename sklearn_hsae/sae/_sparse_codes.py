"""Activations as the few entries that are not zero: decoding, loss and gradients.

With K of M neurons active, every product after the encoder touches B * K rows of the
weights instead of B * M: the decoding is an `embedding_bag` over the active neurons,
the gradient of the activations a sampled matrix product, and the gradient of each
weight matrix an `embedding_bag` over the rows that made the neuron fire. All nested
prefixes share one decoding, since each adds its own block of neurons to the one
before.
"""

import warnings
from functools import cached_property

import numpy as np
import torch
from torch.nn import functional

_ENTRIES_A_CHUNK = 2**18


class Support:
    """Where the entries are.

    Parameters
    ----------
    rows, neurons : int64 tensors of shape (n_entries,)
        Ascending rows, and in each row ascending neurons.
    n_rows, n_neurons : int
    """

    def __init__(self, rows, neurons, n_rows, n_neurons):
        self.rows = rows
        self.neurons = neurons
        self.n_rows = n_rows
        self.n_neurons = n_neurons

    @cached_property
    def row_starts(self):
        """Number of the first entry of each row."""
        return _run_starts(self.rows, self.n_rows)

    @cached_property
    def by_neuron(self):
        """The order that puts entries of one neuron together; where each begins."""
        order = _stable_order(self.neurons, self.n_neurons)
        return order, _run_starts(self.neurons, self.n_neurons)


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
            values = bias[support.neurons] + sampled_dots(
                rows, encoder, support.row_starts, support.neurons
            )
        values = _PreActivations.apply(rows, encoder, bias, support, values)
        return cls(values.relu(), support)

    def prefix_losses(self, rows, decoder, bias, prefixes, block_of_neuron):
        """Mean squared error of each prefix, and the residual of the last.

        Parameters
        ----------
        rows : tensor of shape (n_models * n_rows, n_features)
        decoder : tensor of shape (n_models * n_neurons, n_features)
        bias : tensor of shape (n_models, n_features)
        prefixes : tuple of int
        block_of_neuron : int64 tensor of shape (n_models * n_neurons,)
            Number of the smallest prefix that each neuron is in.

        Returns
        -------
        tensor of shape (n_models, n_prefixes), tensor of the shape of `rows`
        """
        return _PrefixLosses.apply(
            rows,
            self.values,
            decoder,
            bias,
            self.support,
            len(prefixes),
            block_of_neuron,
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
        order, starts = support.by_neuron
        encoder = _weighted_sums(ctx.rows, support.rows[order], gradient[order], starts)
        bias = torch.bincount(
            support.neurons, weights=gradient, minlength=support.n_neurons
        )
        return None, encoder, bias, None, None


class _PrefixLosses(torch.autograd.Function):
    """Mean squared error, summed over the dimensions, of all nested prefixes."""

    @staticmethod
    def forward(ctx, rows, values, decoder, bias, support, n_blocks, block_of_neuron):
        n_models, n_features = bias.shape
        runs = block_of_neuron[support.neurons].add_(support.rows, alpha=n_blocks)
        starts = _run_starts(runs, len(rows) * n_blocks)
        parts = _weighted_sums(decoder, support.neurons, values, starts)
        # In place: at these sizes a new tensor costs more than the arithmetic.
        residuals = parts.view(n_models, -1, n_blocks, n_features)
        before = rows.view(n_models, -1, n_features) - bias[:, None]
        for block in residuals.unbind(2):
            before = torch.sub(before, block, out=block)
        losses = torch.linalg.vecdot(residuals, residuals).mean(dim=1)
        ctx.save_for_backward(values, decoder)
        ctx.residuals, ctx.support = residuals, support
        ctx.runs, ctx.starts = runs, starts
        before = before.reshape(rows.shape)
        ctx.mark_non_differentiable(before)
        return losses, before

    @staticmethod
    def backward(ctx, gradient, _):
        values, decoder = ctx.saved_tensors
        support, slopes = ctx.support, ctx.residuals
        _, n_rows, n_blocks, n_features = slopes.shape
        # A neuron takes part in every prefix from its own block on, so the gradient
        # that reaches it is the sum of theirs. In place again: they are needed once.
        slopes.mul_((gradient * (-2.0 / n_rows))[:, None, :, None])
        for block in range(n_blocks - 2, -1, -1):
            slopes[:, :, block].add_(slopes[:, :, block + 1])
        bias = slopes[:, :, 0].sum(dim=1)
        slopes = slopes.view(-1, n_features)
        order, starts = support.by_neuron
        d_values = sampled_dots(slopes, decoder, ctx.starts, support.neurons)
        d_decoder = _weighted_sums(slopes, ctx.runs[order], values[order], starts)
        return None, d_values, d_decoder, bias, None, None, None


def _run_starts(runs, n_runs):
    """Where each of the runs 0, 1, ... begins, among entries with those numbers."""
    counts = torch.bincount(runs, minlength=n_runs)
    return counts.cumsum(0) - counts


def _stable_order(numbers, n_numbers):
    if numbers.device.type == "cpu" and n_numbers < 2**15:
        # NumPy sorts two bytes by their digits, several times faster.
        digits = numbers.numpy().astype(np.int16)
        return torch.from_numpy(digits.argsort(kind="stable"))
    return numbers.argsort(stable=True)


def _weighted_sums(source, indices, weights, starts):
    """Sum of ``weights * source[indices]`` over each run that begins at `starts`."""
    return functional.embedding_bag(
        indices, source, starts, mode="sum", per_sample_weights=weights
    )


def sampled_dots(left, right, starts, columns):
    """Inner products of rows of `left` with the rows of `right` they are asked for.

    Parameters
    ----------
    left : tensor of shape (n_rows, d)
    right : tensor of shape (n_columns, d)
    starts : int64 tensor of shape (n_rows,)
        Where the columns of each row begin in `columns`.
    columns : int64 tensor of shape (n_entries,)

    Returns
    -------
    tensor of shape (n_entries,)
    """
    ends = starts.new_tensor([len(columns)])
    if not _HAS_SAMPLED_PRODUCT:
        return _gathered_dots(left, right, torch.cat([starts, ends]), columns)
    pattern = _csr(
        torch.cat([starts, ends]),
        columns,
        left.new_zeros(len(columns)),
        (len(left), len(right)),
    )
    return torch.sparse.sampled_addmm(pattern, left, right.T).values()


def _gathered_dots(left, right, starts, columns):
    rows = torch.repeat_interleave(starts.diff())
    size = max(1, _ENTRIES_A_CHUNK // left.shape[1])  # pieces that fit into a cache
    return torch.cat(
        [
            torch.linalg.vecdot(left[r], right[c])
            for r, c in zip(rows.split(size), columns.split(size), strict=True)
        ]
    )


def _csr(starts, columns, values, shape):
    return torch.sparse_csr_tensor(
        starts, columns, values, shape, check_invariants=False
    )


def _has_sampled_product():
    """Builds of torch without MKL lack the product; all warn once that it is new."""
    index = torch.tensor([0, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        pattern = _csr(index, index[:1], torch.zeros(1), (1, 1))
        try:
            torch.sparse.sampled_addmm(pattern, torch.ones(1, 1), torch.ones(1, 1))
        except (RuntimeError, NotImplementedError):
            return False
    return True


_HAS_SAMPLED_PRODUCT = _has_sampled_product()
