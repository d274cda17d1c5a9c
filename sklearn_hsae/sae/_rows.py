"""Rows on their way into training: a batch is gathered, centred, scaled and moved."""

import numpy as np
import torch
from torch.utils.data import Dataset


class Rows(Dataset):
    """Some rows of an array, standardised a batch at a time.

    The array is never copied as a whole, so it may be a memory map.

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

    def __getitem__(self, numbers):
        """Standardised float32 rows, and their targets or None."""
        chosen = self.chosen[numbers]
        rows = standardize(self.X[chosen], self.mean, self.scale).to(self.device)
        if self.target is None:
            return rows, None
        return rows, torch.from_numpy(self.target[chosen]).to(self.device)

    def batches(self, size, order=None):
        """Yield all rows in pieces of equal size, at most `size`."""
        numbers = np.arange(len(self)) if order is None else order
        # Equal pieces: a last batch of one row would be a step in its direction.
        for piece in np.array_split(numbers, -(-len(self) // size)):
            yield self[piece]


def standardize(rows, mean, scale):
    """Centre and scale an array of rows, which is used up; a float32 tensor."""
    rows = torch.from_numpy(rows)
    if rows.dtype == torch.float16:
        rows = rows.float()
    return rows.sub_(mean.to(rows.dtype)).div_(scale).float()


def mean_and_scale(X, chosen, size=8192):
    """Mean of the chosen rows and their root mean square distance from it.

    One pass in float64, a block at a time, around the first row so that nothing
    cancels when the rows are far from the origin.
    """
    origin = X[chosen[0]].astype(np.float64)
    total, squares = np.zeros_like(origin), 0.0
    for start in range(0, len(chosen), size):
        block = X[chosen[start : start + size]] - origin
        total += block.sum(axis=0)
        squares += np.vdot(block, block)
    shift = total / len(chosen)
    variance = max(squares / len(chosen) - shift @ shift, 0.0)
    return origin + shift, float(np.sqrt(variance)) or 1.0
