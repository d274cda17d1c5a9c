"""One interface for our autoencoders and those of others."""

import hashlib

import numpy as np
from sklearn.base import clone

from sklearn_hsae.sae import MatryoshkaSAETransformer


class TokenEncoder:
    """Encodes hidden states to csr.

    Parameters
    ----------
    sae : fitted MatryoshkaSAETransformer or PretrainedSAE

    Attributes
    ----------
    n_features : int
        Length of a state.
    n_neurons : int
    """

    def __init__(self, sae):
        self._is_ours = isinstance(sae, MatryoshkaSAETransformer)
        self.n_features = sae.n_features_in_
        if self._is_ours:
            self._sae = clone(sae).set_params(sparse_output=True)
            # The weights are shared, not copied.
            vars(self._sae).update({n: v for n, v in vars(sae).items() if n[-1] == "_"})
            self.n_neurons = len(sae.encoder_)
        else:
            self._sae = sae
            self.n_neurons = sae.n_neurons

    def encode(self, states):
        """Activations as a csr matrix of shape (n_tokens, n_neurons)."""
        return self._sae.transform(self._as_trained(states))

    def score(self, states):
        """Share of the variance of states that is explained; None of a transcoder."""
        if self._is_ours:
            return self._sae.score(self._as_trained(states))
        if self._sae.is_transcoder:
            return None
        left = np.square(states - self._sae.reconstruct(states), dtype=np.float64)
        centred = np.square(states - states.mean(axis=0), dtype=np.float64)
        return float(1 - left.sum() / max(centred.sum(), 1e-12))

    def fingerprint(self):
        """Hash of everything that the activations of one of ours depend on."""
        sae = self._sae
        digest = hashlib.sha256()
        for array in (sae.encoder_, sae.encoder_bias_, sae.input_mean_):
            digest.update(array.tobytes())
        rest = (sae.input_scale_, sae.k_, sae.threshold_, sae.prefix)
        digest.update(repr(rest).encode())
        return digest.hexdigest()

    def _as_trained(self, states):
        """States in the precision in which the autoencoder was trained."""
        return states.astype(np.float16) if self._is_ours else states
