"""Split the rows into training rows and validation rows."""

from typing import NamedTuple

import numpy as np
import torch
from sklearn.model_selection import GroupShuffleSplit
from sklearn.utils import assert_all_finite

from sklearn_hsae.sae._data import RowFile, mean_and_scale
from sklearn_hsae.sae._settings import count_training_rows
from sklearn_hsae.sae._training._batches import ResidentRows, Rows, StreamedRows

_ROWS_PER_BLOCK = 1024  # the float64 copy of a block fits into the CPU cache
# Validation rows are kept in memory. This number gives the loss with an error of 1 %.
_MOST_VALIDATION_ROWS = 2**15


class Split(NamedTuple):
    """Training and validation rows of one model, with the mean and the scale."""

    training: Rows
    validation: Rows
    mean: np.ndarray
    scale: float


def split_rows(settings, data, rng):
    """Split rows at random; rows of weight 0 are in neither part.

    Parameters
    ----------
    settings : TrainingSettings
    data : TrainingData
    rng : numpy.random.RandomState

    Returns
    -------
    Split
    """
    split = _split_file if isinstance(data.rows, RowFile) else _split_array
    return split(settings, data, rng)


def all_rows(settings, data, mean, scale):
    """Every row of positive weight as training rows, for a pass of `partial_fit`."""
    rows_class = StreamedRows if isinstance(data.rows, RowFile) else Rows
    return rows_class(
        data.rows,
        used_rows(data),
        mean,
        scale,
        data.target,
        data.row_weights,
        settings.device,
    )


def used_rows(data):
    """Indices of the rows of positive weight."""
    if data.row_weights is None:
        return np.arange(len(data.rows))
    return np.flatnonzero(data.row_weights)


def blocks_of(data, indices):
    """Yield rows and weights of some indices in blocks, for :func:`mean_and_scale`."""
    for start in range(0, len(indices), _ROWS_PER_BLOCK):
        block = indices[start : start + _ROWS_PER_BLOCK]
        weights = None if data.row_weights is None else data.row_weights[block]
        yield data.rows[block], weights


def _split_array(settings, data, rng):
    training, validation = _split_indices(
        used_rows(data), settings.validation_fraction, rng, data.groups
    )
    mean, scale = mean_and_scale(blocks_of(data, training))
    rows_class = ResidentRows if _fits_on_gpu(settings.device, data.rows) else Rows
    target, weights = data.target, data.row_weights
    parts = [
        rows_class(data.rows, indices, mean, scale, target, weights, settings.device)
        for indices in (training, validation)
    ]
    return Split(*parts, mean, scale)


def _fits_on_gpu(device, X):
    """Whether rows in float32 take less than half of the free memory of a GPU."""
    device = torch.device(device)
    if device.type != "cuda":
        return False
    n_free, _ = torch.cuda.mem_get_info(device)
    return 4 * X.size < n_free / 2


def _split_file(settings, data, rng):
    """Training rows stay on disk; validation rows are read and kept.

    One pass over the file computes the mean, finds missing values, and collects the
    validation rows.
    """
    X, target, weights, groups = data
    used = used_rows(data)
    fraction = min(settings.validation_fraction, _MOST_VALIDATION_ROWS / len(used))
    training, validation = map(np.sort, _split_indices(used, fraction, rng, groups))
    validation_blocks = []

    def training_blocks():
        for start in range(0, len(X), _ROWS_PER_BLOCK):
            block = X[start : start + _ROWS_PER_BLOCK]
            assert_all_finite(block, input_name="X")
            in_training, in_validation = (
                _in_block(indices, start, len(block)) - start
                for indices in (training, validation)
            )
            validation_blocks.append(block[in_validation])
            if len(in_training) > 0:
                block_weights = None
                if weights is not None:
                    block_weights = weights[start + in_training]
                yield block[in_training], block_weights

    mean, scale = mean_and_scale(training_blocks())
    validation_rows = Rows(
        np.concatenate(validation_blocks),
        np.arange(len(validation)),
        mean,
        scale,
        None if target is None else target[validation],
        None if weights is None else weights[validation],
        settings.device,
    )
    training_rows = StreamedRows(
        X, training, mean, scale, target, weights, settings.device
    )
    return Split(training_rows, validation_rows, mean, scale)


def _in_block(indices, start, size):
    first, last = np.searchsorted(indices, [start, start + size])
    return indices[first:last]


def _split_indices(indices, validation_fraction, rng, groups=None):
    if groups is not None:
        return _split_groups(indices, validation_fraction, rng, groups[indices])
    order = indices[rng.permutation(len(indices))]
    n_validation = len(order) - count_training_rows(len(order), validation_fraction)
    return order[n_validation:], order[:n_validation]


def _split_groups(indices, validation_fraction, rng, groups):
    """Rows in random order, whole groups in each part."""
    splitter = GroupShuffleSplit(1, test_size=validation_fraction, random_state=rng)
    parts = next(splitter.split(indices, groups=groups))
    return tuple(indices[rng.permutation(part)] for part in parts)
