"""Rows on their way into training: a batch is gathered, centred, scaled and moved."""

from functools import cached_property

import numpy as np
import torch
from torch.utils.data import Dataset

_BLOCK_BYTES = 2**23  # read at once: far above what makes a disk seek worth it
_BUFFER_BYTES = 2**27  # shuffled at once


class Rows(Dataset):
    """Some rows of an array in memory, standardised a batch at a time.

    Parameters
    ----------
    X : array of shape (n_samples, n_features), of float16, float32 or float64
    chosen : int array of shape (n_rows,)
        Which rows of `X` these are.
    mean : float64 array of shape (n_features,)
    scale : float
    target : array of shape (n_samples,) or None
    device : str or torch.device
    """

    def __init__(self, X, chosen, mean, scale, target=None, device="cpu"):
        self.X = X
        self.chosen = chosen
        self.target = target
        self.device = device
        self.mean = torch.from_numpy(mean)
        self.scale = scale

    def __len__(self):
        return len(self.chosen)

    def batches(self, size, order=None):
        """Yield standardised float32 rows and their targets or None.

        All rows in pieces of equal size, at most `size`: a last batch of one row
        would be a step in its direction.

        Parameters
        ----------
        size : int
        order : numpy.random.Generator or None
            Shuffles the rows; None keeps their order.
        """
        chosen = self.chosen if order is None else order.permutation(self.chosen)
        for piece in np.array_split(chosen, -(-len(self) // size)):
            yield self._batch(self.X[piece], piece)

    def _batch(self, rows, numbers):
        rows = standardize(rows, self.mean, self.scale).to(self.device)
        if self.target is None:
            return rows, None
        return rows, torch.from_numpy(self.target[numbers]).to(self.device)


class StreamedRows(Rows):
    """Rows that are read from disk, block by block, each time they are needed.

    Random rows cannot be read from a disk one by one. So contiguous blocks are read
    in random order, some of them fill a buffer, and batches are drawn from it.
    `chosen` must be ascending.
    """

    def batches(self, size, order):
        carried = np.empty(0, dtype=np.int64), self.X[:0]
        n_left = len(self)
        for numbers, rows in self._buffers(order):
            numbers = np.concatenate([carried[0], numbers])
            rows = np.concatenate([carried[1], rows])
            shuffled = order.permutation(len(rows))
            if len(rows) == n_left:
                pieces, rest = np.array_split(shuffled, -(-n_left // size)), []
            else:
                n_full = len(rows) // size
                *pieces, rest = np.split(shuffled, size * np.arange(1, n_full + 1))
            for piece in pieces:
                yield self._batch(rows[piece], numbers[piece])
                n_left -= len(piece)
            carried = numbers[rest], rows[rest]

    def _buffers(self, order):
        """Yield row numbers and rows of some random blocks at a time."""
        row_bytes = self.X.dtype.itemsize * self.X.shape[1]
        size = max(_BLOCK_BYTES // row_bytes, 1)
        starts = order.permutation(np.arange(0, len(self.X), size))
        for group in np.array_split(starts, -(-len(starts) // n_blocks())):
            numbers, rows = [], []
            for start in group:
                first, last = np.searchsorted(self.chosen, [start, start + size])
                numbers.append(self.chosen[first:last])
                rows.append(self.X[start : start + size][numbers[-1] - start])
            if any(map(len, rows)):
                yield np.concatenate(numbers), np.concatenate(rows)


class ResidentRows(Rows):
    """Rows that are kept on the device, where their batches are gathered."""

    @cached_property
    def resident(self):
        """Rows and targets, in the order of `chosen`."""
        parts = [
            self._batch(self.X[numbers], numbers)
            for numbers in np.array_split(self.chosen, -(-len(self) // 2**16))
        ]
        rows, targets = zip(*parts, strict=True)
        return torch.cat(rows), None if self.target is None else torch.cat(targets)

    def batches(self, size, order=None):
        rows, target = self.resident
        numbers = (
            np.arange(len(self)) if order is None else order.permutation(len(self))
        )
        numbers = torch.from_numpy(numbers).to(self.device)
        for piece in numbers.tensor_split(-(-len(self) // size)):
            yield rows[piece], None if target is None else target[piece]


class RowsSideBySide(Dataset):
    """Rows for several models: a batch has as many for each, one model's after another.

    Parameters
    ----------
    parts : sequence of Rows
        All of one length.
    """

    def __init__(self, parts):
        self.parts = parts
        self.target = parts[0].target

    def __len__(self):
        """Number of rows of each model."""
        return len(self.parts[0])

    def batches(self, size, orders=None):
        """As of :class:`Rows`, with one generator a model."""
        orders = [None] * len(self.parts) if orders is None else orders
        for pieces in zip(
            *(
                part.batches(size, order)
                for part, order in zip(self.parts, orders, strict=True)
            ),
            strict=True,
        ):
            rows, targets = zip(*pieces, strict=True)
            yield torch.cat(rows), None if self.target is None else torch.cat(targets)


def n_blocks():
    """Number of blocks in a buffer."""
    return max(_BUFFER_BYTES // _BLOCK_BYTES, 1)


def standardize(rows, mean, scale):
    """Centre and scale an array of rows, which is used up; a float32 tensor."""
    rows = torch.from_numpy(rows)
    if rows.dtype == torch.float16:
        rows = rows.float()
    return rows.sub_(mean.to(rows.dtype)).div_(scale).float()


def mean_and_scale(blocks):
    """Mean of the rows of some arrays and their root mean square distance from it.

    One pass in float64, around the first row so that nothing cancels when the rows
    are far from the origin.
    """
    origin, n_rows, total, squares = None, 0, 0.0, 0.0
    for block in blocks:
        if origin is None:
            origin = block[0].astype(np.float64)
        block = block - origin
        n_rows += len(block)
        total = total + block.sum(axis=0)
        squares += np.vdot(block, block)
    shift = total / n_rows
    variance = max(squares / n_rows - shift @ shift, 0.0)
    return origin + shift, float(np.sqrt(variance)) or 1.0
