"""Texts to rows: read what the cache lacks, encode it, pool it, and keep it."""

import numpy as np
from scipy import sparse

from sklearn_hsae._cache import cache_key, open_cache
from sklearn_hsae.reader._pooling import above, pool_activations, pool_states


class RowReader:
    """Makes one row of each text; created for a single call.

    Parameters
    ----------
    states : HiddenStateReader
    encoder : TokenEncoder or None
        None pools the states themselves.
    version : str or None
        Which encoder it is.
    aggregate : str
        One of `AGGREGATES`.
    threshold : float
        Activations up to it count as 0.
    largest_norm : float
        Tokens with a longer state do not count.
    cache_dir, verbose
        As in :class:`ReaderSAETransformer`.
    """

    def __init__(
        self,
        states,
        encoder,
        version,
        *,
        aggregate,
        threshold,
        largest_norm,
        cache_dir,
        verbose,
    ):
        self.states = states
        self.encoder = encoder
        self.version = version
        self.aggregate = aggregate
        self.threshold = threshold
        self.largest_norm = largest_norm
        self.cache_dir = cache_dir
        self.verbose = verbose

    @property
    def n_columns(self):
        if self.encoder is None:
            return self.states.n_features
        return self.encoder.n_neurons

    def rows(self, texts, steps=None):
        """The rows of texts.

        Parameters
        ----------
        texts : ndarray of str
        steps : iterable of TokenStates or None
            States of all texts, where they have been read already.

        Returns
        -------
        csr matrix or ndarray of shape (n_texts, n_columns) of float32
        """
        keys = self._keys(texts)
        with open_cache(self.cache_dir, "readings") as cache:
            entries = cache.get_many(list(set(keys)))
            if steps is None:
                missing = {key: i for i, key in enumerate(keys) if key not in entries}
                positions = np.array(sorted(missing.values()), dtype=int)
                steps = self._read(texts[positions])
            else:
                positions = np.arange(len(texts))
            for step in steps:
                step_keys = [keys[i] for i in positions[step.texts]]
                new = dict(zip(step_keys, _entries(self._pool(step)), strict=True))
                cache.put_many(new)
                entries.update(new)
        return self._rows_of([entries[key] for key in keys])

    def tokens(self, texts, columns):
        """Activations of single tokens.

        Parameters
        ----------
        texts : ndarray of str
        columns : ndarray of int

        Returns
        -------
        activations : csr matrix of shape (n_tokens, n_columns)
        indptr : ndarray of shape (n_texts + 1,) of int
        spans : ndarray of shape (n_tokens, 2) of int
            See :class:`TokenActivations`.
        """
        activations, positions = [None] * len(texts), [None] * len(texts)
        for step in self._read(texts):
            encoded = self._encode(step)[:, columns]
            stops = np.cumsum(step.lengths)
            starts = stops - step.lengths
            for text, start, stop in zip(step.texts, starts, stops, strict=True):
                activations[text] = encoded[start:stop]
                positions[text] = step.positions[start:stop]
        spans = self.states.spans(texts) if len(texts) else []
        none = sparse.csr_matrix((0, len(columns)), dtype=np.float32)
        counted = [s[p] for s, p in zip(spans, positions, strict=True)]
        return (
            sparse.vstack([none, *activations], "csr"),
            np.cumsum([0, *map(len, positions)]),
            np.concatenate([np.empty((0, 2), dtype=int), *counted]),
        )

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
            sae=self.version,
            aggregate=self.aggregate,
            threshold=float(self.threshold),
        )
        return [cache_key(settings=settings, text=text) for text in texts]

    def _pool(self, step):
        """The rows of the texts of a step."""
        if self.encoder is None:
            return pool_states(step.states, step.lengths, self.aggregate)
        return pool_activations(self._encode(step), step.lengths, self.aggregate)

    def _encode(self, step):
        """Activations of the tokens of a step above the threshold, as csr."""
        if len(step.states) == 0:
            return sparse.csr_matrix((0, self.n_columns), dtype=np.float32)
        return above(self.encoder.encode(step.states), self.threshold)

    def _rows_of(self, entries):
        """The inverse of `_entries`, as one csr matrix or array of float32."""
        if self.encoder is None:
            numbers = np.frombuffer(b"".join(entries), dtype="<f4")
            return numbers.reshape(len(entries), self.n_columns).astype(np.float32)
        halves = [len(entry) // 2 for entry in entries]
        columns = b"".join(e[:n] for e, n in zip(entries, halves, strict=True))
        values = b"".join(e[n:] for e, n in zip(entries, halves, strict=True))
        return sparse.csr_matrix(
            (
                np.frombuffer(values, dtype="<f4").astype(np.float32),
                np.frombuffer(columns, dtype="<i4").astype(np.int32),
                np.cumsum([0, *halves]) // 4,
            ),
            shape=(len(entries), self.n_columns),
        )


def _entries(rows):
    """Each row as bytes: its numbers, or of a csr matrix its columns and numbers."""
    if not sparse.issparse(rows):
        return [row.astype("<f4").tobytes() for row in rows]
    columns, values = rows.indices.astype("<i4"), rows.data.astype("<f4")
    return [
        columns[start:stop].tobytes() + values[start:stop].tobytes()
        for start, stop in zip(rows.indptr, rows.indptr[1:], strict=False)
    ]
