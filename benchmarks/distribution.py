"""What is lost when texts are distributed: two Dask workers beside one and beside none.

    python benchmarks/distribution.py embedding FILE --target stars [--n-texts 600]
    python benchmarks/distribution.py judging FILE --target stars --n-texts 200

FILE has texts in the column --text. "embedding" is the default model; "judging" is a
default pipeline without its last step, which has learnt from 200 other texts: it embeds
the texts, then the default judge reads them. Nothing is cached. Dask gets a frame of
eight partitions and `map_partitions`, as in the user guide, and has processes on this
machine. Each way is in turn started and warmed up on eight texts (imports, the model;
these seconds are apart), then timed on all texts:

- one process of one thread, without Dask; one process of two threads;
- two processes of one thread, half of the texts each, without Dask: what two cores of
  this machine can give;
- one Dask worker of one thread, and two.

Lost is the share of the time of two workers that would not be there if they took half
the time of one. The largest difference is that of any number to the first way's.
"""

import argparse
import contextlib
import functools
import itertools
import multiprocessing
import os
import platform
import statistics
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd
import torch
from dask import dataframe
from distributed import Client, LocalCluster

from sklearn_hsae import (
    EmbeddingTransformer,
    drop_texts,
    load_texts,
    make_hypothesis_pipeline,
)

N_PARTITIONS, N_WARM_UP, N_LEARN = 8, 8, 200


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", choices=("embedding", "judging"))
    parser.add_argument("file")
    parser.add_argument("--text", default="text")
    parser.add_argument("--target", required=True)
    parser.add_argument("--n-texts", type=int, default=600)
    parser.add_argument("--n-runs", type=int, default=3)
    args = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n")
    texts, y, _ = load_texts(
        args.file,
        text=args.text,
        target=args.target,
        max_rows=N_LEARN + args.n_texts,
        random_state=0,
    )
    # Each library of a new process has one thread; a way that has two says so.
    os.environ |= {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    torch.set_num_threads(1)
    steps = make_steps(args.work, list(texts[:N_LEARN]), y[:N_LEARN])
    frame = pd.DataFrame({"text": list(texts[N_LEARN:])})
    measure(functools.partial(transform, steps), frame, args.n_runs)


def make_steps(work, texts, y):
    """The steps, fitted; a worker loads the model at the first text."""
    embed = EmbeddingTransformer(cache_dir=None, device="cpu")
    if work == "embedding":
        return embed.fit(texts)
    pipe = make_hypothesis_pipeline(embedder=embed, random_state=0)
    return pipe.fit(texts, y)[:-1]


def transform(steps, part):
    rows = drop_texts(steps.transform(part["text"]))
    return pd.DataFrame(np.asarray(rows), part.index, list(map(str, rows.columns)))


def measure(work, frame, n_runs):
    ways = {
        "one process": functools.partial(by_processes, 1, 1),
        "one process, two threads": functools.partial(by_processes, 1, 2),
        "two processes": functools.partial(by_processes, 2, 1),
        "one Dask worker": functools.partial(by_dask, 1),
        "two Dask workers": functools.partial(by_dask, 2),
    }
    measured, first = {way: [] for way in ways}, None
    for _ in range(n_runs):
        for way, run in ways.items():
            rows, start_up, seconds = run(work, frame)
            measured[way].append((start_up, seconds))
            first = rows if first is None else first
            difference = np.abs(rows.to_numpy() - first.to_numpy()).max()
            print(
                f"{way:25} start-up {start_up:5.1f} s  {len(frame)} texts "
                f"{seconds:6.2f} s  largest difference {difference:.0e}  "
                f"load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    print_ratios(measured)


def print_ratios(measured):
    start_up = {w: statistics.median(s for s, _ in m) for w, m in measured.items()}
    seconds = {w: statistics.median(s for _, s in m) for w, m in measured.items()}
    print("\nmedians, and the speed-up over one process without Dask")
    for way, median in seconds.items():
        print(f"{way:25} start-up {start_up[way]:5.1f} s  {median:6.2f} s  ", end="")
        print(f"{seconds['one process'] / median:.2f}")
    for one, two in (
        ("one Dask worker", "two Dask workers"),
        ("one process", "two processes"),
    ):
        speed_up = seconds[one] / seconds[two]
        print(f"{two} beside {one}: {speed_up:.2f}, lost {1 - speed_up / 2:.1%}")


def by_processes(n_processes, n_threads, work, frame):
    """Processes without Dask, each of which gets an equal share of the rows."""
    bounds = np.linspace(0, len(frame), n_processes + 1, dtype=int)
    parts = [frame[a:b] for a, b in itertools.pairwise(bounds)]
    start = time.perf_counter()
    with contextlib.ExitStack() as stack:
        pools = [
            stack.enter_context(
                ProcessPoolExecutor(
                    1,
                    multiprocessing.get_context("spawn"),
                    torch.set_num_threads,
                    (n_threads,),
                )
            )
            for _ in parts
        ]
        wait_for([pool.submit(work, frame[:N_WARM_UP]) for pool in pools])
        start_up, start = time.perf_counter() - start, time.perf_counter()
        running = [p.submit(work, part) for p, part in zip(pools, parts, strict=True)]
        rows = pd.concat(wait_for(running))
        return rows, start_up, time.perf_counter() - start


def by_dask(n_workers, work, frame):
    start = time.perf_counter()
    with (
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            host="127.0.0.1",
        ) as cluster,
        Client(cluster) as client,
    ):
        workers = list(client.scheduler_info()["workers"])
        warm_up = [
            client.submit(work, frame[:N_WARM_UP], workers=[worker], pure=False)
            for worker in workers
        ]
        meta = wait_for(warm_up)[0][:0]
        in_partitions(work, frame[:N_WARM_UP], meta)
        start_up, start = time.perf_counter() - start, time.perf_counter()
        rows = in_partitions(work, frame, meta)
        return rows, start_up, time.perf_counter() - start


def in_partitions(work, frame, meta):
    parts = dataframe.from_pandas(frame, npartitions=N_PARTITIONS, sort=False)
    return parts.map_partitions(work, meta=meta).compute()


def wait_for(running):
    return [future.result() for future in running]


if __name__ == "__main__":
    main()
