"""Embed each distinct text once, and share the work with other processes."""

import logging
import time
from collections import deque
from contextlib import closing

import numpy as np
import pandas as pd

from sklearn_hsae._cache import open_cache
from sklearn_hsae._progress import progress_bar
from sklearn_hsae._texts import readable
from sklearn_hsae.embedding._cached_vectors import read_cached

_SECONDS_TO_WAIT = 0.2  # before looking again for what another process embeds

logger = logging.getLogger("sklearn_hsae")


def embed_distinct(embedder, texts, *, cache_dir, cache_dtype, progress):
    """Read the vectors of the distinct texts from the cache, or compute them.

    Parameters
    ----------
    embedder : LocalEmbedder or RemoteEmbedder
    texts : sequence of str
    cache_dir, cache_dtype
        As in :class:`EmbeddingTransformer`.
    progress : str or None
        What the progress bar says; None is no bar.

    Returns
    -------
    table : VectorTable
        One row per distinct text.
    codes : ndarray of shape (n_texts,) of int
        The row of each text in the table.
    """
    texts = np.array([readable(text) for text in texts], dtype=object)
    codes, distinct = pd.factorize(texts)
    with open_cache(cache_dir, "embeddings") as cache:
        table = read_cached(cache, distinct, embedder, cache_dtype)
        n_cached = int(table.is_filled.sum())
        logger.info(
            "Embedding: %d texts, %d of them distinct; %d come from the cache.",
            len(texts),
            len(distinct),
            n_cached,
        )
        if n_cached < len(distinct):
            bar = progress_bar(
                total=len(distinct),
                initial=n_cached,
                desc=progress,
                unit="text",
                disable=progress is None,
            )
            with bar:
                _embed_missing(embedder, distinct, codes, table, cache, bar)
    return table, codes


def _embed_missing(embedder, distinct, codes, table, cache, bar):
    """Embed the texts that the table lacks; add them to it and to the cache.

    Each step claims its texts. What another process has claimed is not embedded here,
    but read from the cache as soon as it is there.
    """
    missing = np.flatnonzero(~table.is_filled)
    steps = deque(missing[step] for step in embedder.steps(distinct[missing]))
    while steps:
        rows = steps.popleft()
        with cache.claimed([table.keys[row] for row in rows]) as claimed:
            table.read(cache, rows)
            mine = [
                row
                for row in rows
                if table.keys[row] in claimed and not table.is_filled[row]
            ]
            if mine:
                _embed_step(embedder, distinct, codes, mine, table, cache)
        others = rows[~table.is_filled[rows]]
        bar.update(len(rows) - len(others))
        if len(others) > 0:
            steps.append(others)
            time.sleep(0 if mine else _SECONDS_TO_WAIT)


def _embed_step(embedder, distinct, codes, rows, table, cache):
    batches = embedder.embed(distinct[rows])
    # At an error or Ctrl-C, closing the generator ends the calls to a remote model.
    with closing(batches):
        for positions, vectors, n_chunks in batches:
            done = [rows[i] for i in positions]
            _check_finite(vectors, done, codes, embedder.model)
            cache.put_many(table.add(done, vectors, n_chunks))


def _check_finite(vectors, rows, codes, model):
    is_finite = np.isfinite(vectors).all(axis=1)
    if not is_finite.all():
        wrong = np.flatnonzero(np.isin(codes, np.array(rows)[~is_finite]))
        raise ValueError(
            f"The model {model!r} returned NaN or infinite numbers for {len(wrong)} "
            f"texts, at row position {', '.join(map(str, wrong[:10]))}. Try "
            "dtype='float32', or leave these rows out."
        )
