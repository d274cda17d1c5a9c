"""From rows to their activations after training: encode only, a chunk at a time."""

import numpy as np
import torch
from scipy import sparse
from sklearn.utils import assert_all_finite

from sklearn_hsae.sae._rows import standardize
from sklearn_hsae.sae._topk import top_k

_SCORES_A_CHUNK = 2**22  # 16 MB: small beside the rows, large beside the overhead


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
        # torch.tensor copies: a memory-mapped estimator is read-only.
        self.weights = torch.tensor(weights, device=device)
        self.bias = torch.tensor(bias, device=device)
        self.mean = torch.tensor(mean)
        self.scale = scale
        self.k = k
        self.threshold = threshold
        self.device = device

    def chunks(self, X):
        """Yield a slice of the rows and their standardised values."""
        size = max(1, min(8192, _SCORES_A_CHUNK // len(self.weights)))
        for start in range(0, len(X), size):
            chunk = slice(start, min(start + size, len(X)))
            rows = np.array(X[chunk])
            assert_all_finite(rows, input_name="X")
            rows = standardize(rows, self.mean, self.scale)
            yield chunk, rows.to(self.device)

    def scores(self, rows):
        return torch.addmm(self.bias, rows, self.weights.T)

    def transform(self, X):
        """Activations as a csr matrix of float32; only positive ones are stored."""
        parts = [self._active(self.scores(rows)) for _, rows in self.chunks(X)]
        counts, neurons, values = (
            np.concatenate([part[i].cpu().numpy() for part in parts]) for i in range(3)
        )
        starts = np.concatenate([[0], np.cumsum(counts)])
        if starts[-1] <= np.iinfo(np.int32).max:
            starts = starts.astype(np.int32)
        shape = (len(X), len(self.weights))
        return sparse.csr_matrix((values, neurons, starts), shape=shape)

    def _active(self, scores):
        """How many neurons each row keeps, which, and their values."""
        if self.threshold is None:
            neurons = top_k(scores, self.k).sort(dim=1).values
            values = scores.gather(1, neurons)
            kept = values > 0
            return kept.sum(dim=1), neurons[kept].int(), values[kept]
        # At least the threshold: a strict comparison drops the one that set it.
        kept = (scores >= self.threshold) & (scores > 0)
        return kept.sum(dim=1), kept.nonzero()[:, 1].int(), scores[kept]


def calibrate_threshold(encoder, X):
    """The threshold at which rows of `X` have k active neurons on average.

    A running estimate during training starts too low and stays so in a short
    training; this is the quantile itself.
    """
    n_kept = encoder.k * len(X)
    largest = torch.empty(0, device=encoder.device)
    for _, rows in encoder.chunks(X):
        scores = encoder.scores(rows).flatten()
        largest = torch.cat([largest, scores[scores > 0]])
        if len(largest) > n_kept:
            largest = largest.topk(n_kept, sorted=False).values
    return float(largest.min()) if len(largest) else 0.0
