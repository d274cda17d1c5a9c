"""The products of sparse activations on processors, compiled.

One pass over the rows gives the errors of all prefixes and what their gradients need,
one pass over the neurons the gradient of a weight matrix. What a pass works on stays
in the processor's nearest cache.

Arrays are C-contiguous, of one floating type, with int64 for indices.
"""

import numpy as np
import torch

from sklearn_hsae.sae._compiling import compiled, to_arrays
from sklearn_hsae.sae._threads import in_parts
from sklearn_hsae.sae._topk import top_k_into


def order_by_neuron(support):
    """Entries in the order of their neurons, their rows, and where each neuron begins.

    Returns
    -------
    int64 arrays of shape (n_entries,), (n_entries,) and (n_neurons + 1,)
    """
    arrays = to_arrays(support.neurons, support.row_starts)
    return _order_by_neuron(*arrays, support.n_neurons)


def all_scores(rows, encoder, bias, n_models):
    """Pre-activations of all neurons of each row's own model.

    Returns
    -------
    tensor of shape (n_rows, n_neurons)
    """
    scores = rows.new_empty(len(rows), len(encoder) // n_models)
    multiply = _product(rows, encoder, bias, n_models, scores)
    in_parts(multiply, len(rows))
    return scores


def top_scores(rows, encoder, bias, n_models, k):
    """The k neurons of each row's own model with the largest pre-activations.

    Returns
    -------
    int64 tensor of shape (n_rows, k), tensor of shape (n_rows, k)
        Ascending neurons, and their pre-activations.
    """
    scores = rows.new_empty(len(rows), len(encoder) // n_models)
    multiply = _product(rows, encoder, bias, n_models, scores)
    neurons = torch.empty(len(rows), k, dtype=torch.int64)

    def multiply_and_choose(start, stop):
        multiply(start, stop)
        top_k_into(neurons, scores, start, stop)

    in_parts(multiply_and_choose, len(rows))
    return neurons, scores.gather(1, neurons)


def _product(rows, encoder, bias, n_models, scores):
    """A function that computes all scores of some rows."""
    rows, encoder, bias = rows.detach(), encoder.detach(), bias.detach()
    n_rows, n_neurons = len(rows) // n_models, len(encoder) // n_models

    def multiply(start, stop):
        for model in range(start // n_rows, -(-stop // n_rows)):
            first, last = max(start, model * n_rows), min(stop, (model + 1) * n_rows)
            own = slice(model * n_neurons, (model + 1) * n_neurons)
            weights = encoder[own].T
            torch.addmm(bias[own], rows[first:last], weights, out=scores[first:last])

    return multiply


def scores_at(support, rows, encoder, bias):
    """Pre-activations at the places of a support."""
    values = rows.new_empty(len(support.neurons))
    in_parts(
        _scores_of_rows,
        support.n_rows,
        *to_arrays(rows, encoder, bias, support.neurons, support.row_starts, values),
    )
    return values


def prefix_errors(rows, values, decoder, bias, support, block_of_neuron, n_blocks):
    """What the prefixes leave of each row.

    Returns
    -------
    errors : tensor of shape (n_rows, n_blocks)
        Squared norm of the residual of each prefix.
    residual : tensor of shape (n_rows, n_features)
        That of the last.
    """
    errors, residual = rows.new_empty(len(rows), n_blocks), torch.empty_like(rows)
    in_parts(
        _errors_of_rows,
        len(rows),
        *to_arrays(rows, values, decoder, bias, block_of_neuron),
        *to_arrays(support.neurons, support.row_starts, errors, residual),
    )
    return errors, residual


def prefix_errors_and_gradients(
    rows, values, decoder, bias, support, block_of_neuron, weights
):
    """As :func:`prefix_errors`, with the gradients of the sum of weighted errors.

    Parameters
    ----------
    weights : tensor of shape (n_models, n_blocks)

    Returns
    -------
    errors, residual
    slopes : tensor of shape (n_rows, n_blocks, n_features)
        Gradient of what each block adds to the reconstruction. A neuron takes part in
        every prefix from its own block on, so this is the sum of theirs.
    d_values : tensor of shape (n_entries,)
    d_bias : tensor of shape (n_models, n_features)
    """
    n_blocks = weights.shape[1]
    errors, residual = rows.new_empty(len(rows), n_blocks), torch.empty_like(rows)
    slopes = rows.new_empty(len(rows), n_blocks, rows.shape[1])
    d_values = torch.empty_like(values)
    d_biases = in_parts(
        _gradients_of_rows,
        len(rows),
        *to_arrays(rows, values, decoder, bias, block_of_neuron),
        *to_arrays(support.neurons, support.row_starts, errors, residual),
        *to_arrays(weights, slopes, d_values),
    )
    return errors, residual, slopes, d_values, torch.from_numpy(sum(d_biases))


def sums_by_neuron(source, values, support, block_of_neuron=None):
    """Sum over the entries of each neuron of its value times a row of `source`.

    Parameters
    ----------
    source : tensor of shape (n_rows, n_blocks, n_features)
        Of which a neuron reads its own block; all the first, when none are given.
    values : tensor of shape (n_entries,)

    Returns
    -------
    tensor of shape (n_neurons, n_features)
    """
    n_neurons = support.n_neurons
    if block_of_neuron is None:
        blocks = np.zeros(n_neurons, np.int64)
    else:
        blocks = block_of_neuron.numpy()
    sums = source.new_empty(n_neurons, source.shape[2])
    arrays = to_arrays(source, values, sums)
    in_parts(_sums_of_neurons, n_neurons, *arrays, *support.by_neuron, blocks)
    return sums


@compiled
def _order_by_neuron(neurons, row_starts, n_neurons):
    starts = np.zeros(n_neurons + 1, np.int64)
    for neuron in neurons:
        starts[neuron + 1] += 1
    for neuron in range(n_neurons):
        starts[neuron + 1] += starts[neuron]
    entries, rows = np.empty_like(neurons), np.empty_like(neurons)
    places = starts.copy()
    for row in range(len(row_starts) - 1):
        for entry in range(row_starts[row], row_starts[row + 1]):
            place = places[neurons[entry]]
            entries[place], rows[place] = entry, row
            places[neurons[entry]] += 1
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
def _scores_of_rows(rows, encoder, bias, neurons, row_starts, values, start, stop):
    for row in range(start, stop):
        for entry in range(row_starts[row], row_starts[row + 1]):
            neuron = neurons[entry]
            values[entry] = bias[neuron] + _dot(rows[row], encoder[neuron])


@compiled
def _subtract_block(left, block, values, decoder, block_of_neuron, neurons, entry, end):
    """Take from `left` what a block adds; the first entry of the next block."""
    while entry < end and block_of_neuron[neurons[entry]] == block:
        _add_multiple(left, -values[entry], decoder[neurons[entry]])
        entry += 1
    return entry


@compiled
def _errors_of_rows(
    rows,
    values,
    decoder,
    bias,
    block_of_neuron,
    neurons,
    row_starts,
    errors,
    residual,
    start,
    stop,
):
    rows_a_model = len(rows) // len(bias)
    for row in range(start, stop):
        model, left = row // rows_a_model, residual[row]
        for i in range(len(left)):
            left[i] = rows[row, i] - bias[model, i]
        entry, end = row_starts[row], row_starts[row + 1]
        for block in range(errors.shape[1]):
            entry = _subtract_block(
                left, block, values, decoder, block_of_neuron, neurons, entry, end
            )
            errors[row, block] = _dot(left, left)


@compiled
def _gradients_of_rows(
    rows,
    values,
    decoder,
    bias,
    block_of_neuron,
    neurons,
    row_starts,
    errors,
    residual,
    weights,
    slopes,
    d_values,
    start,
    stop,
):
    n_blocks, n_features = slopes.shape[1:]
    rows_a_model = len(rows) // len(bias)
    d_bias = np.zeros_like(bias)
    for row in range(start, stop):
        model = row // rows_a_model
        entry, end = row_starts[row], row_starts[row + 1]
        for block in range(n_blocks):
            left = slopes[row, block]
            if block == 0:
                for i in range(n_features):
                    left[i] = rows[row, i] - bias[model, i]
            else:
                before = slopes[row, block - 1]
                for i in range(n_features):
                    left[i] = before[i]
            entry = _subtract_block(
                left, block, values, decoder, block_of_neuron, neurons, entry, end
            )
            errors[row, block] = _dot(left, left)
        # The residuals are complete; their weighted sums take their places.
        last = slopes[row, n_blocks - 1]
        weight = -2 * weights[model, n_blocks - 1]
        for i in range(n_features):
            residual[row, i] = last[i]
            last[i] *= weight
        for block in range(n_blocks - 2, -1, -1):
            slope, later = slopes[row, block], slopes[row, block + 1]
            weight = -2 * weights[model, block]
            for i in range(n_features):
                slope[i] = weight * slope[i] + later[i]
        _add_multiple(d_bias[model], 1, slopes[row, 0])
        for entry in range(row_starts[row], end):
            neuron = neurons[entry]
            slope = slopes[row, block_of_neuron[neuron]]
            d_values[entry] = _dot(slope, decoder[neuron])
    return d_bias


@compiled
def _sums_of_neurons(
    source, values, sums, entries, rows, starts, block_of_neuron, start, stop
):
    for neuron in range(start, stop):
        block = block_of_neuron[neuron]
        for i in range(sums.shape[1]):
            sums[neuron, i] = 0
        for place in range(starts[neuron], starts[neuron + 1]):
            value = values[entries[place]]
            _add_multiple(sums[neuron], value, source[rows[place], block])
