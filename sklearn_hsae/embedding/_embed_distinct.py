"""Embed each distinct text once, and share the work with other processes."""

import logging
from collections import deque
from contextlib import closing

import numpy as np
import pandas as pd

from sklearn_hsae._cache import open_cache
from sklearn_hsae._claims import pauses
from sklearn_hsae._progress import progress_bar
from sklearn_hsae._texts import readable
from sklearn_hsae.embedding._cached_vectors import read_cached
from sklearn_hsae.embedding._chunks import pool_chunks

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
        _embed_missing(embedder, distinct, codes, table, cache, progress)
    return table, codes


def _embed_missing(embedder, distinct, codes, table, cache, progress, unit="text"):
    """Embed the texts that the table lacks; add them to it and to the cache.

    Each step claims its texts. What another process has claimed is not embedded here,
    but read from the cache as soon as it is there.
    """
    missing = np.flatnonzero(~table.is_filled)
    if len(missing) == 0:
        return
    bar = progress_bar(
        total=len(distinct),
        initial=len(distinct) - len(missing),
        desc=progress,
        unit=unit,
        disable=progress is None,
    )
    steps = deque(missing[step] for step in embedder.steps(distinct[missing]))
    waiting, n_waiting = pauses(), 0
    with bar:
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
                    _embed_step(embedder, distinct, codes, mine, table, cache, progress)
            others = rows[~table.is_filled[rows]]
            bar.update(len(rows) - len(others))
            if len(others) > 0:
                steps.append(others)
            if len(others) < len(rows):
                waiting, n_waiting = pauses(), 0
                continue
            n_waiting += 1
            if n_waiting == len(steps):  # other processes have all that is left
                next(waiting)
                n_waiting = 0


def _embed_step(embedder, distinct, codes, rows, table, cache, progress):
    texts = distinct[rows]
    if embedder.fills_step(texts[0]):  # then it is the only one
        batches = _embed_in_steps(embedder, texts[0], table, cache, progress)
    else:
        batches = embedder.embed(texts)
    # At an error or Ctrl-C, closing the generator ends the calls to a remote model.
    with closing(batches):
        for positions, vectors, n_chunks in batches:
            done = [rows[i] for i in positions]
            _check_finite(vectors, done, codes, embedder.model)
            cache.put_many(table.add(done, vectors, n_chunks))


def _embed_in_steps(embedder, text, table, cache, progress):
    """Embed a text of very many chunks; yields as `embedder.embed` does.

    Its chunks are embedded and cached like texts, so that the progress is shown and an
    interruption loses one step.
    """
    chunks, n_tokens = embedder.split(text)
    codes, distinct = pd.factorize(np.array(chunks, dtype=object))
    for_chunks = embedder.for_chunks()
    of_chunks = read_cached(cache, distinct, for_chunks, table.dtype)
    _embed_missing(
        for_chunks,
        distinct,
        np.zeros(len(distinct), dtype=int),
        of_chunks,
        cache,
        progress and f"{progress}: chunks of a long text",
        unit="chunk",
    )
    vectors = of_chunks.vectors[codes]
    pooled = pool_chunks(vectors, n_tokens, embedder.chunking.pooling)
    yield [0], pooled[np.newaxis].astype(np.float32), np.array([len(chunks)])


def _check_finite(vectors, rows, codes, model):
    is_finite = np.isfinite(vectors).all(axis=1)
    if not is_finite.all():
        wrong = np.flatnonzero(np.isin(codes, np.array(rows)[~is_finite]))
        raise ValueError(
            f"The model {model!r} returned NaN or infinite numbers for {len(wrong)} "
            f"texts, at row position {', '.join(map(str, wrong[:10]))}. Try "
            "dtype='float32', or leave these rows out."
        )
