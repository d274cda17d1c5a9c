"""The main job on files that are larger than the memory: seconds and peak memory.

    python benchmarks/scale.py million --folder DIR --n-texts 1000000
    python benchmarks/scale.py rows --folder DIR [--max-epochs 10]
    python benchmarks/scale.py cache --folder DIR --n-texts 1000000

"million": generated reviews in a parquet file, embedded by LSA (a cheap embedder, since
the default one takes hours): a sample of 200,000 to find and test hypotheses, then all
texts judged piece by piece, and the regression on the annotations of all texts.
"rows": an autoencoder (M=4096, K=32) learns from 100,000, 300,000 and 1,000,000 random
rows of 384 numbers in a file, encodes them into shards, and 20 of its neurons are
selected; with --max-epochs every size is trained for this number of epochs, without an
early stop. "cache": vectors are written to the cache and read back. Each size runs in a
process of its own. Printed are wall seconds, the processor seconds of this process with
all its threads, and its peak memory.
"""

import argparse
import multiprocessing
import resource
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone

from sklearn_hsae import (
    LSAEmbedder,
    MatryoshkaSAETransformer,
    NeuronSelector,
    evaluate_hypotheses,
    load_texts,
    make_hypothesis_pipeline,
    make_reviews,
)
from sklearn_hsae._cache import DiskCache
from sklearn_hsae.embedding._cached_vectors import VectorTable, keys_of
from sklearn_hsae.out_of_core import read_pieces, transform_to

_PER_PIECE = 10_000
_N_DIMENSIONS = 384


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", choices=("million", "rows", "cache"))
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--n-texts", type=int, default=1_000_000)
    parser.add_argument("--sizes", default="100000,300000,1000000")
    parser.add_argument("--max-epochs", type=int, help="of `rows`")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    if args.job == "million":
        path = args.folder / f"reviews{args.n_texts}.parquet"
        if not path.exists():
            apart(write_reviews, path, args.n_texts)
        apart(run_million, path, args.folder)
    elif args.job == "rows":
        for n_rows in map(int, args.sizes.split(",")):
            apart(run_rows, n_rows, args.folder, args.max_epochs)
    else:
        apart(run_cache, args.n_texts, args.folder)


def apart(function, *args):
    """Run a function in a new process; print its peak memory."""
    process = multiprocessing.get_context("spawn").Process(
        target=_with_peak, args=(function, *args)
    )
    process.start()
    process.join()


def _with_peak(function, *args):
    start = time.time()
    function(*args)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{function.__name__}: {time.time() - start:.0f} s, {peak:.2f} GB", flush=True
    )


def now():
    return time.time(), time.process_time()


def step(name, start):
    wall, processor = np.subtract(now(), start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"  {name:32} {wall:7.1f} s  processor {processor:7.1f} s  peak {peak:.2f} GB",
        flush=True,
    )
    return now()


def write_reviews(path, n_texts):
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    for seed in range(n_texts // _PER_PIECE):
        reviews = make_reviews(_PER_PIECE, random_state=seed)
        table = pa.table({"text": list(reviews.texts), "stars": reviews.target})
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def run_million(path, folder):
    start = now()
    texts, stars, rows = load_texts(
        path, text="text", target="stars", max_rows=200_000, random_state=0
    )
    start = step("sample of 200,000", start)
    n_learn = len(texts) // 2
    pipe = make_hypothesis_pipeline(
        embedder=LSAEmbedder(random_state=0), random_state=0
    )
    pipe.fit(texts[:n_learn], stars[:n_learn])
    start = step("fit on 100,000", start)
    evaluation = evaluate_hypotheses(pipe, texts[n_learn:], stars[n_learn:])
    start = step("test on 100,000", start)
    print(f"  R2 {evaluation.metrics['r2']:.3f}", flush=True)
    shutil.rmtree(folder / "annotations", ignore_errors=True)
    pieces = read_pieces(path, ["text"], n_rows=_PER_PIECE)
    annotations = transform_to(pipe[:-1], pieces, folder / "annotations")
    start = step("all texts judged", start)
    is_new = np.ones(annotations.shape[0], dtype=bool)
    is_new[rows.index] = False
    frame = pd.DataFrame(annotations.to_array(), columns=annotations.columns)
    all_stars = pd.read_parquet(path, columns=["stars"])["stars"].to_numpy()
    summary = clone(pipe[-1]).fit(frame[is_new], all_stars[is_new]).summary_
    step("regression on the other 800,000", start)
    print(f"  {summary['significant'].sum()} of {len(summary)} significant", flush=True)


def run_rows(n_rows, folder, max_epochs):
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(512, _N_DIMENSIONS)).astype(np.float32)
    rows = np.lib.format.open_memmap(
        folder / "rows.npy", "w+", np.float32, (n_rows, _N_DIMENSIONS)
    )
    y = np.empty(n_rows, dtype=np.float32)
    for i in range(0, n_rows, _PER_PIECE):
        n = min(_PER_PIECE, n_rows - i)
        codes = rng.exponential(size=(n, 512)) * (rng.random((n, 512)) < 0.02)
        noise = rng.normal(size=(n, _N_DIMENSIONS))
        rows[i : i + n] = codes @ directions + noise
        y[i : i + n] = codes[:, :5].sum(axis=1) + rng.normal(size=n)
    rows.flush()
    del rows
    print(f"{n_rows:,} rows", flush=True)
    sae = MatryoshkaSAETransformer(
        4096, k=32, prefixes=(256, 1024, 4096), random_state=0
    )
    if max_epochs is not None:
        sae.set_params(max_epochs=max_epochs, patience=None)
    start = now()
    sae.fit(folder / "rows.npy")
    start = step(f"training, {len(sae.history_)} epochs", start)
    shutil.rmtree(folder / "activations", ignore_errors=True)
    activations = transform_to(
        sae, _blocks(folder / "rows.npy"), folder / "activations"
    )
    start = step("encoding into shards", start)
    NeuronSelector(20).fit(activations.to_csr(), y)
    step("selection of 20 neurons", start)


def _blocks(path):
    n_rows = len(np.load(path, mmap_mode="r"))
    for i in range(0, n_rows, _PER_PIECE):
        yield np.array(np.load(path, mmap_mode="r")[i : i + _PER_PIECE])


def run_cache(n_texts, folder):
    shutil.rmtree(folder / "cache", ignore_errors=True)
    texts = [f"Text {i} of some hundred characters. " * 3 for i in range(n_texts)]
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(_PER_PIECE, _N_DIMENSIONS)).astype(np.float32)
    for dtype in ("float32", "float16"):
        cache = DiskCache(folder / "cache", "embeddings")
        keys = keys_of(texts, {"model": "none", "dtype": dtype})
        for i in range(0, n_texts, _PER_PIECE):
            piece = VectorTable(keys[i : i + _PER_PIECE], "none", dtype)
            n = len(piece.keys)
            cache.put_many(piece.add(range(n), vectors[:n], np.ones(n, dtype=int)))
        cache.close()
        for _ in range(3):
            start, processor = time.time(), time.process_time()
            again = keys_of(texts, {"model": "none", "dtype": dtype})
            table = VectorTable(again, "none", dtype)
            table.read(DiskCache(folder / "cache", "embeddings"), range(n_texts))
            assert table.is_filled.all()
            print(
                f"{dtype}: {n_texts / (time.time() - start):,.0f} rows/s, "
                f"{n_texts / (time.process_time() - processor):,.0f} per second of "
                "processor time",
                flush=True,
            )


if __name__ == "__main__":
    main()
