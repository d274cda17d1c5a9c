"""The fitted encoder: computes activations from rows, chunk by chunk."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from scipy import sparse
from sklearn.utils import assert_all_finite

from sklearn_hsae.sae._kernels import top_k, torch_threads

_SCORES_PER_CHUNK = 2**21  # 8 MB: fits into the cache, and the overhead is small
_SCORES_PER_CHUNK_ON_GPU = 2**26
_LARGEST_CHUNK = 8192
# With larger values, float32 loses the differences between rows when mean and scale are
# folded into the weights.
_LARGEST_MEAN, _LARGEST_SCALE = 10, 1e10


class Encoder:
    """The fitted encoder on a device.

    Parameters
    ----------
    weights : float32 array of shape (n_neurons, n_features)
    bias : float32 array of shape (n_neurons,)
    mean : float64 array of shape (n_features,)
    scale : float
    k : int
        Active neurons per row.
    threshold : float or None
        If given, the positive pre-activations of at least this value are kept instead
        of the k largest.
    device : str
    n_kept : int or None
        Number of first neurons whose activations are computed; the others are 0. None
        is all neurons.
    """

    def __init__(self, weights, bias, mean, scale, k, threshold, device, n_kept=None):
        self.is_folded = _can_be_folded(mean, scale)
        if self.is_folded:
            exact = weights / scale
            weights, bias = exact.astype(np.float32), bias - exact @ mean
        # torch.tensor copies: a memory-mapped estimator is read-only.
        self.weights = torch.tensor(weights, device=device)
        self.bias = torch.tensor(bias, dtype=torch.float32, device=device)
        self.mean = torch.tensor(mean)
        self.scale = scale
        self.k = k
        self.threshold = threshold
        self.n_kept = len(weights) if n_kept is None else n_kept
        self.device = torch.device(device)

    def chunks(self, X):
        """The slices of `X` to encode one by one."""
        is_cpu = self.device.type == "cpu"
        n_scores = _SCORES_PER_CHUNK if is_cpu else _SCORES_PER_CHUNK_ON_GPU
        size = max(1, min(_LARGEST_CHUNK, n_scores // len(self.weights)))
        return [
            slice(start, min(start + size, len(X))) for start in range(0, len(X), size)
        ]

    def scores(self, rows):
        """Pre-activations of an array of rows, of shape (n_rows, n_neurons)."""
        if self.is_folded:
            with np.errstate(over="ignore"):  # found below
                ready = torch.from_numpy(np.require(rows, np.float32, "W"))
        else:
            ready = standardize(np.array(rows), self.mean, self.scale)
        scores = torch.addmm(self.bias, ready.to(self.device), self.weights.T)
        # NaN or infinity in a row makes every score of the row NaN or infinite.
        if not scores[:, 0].isfinite().all():
            assert_all_finite(rows, input_name="X")
            raise ValueError(
                f"X has entries as large as {np.abs(rows).max():.3g}; their "
                "activations exceed float32. Scale X like the rows in fit."
            )
        return scores

    def sparse_activations(self, X):
        """A csr matrix of float32 that stores positive activations only."""
        if not len(X):
            return sparse.csr_matrix((0, len(self.weights)), dtype=np.float32)

        def encode(chunk):
            rows, neurons, values = self._active(X[chunk])
            counts = np.bincount(rows, minlength=chunk.stop - chunk.start)
            return counts, neurons.astype(np.int32), values

        encoded = self._for_each_chunk(X, encode)
        counts, neurons, values = map(np.concatenate, zip(*encoded, strict=True))
        starts = np.concatenate([[0], np.cumsum(counts)])
        if starts[-1] <= np.iinfo(np.int32).max:
            starts = starts.astype(np.int32)
        shape = len(X), len(self.weights)
        return sparse.csr_matrix((values, neurons, starts), shape=shape)

    def dense_activations(self, X):
        """An array of float32."""
        activations = np.zeros((len(X), len(self.weights)), dtype=np.float32)

        def encode(chunk):
            rows, neurons, values = self._active(X[chunk])
            activations[chunk][rows, neurons] = values

        list(self._for_each_chunk(X, encode))
        return activations

    def _for_each_chunk(self, X, function):
        """Yield the result of `function` for each chunk.

        Each thread does all steps for its chunk. If threads shared each step, the data
        of a chunk would often be in the cache of another core.
        """
        with torch_threads(1) as n_threads:
            n_workers = n_threads if self.device.type == "cpu" else 1
            with ThreadPoolExecutor(n_workers) as pool:
                yield from pool.map(function, self.chunks(X))

    def _active(self, rows):
        """Row, neuron and value of each positive activation, as three arrays."""
        scores = self.scores(rows)
        if self.threshold is None:
            neurons = top_k(scores, self.k)
            values = scores.gather(1, neurons)
            is_active = values > 0
            if self.n_kept < len(self.weights):
                is_active &= neurons < self.n_kept
            active = is_active.nonzero()[:, 0], neurons[is_active], values[is_active]
        else:
            # >=: a strict comparison would drop the score that set the threshold.
            is_active = (scores >= self.threshold) & (scores > 0)
            is_active[:, self.n_kept :] = False
            active = *is_active.nonzero().unbind(1), scores[is_active]
        return [part.cpu().numpy() for part in active]


def standardize(rows, mean, scale):
    """Standardise `rows` in place and return them as a float32 tensor.

    The caller must not use `rows` again.

    Parameters
    ----------
    rows : array of shape (n_rows, n_features)
    mean : float64 tensor of shape (n_features,)
    scale : float
    """
    rows = torch.from_numpy(rows)
    if rows.dtype == torch.float16:
        rows = rows.float()
    return rows.sub_(mean.to(rows.dtype)).div_(scale).float()


def _can_be_folded(mean, scale):
    """Whether mean and scale can become part of the weights, within float32."""
    is_near = np.linalg.norm(mean) <= _LARGEST_MEAN * scale
    return is_near and 1 / _LARGEST_SCALE < scale < _LARGEST_SCALE


def calibrate_threshold(encoder, X):
    """The threshold at which rows of `X` have k active neurons on average.

    This is the exact quantile. A running mean during training would start too low, and
    would stay too low in a short training.
    """
    n_active = encoder.k * len(X)
    largest = torch.empty(0, device=encoder.device)
    for chunk in encoder.chunks(X):
        scores = encoder.scores(X[chunk]).flatten()
        largest = torch.cat([largest, scores[scores > 0]])
        if len(largest) > n_active:
            largest = largest.topk(n_active, sorted=False).values
    return float(largest.min()) if len(largest) else 0.0
