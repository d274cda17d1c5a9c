"""Products of sparse activations on CPUs, compiled by Numba.

One pass over the rows computes the errors of all prefixes, and the values that their
gradients need. One pass over the neurons computes the gradient of a weight matrix. The
data of each row or neuron stay in the fastest cache of the processor.

All arrays are C-contiguous and have the same float type; indices are int64. The first
axis is the model. Rows (or neurons) are numbered over all models and split among
threads: position ``p`` is row ``p % n_rows`` of model ``p // n_rows``.

:mod:`sklearn_hsae.sae._kernels._torch_products` has the same functions in torch, which
are easier to read.
"""

from typing import NamedTuple

import numpy as np
import torch

from sklearn_hsae.sae._kernels._compilation import compiled, to_arrays
from sklearn_hsae.sae._kernels._threads import in_parts
from sklearn_hsae.sae._kernels._top_k import top_k_into


class Activations(NamedTuple):
    """Active neurons as arrays; the fields are those of ``ActiveNeurons``."""

    neurons: np.ndarray  # (n_models, n_entries)
    row_starts: np.ndarray  # (n_models, n_rows + 1)
    values: np.ndarray  # (n_models, n_entries)


class Decoder(NamedTuple):
    """The arrays that turn activations into rows."""

    directions: np.ndarray  # (n_models, n_neurons, n_features)
    bias: np.ndarray  # (n_models, n_features)
    block_of_neuron: np.ndarray  # (n_neurons,)


class Weights(NamedTuple):
    """Weights of the squared errors in the loss."""

    prefixes: np.ndarray  # (n_blocks,)
    rows: np.ndarray  # (n_models, n_rows)


class Gradients(NamedTuple):
    """Output arrays of :func:`_errors_and_gradients_of_rows`, beside the errors."""

    reconstruction: np.ndarray  # (n_models, n_rows, n_blocks, n_features)
    values: np.ndarray  # (n_models, n_entries)


class NeuronOrder(NamedTuple):
    """The entries of each model, sorted by neuron."""

    entries: np.ndarray  # (n_models, n_entries)
    rows: np.ndarray  # (n_models, n_entries), the row of each of these entries
    starts: np.ndarray  # (n_models, n_neurons + 1), first position of each neuron


def order_by_neuron(active):
    """The :class:`NeuronOrder` of active neurons."""
    arrays = to_arrays(active.neurons, active.row_starts)
    return NeuronOrder(*_order_by_neuron(*arrays, active.n_neurons))


def all_scores(rows, encoder, bias):
    """Pre-activations of all neurons.

    Parameters
    ----------
    rows : tensor of shape (n_models, n_rows, n_features)
    encoder : tensor of shape (n_models, n_neurons, n_features)
    bias : tensor of shape (n_models, n_neurons)

    Returns
    -------
    tensor of shape (n_models, n_rows, n_neurons)
    """
    scores = rows.new_empty(*rows.shape[:2], encoder.shape[1])
    multiply = _product(rows, encoder, bias, scores)
    in_parts(multiply, scores.shape[0] * scores.shape[1])
    return scores


def top_scores(rows, encoder, bias, k):
    """The k neurons of each row with the largest pre-activations.

    Parameters
    ----------
    rows, encoder, bias
        As in :func:`all_scores`.
    k : int

    Returns
    -------
    neurons : int64 tensor of shape (n_models, n_rows, k)
        Ascending in each row.
    values : tensor of shape (n_models, n_rows, k)
        Pre-activations of these neurons.
    """
    scores = rows.new_empty(*rows.shape[:2], encoder.shape[1])
    multiply = _product(rows, encoder, bias, scores)
    neurons = torch.empty(*rows.shape[:2], k, dtype=torch.int64)
    rows_of_neurons, rows_of_scores = neurons.flatten(0, 1), scores.flatten(0, 1)

    def multiply_and_choose(start, stop):
        multiply(start, stop)
        top_k_into(rows_of_neurons, rows_of_scores, start, stop)

    in_parts(multiply_and_choose, len(rows_of_scores))
    return neurons, scores.gather(2, neurons)


