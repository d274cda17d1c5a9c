"""Vectors of texts, from the cache where it has them: their keys, and their bytes."""

import hashlib
from json.encoder import encode_basestring

import numpy as np

from sklearn_hsae._cache import cache_key

# Entries that are decoded at a time: their bytes are held beside the vectors.
_ENTRIES_PER_STEP = 20_000
# What may follow a vector in an entry. Both have an odd number of bytes.
_CUT = b"c"
_CHUNKS = b"n"  # after the number of chunks, as four bytes


class VectorTable:
    """The vectors of distinct texts, filled from the cache and by the model.

    Parameters
    ----------
    keys : list of str
        Keys of the texts in the cache.
    model : str
        Its name is in the error.
    dtype : {"float32", "float16"}
        Type of the numbers in the cache.

    Attributes
    ----------
    vectors : ndarray of shape (n_texts, n_dimensions) of float32, or None
        None until the first row is filled.
    is_filled : ndarray of shape (n_texts,) of bool
    n_chunks : ndarray of shape (n_texts,) of int
        Number of chunks that a text was read in, or 0 for a text that was cut.
    """

    def __init__(self, keys, model, dtype="float32"):
        self.keys = keys
        self.vectors = None
        self.is_filled = np.zeros(len(keys), dtype=bool)
        self.n_chunks = np.ones(len(keys), dtype=np.int64)
        self._model = model
        self.dtype = dtype
        self._stored = np.dtype(dtype).newbyteorder("<")

    def read(self, cache, rows):
        """Fill those of the rows that the cache has."""
        for start in range(0, len(rows), _ENTRIES_PER_STEP):
            step = rows[start : start + _ENTRIES_PER_STEP]
            entries = cache.get_many([self.keys[row] for row in step])
            cached = [row for row in step if self.keys[row] in entries]
            if cached:
                self._decode(cached, [entries[self.keys[row]] for row in cached])

    def add(self, rows, vectors, n_chunks):
        """Fill rows with what the model has returned; return their entries."""
        content = vectors.astype(self._stored)
        self._fill(rows, content, n_chunks)
        return {
            self.keys[row]: vector.tobytes() + _suffix(n)
            for row, vector, n in zip(rows, content, n_chunks, strict=True)
        }

    def _decode(self, rows, entries):
        suffixes = [_length_of_suffix(entry) for entry in entries]
        bodies = [
            entry[:-length] if length else entry
            for entry, length in zip(entries, suffixes, strict=True)
        ]
        lengths = {len(body) // self._stored.itemsize for body in bodies}
        if len(lengths) > 1:
            raise ValueError(
                f"The embeddings of {self._model!r} in the cache have different "
                f"lengths: {sorted(lengths)}. The model behind this name has changed; "
                "pass another cache_dir=."
            )
        content = np.frombuffer(b"".join(bodies), dtype=self._stored)
        n_chunks = [_n_chunks(*pair) for pair in zip(entries, suffixes, strict=True)]
        self._fill(rows, content.reshape(len(rows), -1), n_chunks)

    def _fill(self, rows, content, n_chunks):
        if self.vectors is None:
            shape = len(self.keys), content.shape[1]
            self.vectors = np.zeros(shape, dtype=np.float32)
        if self.vectors.shape[1] != content.shape[1]:
            raise ValueError(
                f"The embeddings of {self._model!r} have different lengths: "
                f"{self.vectors.shape[1]} and {content.shape[1]}. The model behind "
                "this name has changed; pass another cache_dir=."
            )
        self.vectors[rows] = content
        self.n_chunks[rows] = n_chunks
        self.is_filled[rows] = True


def read_cached(cache, texts, embedder, dtype):
    """Make the table of the texts, with what the cache has.

    The precision of "auto" is known only after the import of torch, which is slow. So
    vectors of any precision are used when the cache has them for all texts. Otherwise
    the vectors of this machine's precision are used, and the missing ones are computed.

    Returns
    -------
    VectorTable
    """
    for identity in embedder.identities:
        table = _read(cache, texts, identity, embedder.model, dtype)
        if table.is_filled.all():
            return table
    return _read(cache, texts, embedder.identity(), embedder.model, dtype)


def _read(cache, texts, identity, model, dtype):
    if dtype != "float32":
        identity = {**identity, "cache_dtype": dtype}
    table = VectorTable(keys_of(texts, identity), model, dtype)
    table.read(cache, range(len(texts)))
    return table


def keys_of(texts, identity):
    """``cache_key(settings=cache_key(**identity), text=text)`` of each text, faster."""
    settings = cache_key(**identity)
    head = hashlib.sha256(f'{{"settings": "{settings}", "text": '.encode())
    keys = []
    for text in texts:
        key = head.copy()
        key.update(f"{encode_basestring(text)}}}".encode("utf-8", "surrogatepass"))
        keys.append(key.hexdigest())
    return keys


def _suffix(n_chunks):
    if n_chunks == 0:
        return _CUT
    return b"" if n_chunks == 1 else int(n_chunks).to_bytes(4, "little") + _CHUNKS


def _length_of_suffix(entry):
    if len(entry) % 2 == 0:
        return 0
    return 1 if entry.endswith(_CUT) else 5


def _n_chunks(entry, length_of_suffix):
    if length_of_suffix == 5:
        return int.from_bytes(entry[-5:-1], "little")
    return 1 - length_of_suffix
