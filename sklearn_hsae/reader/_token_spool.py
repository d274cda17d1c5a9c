"""Tokens of all texts on disk, to train an autoencoder on."""

import tempfile
from pathlib import Path

import numpy as np

from sklearn_hsae.reader._hidden_states import TokenStates


class TokenSpool:
    """A temporary file of hidden states, as float16, for use in a ``with`` block.

    Parameters
    ----------
    n_features : int
    share : float
        Which share of the tokens is kept, drawn at random.
    generator : numpy.random.RandomState
    """

    def __init__(self, n_features, share, generator):
        self.n_features = n_features
        self.is_complete = share >= 1
        self._share = share
        self._generator = generator
        self._texts, self._lengths, self._positions = [], [], []

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="sklearn_hsae_tokens_")
        self._path = Path(self._folder.name, "states.f16")
        self._file = self._path.open("wb")
        return self

    def __exit__(self, *exc_info):
        self._file.close()
        self._folder.cleanup()

    def add(self, step):
        """Keep the tokens of a `TokenStates`."""
        states, lengths = step.states.astype(np.float16), step.lengths
        positions = step.positions
        if not self.is_complete:
            is_kept = self._generator.uniform(size=len(states)) < self._share
            owner = np.repeat(np.arange(len(lengths)), lengths)
            states, positions = states[is_kept], positions[is_kept]
            lengths = np.bincount(owner[is_kept], minlength=len(lengths))
        self._file.write(states.tobytes())
        self._texts.append(step.texts)
        self._lengths.append(lengths)
        self._positions.append(positions)

    def rows(self):
        """All states, as a memory map of shape (n_tokens, n_features).

        Returns
        -------
        states : memmap of shape (n_tokens, n_features) of float16
        texts : ndarray of shape (n_tokens,) of int
            The text of each token.
        """
        self._file.flush()
        texts = np.repeat(np.concatenate(self._texts), np.concatenate(self._lengths))
        shape = (len(texts), self.n_features)
        return np.memmap(self._path, np.float16, mode="r", shape=shape), texts

    def steps(self):
        """Yield what was added, as float16."""
        states, _ = self.rows()
        start = 0
        kept = zip(self._texts, self._lengths, self._positions, strict=True)
        for texts, lengths, positions in kept:
            stop = start + lengths.sum()
            yield TokenStates(texts, lengths, np.array(states[start:stop]), positions)
            start = stop
