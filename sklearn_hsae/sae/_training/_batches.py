"""Batches of rows: gathered, standardised and moved to the device."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from sklearn_hsae.sae._model import standardize

_BLOCK_BYTES = 2**23  # per read: large enough to make the seek time negligible
_BUFFER_BYTES = 2**27  # of the rows that are shuffled together
_ROWS_PER_TRANSFER = 2**16


class Batch(NamedTuple):
    """Standardised rows with their targets and weights, on the device.

    Batches of a single :class:`Rows` have no first axis (the models).

    Attributes
    ----------
    rows : float32 tensor of shape (n_models, n_rows, n_features)
    target : tensor of shape (n_models, n_rows) or None
    row_weights : float32 tensor of shape (n_models, n_rows)
        Their mean over all rows of a model is 1.
    """

    rows: torch.Tensor
    target: torch.Tensor | None
    row_weights: torch.Tensor


class Rows(Dataset):
    """A subset of the rows of an array in memory, standardised batch by batch.

    Parameters
    ----------
    X : array of shape (n_samples, n_features), of float16, float32 or float64
    indices : int array of shape (n_rows,)
        The subset, as indices of rows of `X`.
    mean : float64 array of shape (n_features,)
    scale : float
    target : array of shape (n_samples,) or None
    row_weights : array of shape (n_samples,) or None
        None gives all rows the same weight.
    device : str or torch.device
    """

    def __init__(
        self, X, indices, mean, scale, target=None, row_weights=None, device="cpu"
    ):
        self.X = X
        self.indices = indices
        self.mean = torch.from_numpy(mean)
        self.scale = scale
        self.target = target
        if row_weights is None:
            row_weights = np.broadcast_to(np.float32(1), len(X))
        else:
            row_weights = row_weights / row_weights[indices].mean()
        self.row_weights = row_weights.astype(np.float32, copy=False)
        self.device = device

    def __len__(self):
        return len(self.indices)

    def batches(self, size, rng=None):
        """Yield all rows once, as batches of equal size.

        Each batch has at most `size` rows. The sizes are equal, because a last batch of
        one row would give a noisy step.

        Parameters
        ----------
        size : int
        rng : numpy.random.Generator or None
            Shuffles the rows; None keeps their order.

        Yields
        ------
        Batch
        """
        indices = self.indices if rng is None else rng.permutation(self.indices)
        for piece in np.array_split(indices, -(-len(self) // size)):
            yield self._batch(self.X[piece], piece)

    def _batch(self, rows, indices):
        rows = standardize(rows, self.mean, self.scale).to(self.device)
        weights = torch.from_numpy(self.row_weights[indices]).to(self.device)
        if self.target is None:
            return Batch(rows, None, weights)
        target = torch.from_numpy(self.target[indices]).to(self.device)
        return Batch(rows, target, weights)


class StreamedRows(Rows):
    """Rows on disk, which are read in blocks again in each epoch.

    Reading random rows one by one is slow. So contiguous blocks are read in random
    order into a buffer, and batches are drawn at random from the buffer. `indices` must
    be ascending.
    """

    def batches(self, size, rng):
        kept_indices, kept_rows = np.empty(0, dtype=np.int64), self.X[:0]
        n_left = len(self)
        for indices, rows in self._buffers(rng):
            indices = np.concatenate([kept_indices, indices])
            rows = np.concatenate([kept_rows, rows])
            shuffled = rng.permutation(len(rows))
            if len(rows) == n_left:
                pieces, rest = np.array_split(shuffled, -(-n_left // size)), []
            else:
                n_full = len(rows) // size
                *pieces, rest = np.split(shuffled, size * np.arange(1, n_full + 1))
            for piece in pieces:
                yield self._batch(rows[piece], indices[piece])
                n_left -= len(piece)
            kept_indices, kept_rows = indices[rest], rows[rest]

    def _buffers(self, rng):
        """Yield the indices and rows of each buffer of several random blocks."""
        row_bytes = self.X.dtype.itemsize * self.X.shape[1]
        size = max(_BLOCK_BYTES // row_bytes, 1)
        starts = rng.permutation(np.arange(0, len(self.X), size))
        blocks_per_buffer = max(_BUFFER_BYTES // _BLOCK_BYTES, 1)
        for group in np.array_split(starts, -(-len(starts) // blocks_per_buffer)):
            indices, rows = [], []
            for start in group:
                first, last = np.searchsorted(self.indices, [start, start + size])
                indices.append(self.indices[first:last])
                rows.append(self.X[start : start + size][indices[-1] - start])
            if any(map(len, rows)):
                yield np.concatenate(indices), np.concatenate(rows)


class ResidentRows(Rows):
    """Rows that are kept on the device, where batches are gathered."""

    @cached_property
    def resident(self):
        """All rows as one batch, in the order of `indices`."""
        n_pieces = -(-len(self) // _ROWS_PER_TRANSFER)
        pieces = np.array_split(self.indices, n_pieces)
        return _joined(torch.cat, [self._batch(self.X[i], i) for i in pieces])

    def batches(self, size, rng=None):
        positions = np.arange(len(self)) if rng is None else rng.permutation(len(self))
        positions = torch.from_numpy(positions).to(self.device)
        for piece in positions.tensor_split(-(-len(self) // size)):
            yield Batch(
                *(None if part is None else part[piece] for part in self.resident)
            )


class RowsPerModel(Dataset):
    """The rows of several models; each batch has rows of every model.

    Parameters
    ----------
    parts : sequence of Rows
        One per model, all of the same length.
    """

    def __init__(self, parts):
        self.parts = parts

    def __len__(self):
        """Number of rows per model."""
        return len(self.parts[0])

    def batches(self, size, rngs=None):
        """As :meth:`Rows.batches`, with the models as first axis.

        Parameters
        ----------
        size : int
            Rows per model.
        rngs : sequence of numpy.random.Generator, one per model, or None
        """
        rngs = [None] * len(self.parts) if rngs is None else rngs
        sources = [
            part.batches(size, rng) for part, rng in zip(self.parts, rngs, strict=True)
        ]
        for batches in zip(*sources, strict=True):
            yield _joined(_stack, batches)


def _stack(tensors):
    """As torch.stack, but without a copy when there is one tensor only."""
    return tensors[0][None] if len(tensors) == 1 else torch.stack(tensors)


def _joined(join, batches):
    rows, targets, weights = zip(*batches, strict=True)
    target = None if targets[0] is None else join(targets)
    return Batch(join(rows), target, join(weights))
