"""Products of sparse activations in torch: for GPUs, and as the readable definition.

The decoding is an `embedding_bag` over the active neurons. The gradient of the
activations is a sampled matrix product. The gradient of a weight matrix is an
`embedding_bag` over the rows in which the neuron fires. The functions, their parameters
and shapes are those of :mod:`sklearn_hsae.sae._kernels._compiled_products`. The models
are flattened, because torch's functions take one matrix only.
"""

import warnings

import torch
from torch.nn import functional

from sklearn_hsae.sae._kernels._top_k import top_k

with warnings.catch_warnings():  # torch warns once that the format is new
    warnings.simplefilter("ignore", UserWarning)
    torch.sparse_csr_tensor([0, 1], [0], [1.0], (1, 1))


def differentiable_scores(rows, encoder, bias):
    """Pre-activations of all neurons, with a gradient, on any device."""
    if len(rows) == 1:  # a plain product is faster than a batch of one
        return functional.linear(rows[0], encoder[0], bias[0])[None]
    return torch.baddbmm(bias[:, None], rows, encoder.mT)


all_scores = differentiable_scores


def top_scores(rows, encoder, bias, k):
    scores = all_scores(rows, encoder, bias)
    neurons = top_k(scores, k)
    return neurons, scores.gather(2, neurons)


def order_by_neuron(active):
    """Entries of all models sorted by neuron, and the first position of each neuron."""
    entries = active.flat_neurons.argsort(stable=True)
    n_models = len(active.neurons)
    return entries, _run_starts(active.flat_neurons, n_models * active.n_neurons)


def scores_at(active, rows, encoder, bias):
    products = _sampled_dots(
        rows.flatten(0, 1),
        encoder.flatten(0, 1),
        active.flat_row_starts,
        active.flat_neurons,
    )
    values = bias.flatten()[active.flat_neurons] + products
    return values.view_as(active.neurons)


def prefix_errors(rows, values, decoder, bias, active, block_of_neuron, n_blocks):
    starts = _block_starts(active, block_of_neuron, n_blocks)
    residuals = _residuals(rows, values, decoder, bias, active, starts)
    return torch.linalg.vecdot(residuals, residuals), residuals[:, :, -1]


def prefix_errors_and_gradients(
    rows, values, decoder, bias, active, block_of_neuron, prefix_weights, row_weights
):
    n_blocks = len(prefix_weights)
    starts = _block_starts(active, block_of_neuron, n_blocks)
    residuals = _residuals(rows, values, decoder, bias, active, starts)
    errors, residual = torch.linalg.vecdot(residuals, residuals), residuals[:, :, -1]
    weights = row_weights[..., None] * prefix_weights
    gradients = residuals * (-2 * weights)[..., None]
    for block in range(n_blocks - 2, -1, -1):
        gradients[:, :, block].add_(gradients[:, :, block + 1])
    d_bias = gradients[:, :, 0].sum(dim=1)
    d_values = _sampled_dots(
        gradients.flatten(0, 2), decoder.flatten(0, 1), starts, active.flat_neurons
    )
    return errors, residual, gradients, d_values.view_as(values), d_bias


def sums_by_neuron(source, values, active, block_of_neuron=None):
    entries, starts = active.by_neuron
    vectors = active.flat_rows
    if block_of_neuron is not None:
        vectors = _blocks_of_entries(active, block_of_neuron, source.shape[2])
    sums = _weighted_sums(
        source.flatten(0, 2), vectors[entries], values.flatten()[entries], starts
    )
    return sums.view(len(source), active.n_neurons, -1)


def _residuals(rows, values, decoder, bias, active, starts):
    """Row minus reconstruction: (n_models, n_rows, n_blocks, n_features)."""
    parts = _weighted_sums(
        decoder.flatten(0, 1), active.flat_neurons, values.flatten(), starts
    )
    # In place: a new tensor costs more than the arithmetic.
    residuals = parts.view(*rows.shape[:2], -1, rows.shape[2])
    before = rows - bias[:, None]
    for block in residuals.unbind(2):
        before = torch.sub(before, block, out=block)
    return residuals


def _blocks_of_entries(active, block_of_neuron, n_blocks):
    """Position of the (row, block) of each entry, numbered over all models."""
    blocks = block_of_neuron[active.neurons].flatten()
    return blocks.add_(active.flat_rows, alpha=n_blocks)


def _block_starts(active, block_of_neuron, n_blocks):
    """First entry of each (row, block)."""
    blocks = _blocks_of_entries(active, block_of_neuron, n_blocks)
    n_rows = len(active.flat_row_starts) - 1
    return _run_starts(blocks, n_rows * n_blocks)


def _run_starts(runs, n_runs):
    """First position of each of the runs 0, 1, ..., and the end of the last run."""
    counts = torch.bincount(runs, minlength=n_runs)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])


def _weighted_sums(source, indices, weights, starts):
    """Sum of ``weights * source[indices]`` over each run."""
    return functional.embedding_bag(
        indices,
        source,
        starts,
        mode="sum",
        per_sample_weights=weights,
        include_last_offset=True,
    )


def _sampled_dots(left, right, starts, columns):
    """Dot products of row i of `left` with the rows of `right` in run i."""
    if left.device.type == "cpu" and not torch.backends.mkl.is_available():
        rows = torch.repeat_interleave(starts.diff())
        return torch.linalg.vecdot(left[rows], right[columns])
    pattern = torch.sparse_csr_tensor(
        starts,
        columns,
        left.new_zeros(len(columns)),
        (len(left), len(right)),
        check_invariants=False,
    )
    return torch.sparse.sampled_addmm(pattern, left, right.T).values()
