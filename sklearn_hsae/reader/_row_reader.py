"""Texts to rows of hidden states: read what the cache lacks, pool it, and keep it."""

import numpy as np

from sklearn_hsae._cache import cache_key, open_cache
from sklearn_hsae.reader._pooling import pool_states


class StateRowReader:
    """Makes one row of each text, without an autoencoder; created for a single call.

    Parameters
    ----------
    states : HiddenStateReader
    aggregate : str
        See `pool_states`.
    largest_norm : float
        Tokens with a longer state do not count.
    cache_dir, verbose
        As in :class:`ReaderSAETransformer`.
    """

    encoder = None

    def __init__(self, states, *, aggregate, largest_norm, cache_dir, verbose):
        self.states = states
        self.aggregate = aggregate
        self.largest_norm = largest_norm
        self.cache_dir = cache_dir
        self.verbose = verbose

    @property
    def n_columns(self):
        return self.states.n_features

    def rows(self, texts):
        """The rows of texts: an ndarray of shape (n_texts, n_columns) of float32."""
        keys = self._keys(texts)
        with open_cache(self.cache_dir, "readings") as cache:
            entries = cache.get_many(list(set(keys)))
            missing = {key: i for i, key in enumerate(keys) if key not in entries}
            positions = np.array(sorted(missing.values()), dtype=int)
            for step in self._read(texts[positions]):
                pooled = pool_states(step.states, step.lengths, self.aggregate)
                step_keys = [keys[i] for i in positions[step.texts]]
                new = [row.astype("<f4").tobytes() for row in pooled]
                new = dict(zip(step_keys, new, strict=True))
                cache.put_many(new)
                entries.update(new)
        numbers = np.frombuffer(b"".join(entries[key] for key in keys), dtype="<f4")
        return numbers.reshape(len(keys), self.n_columns).astype(np.float32)

    def _read(self, texts):
        if len(texts) == 0:
            return []
        windows = self.states.windows(texts)
        return self.states.read(windows, self.largest_norm, self.verbose)

    def _keys(self, texts):
        """Keys of the cache: hashes of all that decides the row of a text."""
        settings = cache_key(
            **self.states.identity,
            largest_norm=self.largest_norm,
            aggregate=self.aggregate,
        )
        return [cache_key(settings=settings, text=text) for text in texts]
