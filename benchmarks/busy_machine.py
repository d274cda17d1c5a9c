"""Embedding and training on a quiet machine, and while every core is wanted by others.

    python benchmarks/busy_machine.py FILE [--text text] [--n-texts 300] [--n-runs 3]

Start it on a quiet machine, without OMP_NUM_THREADS. FILE has texts, of which --n-texts
are embedded by the default model without a cache; the training is a fit of the default
sizes on 10,000 random rows of 384 numbers, with --max-epochs epochs. "Now" is what the
package does: on a busy machine one thread embeds, and a training has compiled loops in
threads that sleep while they wait. "Before" is torch alone, with one thread per core in
either: its threads wait for each other actively.

First the quiet machine is measured. Then processes are started that do nothing but use
a core, four per core (--n-busy: their number). The embedder sees them in the load, a
mean over a minute, so the benchmark waits until it is three quarters of their number.
Printed are wall and processor seconds, medians of the runs (a way that took 100 s
has no further run), and the slowdown: the wall seconds on the busy machine, divided by
those of the same way on the quiet one.
"""

import argparse
import contextlib
import os
import platform
import statistics
import subprocess
import sys
import time
from unittest import mock

import numpy as np
import torch

from sklearn_hsae import (
    EmbeddingTransformer,
    MatryoshkaSAETransformer,
    _device as device,
    load_texts,
)
from sklearn_hsae.sae._kernels import _compilation
from sklearn_hsae.sae._training import _train

MAX_SECONDS = 100  # after which a way has no further run
N_ROWS, N_DIMENSIONS, N_DIRECTIONS = 10_000, 384, 512


def main():
    n_cores = os.cpu_count()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--text", default="text")
    parser.add_argument("--n-texts", type=int, default=300)
    parser.add_argument("--max-epochs", type=int, default=5)
    parser.add_argument("--n-runs", type=int, default=3)
    parser.add_argument("--n-busy", type=int, default=4 * n_cores)
    args = parser.parse_args()
    torch.set_num_threads(n_cores)
    print(f"{platform.machine()}, {n_cores} cores, ", end="")
    print(f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n")
    jobs = {
        "embedding": embedding(args.file, args.text, args.n_texts),
        "training": training(args.max_epochs),
    }
    for job in jobs.values():  # the model is loaded, the loops are compiled
        job()
    quiet = measure(jobs, "quiet", args.n_runs)
    with busy_processes(args.n_busy):
        busy = measure(jobs, "busy", args.n_runs)
    print(f"\nslowdown at {args.n_busy} busy processes")
    for name, seconds in busy.items():
        print(f"{' '.join(name):18} {seconds / quiet[name]:.1f}")


def embedding(file, column, n_texts):
    texts, *_ = load_texts(file, text=column, max_rows=n_texts, random_state=0)
    embed = EmbeddingTransformer(cache_dir=None, device="cpu").fit(texts)
    return lambda: embed.transform(texts)


def training(max_epochs):
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(N_DIRECTIONS, N_DIMENSIONS))
    shape = N_ROWS, N_DIRECTIONS
    codes = rng.exponential(size=shape) * (rng.random(shape) < 0.02)
    rows = codes @ directions + rng.normal(size=(N_ROWS, N_DIMENSIONS))
    rows = rows.astype(np.float32)
    sae = MatryoshkaSAETransformer(
        "auto",
        "auto",
        prefixes="auto",
        max_epochs=max_epochs,
        patience=None,
        device="cpu",
        random_state=0,
    )
    return lambda: sae.fit(rows)


def measure(jobs, machine, n_runs):
    """Median wall seconds of each job, as it is now and as it was before."""
    runs = {(job, state): [] for job in jobs for state in ("now", "before")}
    for _ in range(n_runs):
        for (job, state), seconds in runs.items():
            if sum(wall for wall, _ in seconds) > MAX_SECONDS:
                continue
            with as_before() if state == "before" else contextlib.nullcontext():
                start = np.array([time.perf_counter(), time.process_time()])
                jobs[job]()
                end = np.array([time.perf_counter(), time.process_time()])
            seconds.append(end - start)
    for name, seconds in runs.items():
        wall, processor = np.median(seconds, axis=0)
        each = " ".join(f"{one:.1f}" for one, _ in seconds)
        print(
            f"{machine}  {' '.join(name):18} {wall:6.1f} s  processor {processor:6.1f} "
            f"s  load {os.getloadavg()[0]:.1f}  runs {each}",
            flush=True,
        )
    return {
        name: statistics.median(wall for wall, _ in seconds)
        for name, seconds in runs.items()
    }


@contextlib.contextmanager
def as_before():
    """One thread of torch per core, and torch's own operations in the training."""
    with (
        mock.patch.object(device, "_is_busy", return_value=False),
        mock.patch.object(_compilation, "numba", None),
        mock.patch.object(
            _train, "suitable_threads", side_effect=lambda _: torch.get_num_threads()
        ),
    ):
        yield


@contextlib.contextmanager
def busy_processes(n_busy):
    """Within this context `n_busy` processes use a core each, and the load shows it."""
    command = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(command) for _ in range(n_busy)]
    try:
        while os.getloadavg()[0] < 0.75 * n_busy:
            time.sleep(1)
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
