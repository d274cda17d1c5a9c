"""From rows to their activations after training: encode only, a chunk at a time."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from scipy import sparse
from sklearn.utils import assert_all_finite

from sklearn_hsae.sae._rows import standardize
from sklearn_hsae.sae._threads import torch_threads
from sklearn_hsae.sae._topk import top_k

_SCORES_A_CHUNK = 2**21  # 8 MB: small beside the cache, large beside the overhead
_SCORES_A_CHUNK_ON_GPU = 2**26
_FARTHEST, _LARGEST_SCALE = 10, 1e10


class Encoder:
    """The fitted encoder on a device.

    Parameters
    ----------
    weights, bias : float32 arrays of shape (n_neurons, n_features) and (n_neurons,)
    mean, scale : float64 array of shape (n_features,) and float
    k : int
        Active neurons a row.
    threshold : float or None
        When given, every pre-activation that reaches it is kept instead, if positive.
    device : str
    """

    def __init__(self, weights, bias, mean, scale, k, threshold, device):
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
        self.device = torch.device(device)

    def chunks(self, X):
        """Slices of `X` that are encoded one by one."""
        is_cpu = self.device.type == "cpu"
        n_scores = _SCORES_A_CHUNK if is_cpu else _SCORES_A_CHUNK_ON_GPU
        size = max(1, min(8192, n_scores // len(self.weights)))
        return [
            slice(start, min(start + size, len(X))) for start in range(0, len(X), size)
        ]

    def scores(self, rows):
        """Pre-activations of an array of rows."""
        if self.is_folded:
            ready = torch.from_numpy(np.require(rows, np.float32, "W"))
        else:
            ready = standardize(np.array(rows), self.mean, self.scale)
        ready = ready.to(self.device)
        scores = torch.addmm(self.bias, ready, self.weights.T)
        # What is not finite in a row spreads to all of its scores.
        if not scores[:, 0].isfinite().all():
            assert_all_finite(rows, input_name="X")
        return scores

    def sparse_activations(self, X):
        """A csr matrix of float32; only positive activations are stored."""

        def find(chunk):
            rows, neurons, values = self._active(X[chunk])
            counts = np.bincount(rows, minlength=chunk.stop - chunk.start)
            return counts, neurons.astype(np.int32), values

        found = self._for_each_chunk(X, find)
        counts, neurons, values = map(np.concatenate, zip(*found, strict=True))
        starts = np.concatenate([[0], np.cumsum(counts)])
        if starts[-1] <= np.iinfo(np.int32).max:
            starts = starts.astype(np.int32)
        shape = len(X), len(self.weights)
        return sparse.csr_matrix((values, neurons, starts), shape=shape)

    def dense_activations(self, X):
        """An array of float32."""
        activations = np.zeros((len(X), len(self.weights)), dtype=np.float32)

        def fill(chunk):
            rows, neurons, values = self._active(X[chunk])
            activations[chunk][rows, neurons] = values

        list(self._for_each_chunk(X, fill))
        return activations

    def _for_each_chunk(self, X, function):
        """Yield what `function` returns for each chunk.

        Each thread takes a chunk through all steps: a step shared out among threads
        would leave every chunk to the cache of another.
        """
        with torch_threads(1) as n_threads:
            n_workers = n_threads if self.device.type == "cpu" else 1
            with ThreadPoolExecutor(n_workers) as pool:
                yield from pool.map(function, self.chunks(X))

    def _active(self, rows):
        """Rows and neurons of what is active, and its values."""
        scores = self.scores(rows)
        if self.threshold is None:
            neurons = top_k(scores, self.k)
            values = scores.gather(1, neurons)
            kept = values > 0
            found = kept.nonzero()[:, 0], neurons[kept], values[kept]
        else:
            # At least the threshold: a strict comparison drops the one that set it.
            kept = (scores >= self.threshold) & (scores > 0)
            found = *kept.nonzero().unbind(1), scores[kept]
        return [part.cpu().numpy() for part in found]


def _can_be_folded(mean, scale):
    """Whether the weights can standardise the rows, within float32.

    Not far from the origin, where the differences between rows would be lost.
    """
    is_near = np.linalg.norm(mean) <= _FARTHEST * scale
    return is_near and 1 / _LARGEST_SCALE < scale < _LARGEST_SCALE


def calibrate_threshold(encoder, X):
    """The threshold at which rows of `X` have k active neurons on average.

    A running estimate during training starts too low and stays so in a short
    training; this is the quantile itself.
    """
    n_kept = encoder.k * len(X)
    largest = torch.empty(0, device=encoder.device)
    for chunk in encoder.chunks(X):
        scores = encoder.scores(X[chunk]).flatten()
        largest = torch.cat([largest, scores[scores > 0]])
        if len(largest) > n_kept:
            largest = largest.topk(n_kept, sorted=False).values
    return float(largest.min()) if len(largest) else 0.0
