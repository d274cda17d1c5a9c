"""The annotations of pairs of a text and a concept, stored in the cache."""

import hashlib

import numpy as np

from sklearn_hsae._cache import cache_key
from sklearn_hsae.llm import load_prompt

_ROWS_PER_LOOKUP = 1000


class JudgedPairs:
    """Annotations of texts by concepts, and the cache that stores each of them.

    The key of an annotation is its text and its concept. So it is not paid for again
    when the next call combines other texts and concepts.

    Parameters
    ----------
    cache : DiskCache or MemoryCache
    identity : dict
        Everything else that an annotation depends on, see `LanguageModel.identity`.
    texts, concepts : list of str

    Attributes
    ----------
    annotations : ndarray of shape (n_texts, n_concepts)
        1, 0 or a probability; NaN while unknown.
    given_up : bool ndarray of the same shape
        Pairs of calls that failed; they are not asked again.
    left_out : bool ndarray of the same shape
        Pairs that were missing in a readable reply.
    n_from_cache : int
    """

    def __init__(self, cache, identity, texts, concepts):
        prompt = load_prompt("judge").template
        self._cache = cache
        self._common = cache_key(kind="judgement", prompt=prompt, **identity)
        # Each text is hashed once only, because it can have a megabyte.
        self._texts = [cache_key(text=text) for text in texts]
        self._concepts = [cache_key(concept=concept) for concept in concepts]
        shape = len(texts), len(concepts)
        self.annotations = np.full(shape, np.nan)
        self.given_up = np.zeros(shape, dtype=bool)
        self.left_out = np.zeros(shape, dtype=bool)
        columns = range(len(concepts))
        for start in range(0, len(texts), _ROWS_PER_LOOKUP):
            self.look_up(
                range(start, min(start + _ROWS_PER_LOOKUP, len(texts))), columns
            )
        self.n_from_cache = int(np.sum(~np.isnan(self.annotations)))

    def missing(self):
        """Which pairs are still to be asked about."""
        return np.isnan(self.annotations) & ~self.given_up

    def look_up(self, rows, columns):
        """Read a block of pairs from the cache; return whether it has all of them."""
        pairs = {self._key(i, j): (i, j) for i in rows for j in columns}
        entries = self._cache.get_many(pairs)
        for key, value in entries.items():
            self.annotations[pairs[key]] = float(value)
        return len(entries) == len(pairs)

    def keys(self, rows, columns):
        """The keys of a block of pairs in the cache."""
        return [self._key(i, j) for i in rows for j in columns]

    def claimed(self, blocks):
        """Claim blocks, see `DiskCache.claimed`."""
        return self._cache.claimed(
            [key for block in blocks for key in self.keys(*block)]
        )

    def take(self, replies):
        """Store replies: tuples of rows, columns and an array of annotations."""
        entries = {}
        for rows, columns, reply in replies:
            block = np.ix_(rows, columns)
            self.annotations[block] = reply
            self.left_out[block] = np.isnan(reply)
            for i, j in np.argwhere(~np.isnan(reply)).tolist():
                entries[self._key(rows[i], columns[j])] = b"%g" % reply[i, j]
        self._cache.put_many(entries)

    def give_up(self, rows, columns):
        """Do not ask for these pairs again."""
        self.given_up[np.ix_(rows, columns)] = True

    def _key(self, row, column):
        parts = f"{self._common}{self._texts[row]}{self._concepts[column]}"
        return hashlib.sha256(parts.encode("ascii")).hexdigest()
