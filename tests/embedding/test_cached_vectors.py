"""How vectors are kept in the cache."""

import numpy as np
import pytest

from sklearn_hsae._cache import MemoryCache, cache_key
from sklearn_hsae.embedding._cached_vectors import VectorTable, keys_of

IDENTITY = {"model": "m", "prompt": None}


def test_the_fast_key_is_the_key_of_the_cache():
    texts = ['say "soup"\n', "naïve 😀 \x07\u2028", "half \ud83d", "back\\slash", ""]
    settings = cache_key(**IDENTITY)
    expected = [cache_key(settings=settings, text=text) for text in texts]
    assert keys_of(texts, IDENTITY) == expected


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_vectors_and_chunks_come_back(dtype):
    vectors = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    n_chunks = np.array([1, 0, 7, 70_000])
    keys = keys_of("abcd", IDENTITY)
    cache = MemoryCache()
    written = VectorTable(keys, "m", dtype)
    cache.put_many(written.add([2, 0, 3, 1], vectors, n_chunks))
    again = VectorTable([*keys, "unknown"], "m", dtype)
    again.read(cache, range(5))
    assert again.is_filled.tolist() == [True] * 4 + [False]
    assert again.n_chunks[[2, 0, 3, 1]].tolist() == n_chunks.tolist()
    np.testing.assert_array_equal(again.vectors[[2, 0, 3, 1]], vectors.astype(dtype))


def test_vectors_of_two_lengths_are_refused():
    cache, table = MemoryCache(), VectorTable(keys_of("ab", IDENTITY), "m")
    for row in (0, 1):
        table = VectorTable(table.keys, "m")
        cache.put_many(table.add([row], np.ones((1, 3 + row)), [1]))
    with pytest.raises(ValueError, match=r"'m' .* different lengths: \[3, 4\]"):
        VectorTable(table.keys, "m").read(cache, [0, 1])
