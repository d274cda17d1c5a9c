"""How vectors are kept in the cache: their keys, and their bytes."""

import numpy as np

from sklearn_hsae._cache import cache_key

_CUT = b"c"  # any byte; see entry_of


def best_cached(cache, texts, embedder):
    """The keys of the texts, and their entries in the cache.

    The precision of "auto" is known only after the import of torch, which is slow. So
    vectors of any precision are used when the cache has them for all texts. Otherwise
    the vectors of this machine's precision are used, and the missing ones are computed.
    """
    for identity in embedder.identities:
        keys = _keys(texts, identity)
        entries = cache.get_many(keys)
        if len(entries) == len(keys):
            return keys, entries
    keys = _keys(texts, embedder.identity())
    return keys, cache.get_many(keys)


def _keys(texts, identity):
    settings = cache_key(**identity)
    return [cache_key(settings=settings, text=text) for text in texts]


def entry_of(vector, is_cut):
    """Encode a text's entry in the cache: its vector, plus one byte when it was cut.

    So cached texts that were cut can be counted without the tokenizer.
    """
    content = vector.astype("<f4", copy=False).tobytes()
    return content + _CUT if is_cut else content


def read_entries(entries, model):
    """Decode entries of the cache: vectors, and whether their texts were cut.

    Parameters
    ----------
    entries : list of bytes
    model : str
        Its name is in the error.

    Returns
    -------
    vectors : float32 ndarray of shape (n_entries, n_dimensions)
    is_cut : bool ndarray of shape (n_entries,)
    """
    is_cut = np.array([len(entry) % 4 == 1 for entry in entries])
    entries = [entry[: len(entry) // 4 * 4] for entry in entries]
    lengths = {len(entry) // 4 for entry in entries}
    if len(lengths) > 1:
        raise ValueError(
            f"The embeddings of {model!r} in the cache have different lengths: "
            f"{sorted(lengths)}. The model behind this name has changed; pass another "
            "cache_dir=."
        )
    # An array over bytes would be read-only; an array over a bytearray is not.
    vectors = np.frombuffer(bytearray().join(entries), dtype="<f4")
    vectors = vectors.reshape(len(entries), -1)
    return vectors.astype(np.float32, copy=False), is_cut