def _product(rows, encoder, bias, scores):
    """A function that computes all scores of the rows from `start` to `stop`."""
    rows, encoder, bias = rows.detach(), encoder.detach(), bias.detach()
    n_rows = rows.shape[1]

    def multiply(start, stop):
        for model in range(start // n_rows, -(-stop // n_rows)):
            first = max(start - model * n_rows, 0)
            last = min(stop - model * n_rows, n_rows)
            torch.addmm(
                bias[model],
                rows[model, first:last],
                encoder[model].T,
                out=scores[model, first:last],
            )

    return multiply


def scores_at(active, rows, encoder, bias):
    """Pre-activations of the active neurons only, of shape (n_models, n_entries)."""
    values = rows.new_empty(active.neurons.shape)
    arrays = to_arrays(active.neurons, active.row_starts, values)
    in_parts(
        _scores_of_rows,
        rows.shape[0] * rows.shape[1],
        *to_arrays(rows, encoder, bias),
        Activations(*arrays),
    )
    return values


def prefix_errors(rows, values, decoder, bias, active, block_of_neuron, n_blocks):
    """Squared error of each row for each prefix.

    Parameters
    ----------
    rows : tensor of shape (n_models, n_rows, n_features)
    values : tensor of shape (n_models, n_entries)
    decoder : tensor of shape (n_models, n_neurons, n_features)
    bias : tensor of shape (n_models, n_features)
    active : ActiveNeurons
    block_of_neuron : int64 tensor of shape (n_neurons,)
        Index of the smallest prefix that has the neuron.
    n_blocks : int
        Number of prefixes.

    Returns
    -------
    errors : tensor of shape (n_models, n_rows, n_blocks)
    residual : tensor of shape (n_models, n_rows, n_features)
        Row minus reconstruction by all neurons.
    """
    errors, residual = rows.new_empty(*rows.shape[:2], n_blocks), torch.empty_like(rows)
    in_parts(
        _errors_of_rows,
        rows.shape[0] * rows.shape[1],
        *to_arrays(rows),
        Activations(*to_arrays(active.neurons, active.row_starts, values)),
        Decoder(*to_arrays(decoder, bias, block_of_neuron)),
        *to_arrays(errors, residual),
    )
    return errors, residual


def prefix_errors_and_gradients(
    rows, values, decoder, bias, active, block_of_neuron, prefix_weights, row_weights
):
    """As :func:`prefix_errors`, with the gradients of the weighted sum of errors.

    Parameters
    ----------
    prefix_weights : tensor of shape (n_blocks,)
    row_weights : tensor of shape (n_models, n_rows)

    Returns
    -------
    errors, residual
    d_reconstruction : tensor of shape (n_models, n_rows, n_blocks, n_features)
        Gradient for the reconstruction of each block. The neurons of a block are in its
        own prefix and all larger ones, so this is the sum over these prefixes.
    d_values : tensor of shape (n_models, n_entries)
    d_bias : tensor of shape (n_models, n_features)
    """
    n_models, n_rows, n_features = rows.shape
    n_blocks = len(prefix_weights)
    errors, residual = (
        rows.new_empty(n_models, n_rows, n_blocks),
        torch.empty_like(rows),
    )
    d_reconstruction = rows.new_empty(n_models, n_rows, n_blocks, n_features)
    d_values = torch.empty_like(values)
    d_biases = in_parts(
        _errors_and_gradients_of_rows,
        n_models * n_rows,
        *to_arrays(rows),
        Activations(*to_arrays(active.neurons, active.row_starts, values)),
        Decoder(*to_arrays(decoder, bias, block_of_neuron)),
        Weights(*to_arrays(prefix_weights, row_weights)),
        *to_arrays(errors, residual),
        Gradients(*to_arrays(d_reconstruction, d_values)),
    )
    d_bias = torch.from_numpy(sum(d_biases))
    return errors, residual, d_reconstruction, d_values, d_bias


def sums_by_neuron(source, values, active, block_of_neuron=None):
    """For each neuron, the sum of value times row of `source` over its entries.

    Parameters
    ----------
    source : tensor of shape (n_models, n_rows, n_blocks, n_features)
        A neuron uses the vectors of its own block; of the first block when
        `block_of_neuron` is None.
    values : tensor of shape (n_models, n_entries)
    active : ActiveNeurons
    block_of_neuron : int64 tensor of shape (n_neurons,) or None

    Returns
    -------
    tensor of shape (n_models, n_neurons, n_features)
    """
    n_models, n_neurons = len(source), active.n_neurons
    if block_of_neuron is None:
        blocks = np.zeros(n_neurons, np.int64)
    else:
        blocks = block_of_neuron.numpy()
    sums = source.new_empty(n_models, n_neurons, source.shape[3])
    arrays = to_arrays(source, values, sums)
    in_parts(_sums_of_neurons, n_models * n_neurons, *arrays, active.by_neuron, blocks)
    return sums


@compiled
def _order_by_neuron(neurons, row_starts, n_neurons):
    """Counting sort of the entries of each model."""
    n_models, n_rows = len(neurons), row_starts.shape[1] - 1
    starts = np.zeros((n_models, n_neurons + 1), np.int64)
    entries, rows = np.empty_like(neurons), np.empty_like(neurons)
    for model in range(n_models):
        for neuron in neurons[model]:
            starts[model, neuron + 1] += 1
        for neuron in range(n_neurons):
            starts[model, neuron + 1] += starts[model, neuron]
        places = starts[model].copy()
        for row in range(n_rows):
            for entry in range(row_starts[model, row], row_starts[model, row + 1]):
                neuron = neurons[model, entry]
                entries[model, places[neuron]] = entry
                rows[model, places[neuron]] = row
                places[neuron] += 1
    return entries, rows, starts


@compiled
def _dot(left, right):
    total = left.dtype.type(0)
    for i in range(len(left)):
        total += left[i] * right[i]
    return total


@compiled
def _add_multiple(total, factor, vector):
    for i in range(len(total)):
        total[i] += factor * vector[i]


@compiled
def _rows_of_model(model, n_rows, start, stop):
    """First and last row of a model among the positions from `start` to `stop`."""
    return max(start - model * n_rows, 0), min(stop - model * n_rows, n_rows)


@compiled
def _scores_of_rows(rows, encoder, bias, activations, start, stop):
    """``values[j] = bias[j] + <row, encoder[j]>`` for the active neurons j."""
    n_rows = rows.shape[1]
    for model in range(start // n_rows, -(-stop // n_rows)):
        neurons, values = activations.neurons[model], activations.values[model]
        row_starts = activations.row_starts[model]
        first, last = _rows_of_model(model, n_rows, start, stop)
        for row in range(first, last):
            for entry in range(row_starts[row], row_starts[row + 1]):
                neuron = neurons[entry]
                product = _dot(rows[model, row], encoder[model, neuron])
                values[entry] = bias[model, neuron] + product


@compiled
def _subtract_block(
    residual, neurons, values, directions, block_of_neuron, block, entry, end
):
    """Subtract the part of a block from a row; return the next block's first entry."""
    while entry < end and block_of_neuron[neurons[entry]] == block:
        _add_multiple(residual, -values[entry], directions[neurons[entry]])
        entry += 1
    return entry


@compiled
def _errors_of_rows(rows, activations, decoder, errors, residuals, start, stop):
    """``errors[p] = |r_p|^2`` with ``r_p`` = row - bias - sum of prefix p (one row)."""
    n_rows, blocks = rows.shape[1], decoder.block_of_neuron
    for model in range(start // n_rows, -(-stop // n_rows)):
        neurons, values = activations.neurons[model], activations.values[model]
        directions, bias = decoder.directions[model], decoder.bias[model]
        row_starts = activations.row_starts[model]
        first, last = _rows_of_model(model, n_rows, start, stop)
        for row in range(first, last):
            target, residual = rows[model, row], residuals[model, row]
            for i in range(len(residual)):
                residual[i] = target[i] - bias[i]
            entry, end = row_starts[row], row_starts[row + 1]
            for block in range(errors.shape[2]):
                entry = _subtract_block(
                    residual, neurons, values, directions, blocks, block, entry, end
                )
                errors[model, row, block] = _dot(residual, residual)


@compiled
def _errors_and_gradients_of_rows(
    rows, activations, decoder, weights, errors, residuals, gradients, start, stop
):
    """Errors of all prefixes and the gradients of their weighted sum.

    For one row x of weight v, with values a_j and directions d_j of its active neurons
    and prefix weights w_p::

        r_p = x - bias - sum of a_j d_j over the neurons j of prefix p
        errors[p] = |r_p|^2
        g_p = -2 v * sum of w_q r_q over q >= p       gradient of what block p adds
        d a_j = <g_block(j), d_j>
        d bias = sum of g_0 over the rows             returned

    ``gradients.reconstruction`` first takes the residuals r_p, which g_p then replace.
    """
    n_rows, n_features = rows.shape[1:]
    n_blocks, blocks = len(weights.prefixes), decoder.block_of_neuron
    d_bias = np.zeros_like(decoder.bias)
    for model in range(start // n_rows, -(-stop // n_rows)):
        neurons, values = activations.neurons[model], activations.values[model]
        directions, bias = decoder.directions[model], decoder.bias[model]
        row_starts, d_values = activations.row_starts[model], gradients.values[model]
        first, last = _rows_of_model(model, n_rows, start, stop)
        for row in range(first, last):
            target, work = rows[model, row], gradients.reconstruction[model, row]
            entry, end = row_starts[row], row_starts[row + 1]
            for block in range(n_blocks):
                residual = work[block]
                if block == 0:
                    for i in range(n_features):
                        residual[i] = target[i] - bias[i]
                else:
                    before = work[block - 1]
                    for i in range(n_features):
                        residual[i] = before[i]
                entry = _subtract_block(
                    residual, neurons, values, directions, blocks, block, entry, end
                )
                errors[model, row, block] = _dot(residual, residual)
            row_weight = weights.rows[model, row]
            complete, residual = work[n_blocks - 1], residuals[model, row]
            factor = -2 * (weights.prefixes[n_blocks - 1] * row_weight)
            for i in range(n_features):
                residual[i] = complete[i]
                complete[i] *= factor
            for block in range(n_blocks - 2, -1, -1):
                gradient, later = work[block], work[block + 1]
                factor = -2 * (weights.prefixes[block] * row_weight)
                for i in range(n_features):
                    gradient[i] = factor * gradient[i] + later[i]
            _add_multiple(d_bias[model], 1, work[0])
            for entry in range(row_starts[row], end):
                neuron = neurons[entry]
                d_values[entry] = _dot(work[blocks[neuron]], directions[neuron])
    return d_bias


@compiled
def _sums_of_neurons(source, values, sums, order, block_of_neuron, start, stop):
    """``sums[j]`` = sum of ``value * source[row, block_of_neuron[j]]`` over entries."""
    n_neurons = sums.shape[1]
    for position in range(start, stop):
        model, neuron = position // n_neurons, position % n_neurons
        block = block_of_neuron[neuron]
        for i in range(sums.shape[2]):
            sums[model, neuron, i] = 0
        for place in range(
            order.starts[model, neuron], order.starts[model, neuron + 1]
        ):
            value = values[model, order.entries[model, place]]
            vector = source[model, order.rows[model, place], block]
            _add_multiple(sums[model, neuron], value, vector)
