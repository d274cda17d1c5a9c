"""Texts to activations of their tokens: read what the store lacks, and keep it."""

import time
from contextlib import closing

import numpy as np
import pandas as pd
from scipy import sparse

from sklearn_hsae._cache import cache_folder
from sklearn_hsae.reader._activation_store import (
    ActivationStore,
    StoredTokens,
    as_stored,
    text_key,
)
from sklearn_hsae.reader._pooling import above, pool_activations

_TEXTS_PER_CLAIM = 1024  # or more: what other processes cannot read meanwhile
_MOST_CLAIMS = 64  # each of them looks through all keys of the store
_SECONDS_PER_LOOK = 0.2  # at what other processes have read


class ActivationReader:
    """Makes rows and tokens of texts, with an autoencoder; created for a single call.

    Parameters
    ----------
    states : HiddenStateReader
    encoder : TokenEncoder
    version : str
        Identifies the encoder.
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
        self.aggregate = aggregate
        self.threshold = threshold
        self.largest_norm = largest_norm
        self.verbose = verbose
        self.store = None
        if cache_dir is not None:
            settings = {**states.identity, "largest_norm": largest_norm, "sae": version}
            self.store = ActivationStore(
                _store_folder(cache_dir), settings, encoder.n_neurons
            )

    @property
    def n_columns(self):
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
        csr matrix of shape (n_texts, n_columns) of float32
        """
        codes, distinct = pd.factorize(texts)
        parts = [sparse.csr_matrix((0, self.n_columns), dtype=np.float32)]
        order = [np.empty(0, dtype=int)]
        if steps is None:
            parts_of_texts = self._parts(distinct)
        else:
            codes = np.arange(len(texts))
            parts_of_texts = self._encode_and_keep(texts, steps)
        with closing(parts_of_texts):
            for positions, tokens in parts_of_texts:
                active = above(tokens.activations, self.threshold)
                parts.append(pool_activations(active, tokens.lengths, self.aggregate))
                order.append(positions)
        rows = sparse.vstack(parts, format="csr")
        return rows[np.argsort(np.concatenate(order))[codes]]

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
        positions : list of ndarray of int
            Positions of the tokens that count, among all tokens of each text.
        """
        codes, distinct = pd.factorize(texts)
        activations, positions = [None] * len(distinct), [None] * len(distinct)
        with closing(self._parts(distinct)) as parts_of_texts:
            for picks, tokens in parts_of_texts:
                active = above(tokens.activations, self.threshold)[:, columns]
                stops = np.cumsum(tokens.lengths)
                starts = stops - tokens.lengths
                for text, start, stop in zip(picks, starts, stops, strict=True):
                    activations[text] = active[start:stop]
                    positions[text] = tokens.positions[start:stop]
        positions = [positions[code] for code in codes]
        none = sparse.csr_matrix((0, len(columns)), dtype=np.float32)
        return (
            sparse.vstack([none, *(activations[code] for code in codes)], "csr"),
            np.cumsum([0, *map(len, positions)]),
            positions,
        )

    def stored(self, texts):
        """`StoredTokens` of all texts, in their order."""
        activations, indptr, positions = self.tokens(texts, np.arange(self.n_columns))
        positions = np.concatenate([np.empty(0, dtype=int), *positions])
        return StoredTokens(np.diff(indptr), positions, activations)

    def _parts(self, texts):
        """Yield all texts in parts: their positions, and their `StoredTokens`.

        Close the generator after use: it may hold a claim of texts.
        """
        if self.store is None:
            yield from self._read(texts, self.verbose)
            return
        keys, waiting = list(map(text_key, texts)), np.arange(len(texts))
        n_kept = sum(map(len, self.store.find(keys).values()))
        has_bar = self.verbose and n_kept < len(texts)
        n_per_claim = max(_TEXTS_PER_CLAIM, len(texts) // _MOST_CLAIMS)
        with self._bar(len(texts) - n_kept, has_bar) as bar:
            while len(waiting):
                asked = [keys[i] for i in waiting]
                with self.store.claim(asked, n_per_claim) as (kept, claimed):
                    claimed = waiting[claimed]
                    for positions, tokens in self._read(texts[claimed]):
                        yield claimed[positions], tokens
                        bar.update(len(positions))
                is_waiting = ~np.isin(waiting, claimed)
                for shard, pairs in kept.items():
                    positions, rows = map(np.array, zip(*pairs, strict=True))
                    is_waiting[positions] = False
                    yield waiting[positions], self.store.read(shard, rows)
                if not kept and not len(claimed):
                    time.sleep(_SECONDS_PER_LOOK)
                waiting = waiting[is_waiting]

    def _bar(self, n_texts, verbose):
        from sklearn_hsae.reader._hidden_states import reading_bar

        return reading_bar(n_texts, verbose)

    def _read(self, texts, verbose=0):
        """Read texts with the model: yield as `_parts`."""
        if len(texts):
            windows = self.states.windows(texts)
            steps = self.states.read(windows, self.largest_norm, verbose)
            yield from self._encode_and_keep(texts, steps)

    def _encode_and_keep(self, texts, steps):
        for step in steps:
            activations = as_stored(self._encode(step.states))
            tokens = StoredTokens(step.lengths, step.positions, activations)
            if self.store is not None:
                self.store.append([text_key(texts[i]) for i in step.texts], tokens)
            yield step.texts, tokens

    def _encode(self, states):
        if len(states) == 0:
            return sparse.csr_matrix((0, self.n_columns), dtype=np.float32)
        return above(self.encoder.encode(states), 0)


def _store_folder(cache_dir):
    return cache_folder(cache_dir) / "activations"
