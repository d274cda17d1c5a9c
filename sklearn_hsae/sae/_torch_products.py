"""The products of sparse activations where torch computes them: on GPUs.

Scores that need a gradient are computed here on every device.

The decoding is an `embedding_bag` over the active neurons, the gradient of the
activations a sampled matrix product, and the gradient of each weight matrix an
`embedding_bag` over the rows that made the neuron fire. The functions are those of
:mod:`sklearn_hsae.sae._compiled_products`, which describes them.
"""

import warnings

import torch
from torch.nn import functional

from sklearn_hsae.sae._topk import top_k

with warnings.catch_warnings():  # torch says once that the format is new
    warnings.simplefilter("ignore", UserWarning)
    torch.sparse_csr_tensor([0, 1], [0], [1.0], (1, 1))


def order_by_neuron(support):
    entries = support.neurons.argsort(stable=True)
    starts = _run_starts(support.neurons, support.n_neurons)
    return entries, support.rows[entries], starts


def all_scores(rows, encoder, bias, n_models):
    if n_models == 1:
        return functional.linear(rows, encoder, bias)
    each = (n_models, -1)
    return torch.baddbmm(
        bias.unflatten(0, each)[:, None],
        rows.unflatten(0, each),
        encoder.unflatten(0, each).mT,
    ).flatten(0, 1)


def top_scores(rows, encoder, bias, n_models, k):
    scores = all_scores(rows, encoder, bias, n_models)
    neurons = top_k(scores, k)
    return neurons, scores.gather(1, neurons)


def scores_at(support, rows, encoder, bias):
    products = _sampled_dots(rows, encoder, support.row_starts, support.neurons)
    return bias[support.neurons] + products


def prefix_errors(rows, values, decoder, bias, support, block_of_neuron, n_blocks):
    runs = _runs(support, block_of_neuron, n_blocks)
    starts = _run_starts(runs, len(rows) * n_blocks)
    residuals = _residuals(rows, values, decoder, bias, support, starts)
    return torch.linalg.vecdot(residuals, residuals), residuals[:, -1]


def prefix_errors_and_gradients(
    rows, values, decoder, bias, support, block_of_neuron, weights
):
    n_models, n_blocks = weights.shape
    runs = _runs(support, block_of_neuron, n_blocks)
    starts = _run_starts(runs, len(rows) * n_blocks)
    residuals = _residuals(rows, values, decoder, bias, support, starts)
    errors, residual = torch.linalg.vecdot(residuals, residuals), residuals[:, -1]
    slopes = residuals.unflatten(0, (n_models, -1)) * (-2 * weights)[:, None, :, None]
    for block in range(n_blocks - 2, -1, -1):
        slopes[:, :, block].add_(slopes[:, :, block + 1])
    d_bias = slopes[:, :, 0].sum(dim=1)
    slopes = slopes.flatten(0, 1)
    d_values = _sampled_dots(slopes.flatten(0, 1), decoder, starts, support.neurons)
    return errors, residual, slopes, d_values, d_bias


def _residuals(rows, values, decoder, bias, support, starts):
    """Row minus reconstruction for each prefix: (n_rows, n_blocks, n_features)."""
    n_models, n_features = bias.shape
    parts = _weighted_sums(decoder, support.neurons, values, starts)
    # In place: a new tensor costs more than the arithmetic.
    residuals = parts.view(n_models, len(rows) // n_models, -1, n_features)
    before = rows.view(n_models, -1, n_features) - bias[:, None]
    for block in residuals.unbind(2):
        before = torch.sub(before, block, out=block)
    return residuals.flatten(0, 1)


def sums_by_neuron(source, values, support, block_of_neuron=None):
    entries, runs, starts = support.by_neuron
    if block_of_neuron is not None:
        runs = _runs(support, block_of_neuron, source.shape[1])[entries]
    return _weighted_sums(source.flatten(0, 1), runs, values[entries], starts)


def _runs(support, block_of_neuron, n_blocks):
    """Number of the run of each entry: one a row and block, in this order."""
    return block_of_neuron[support.neurons].add_(support.rows, alpha=n_blocks)


def _run_starts(runs, n_runs):
    """Where each of the runs 0, 1, ... begins, and where the last ends."""
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
    """Inner products of rows of `left` with the rows of `right` they are asked for."""
    pattern = torch.sparse_csr_tensor(
        starts,
        columns,
        left.new_zeros(len(columns)),
        (len(left), len(right)),
        check_invariants=False,
    )
    return torch.sparse.sampled_addmm(pattern, left, right.T).values()
