"""How fast and how well the autoencoder trains, beside HypotheSAEs in the same run.

    python benchmarks/sae_training.py speed --peer PYTHON [--device cuda]
    python benchmarks/sae_training.py quality --peer PYTHON --embeddings FILE.npy
    python benchmarks/sae_training.py activations --embeddings FILE.npy
    python benchmarks/sae_training.py memory
    python benchmarks/sae_training.py disk
    python benchmarks/sae_training.py search
    python benchmarks/sae_training.py first

PYTHON is that of an environment with ``pip install hypothesaes``. FILE.npy holds real
embeddings, one row a text. `speed` takes generated rows, the same batches and as many
steps for both, each after a short training that is not timed. `quality` trains both to
the end of their own defaults on the same rows and compares them on the same others:
real rows at shape (a), generated ones at (b).
`search` fits eight autoencoders one after another, in the same steps and two at a time.
`first` is the first training in a process.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import GridSearchCV, PredefinedSplit

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae._device import has_fast_bfloat16
from sklearn_hsae.sae import fit_many

SHAPES = {
    "a": {"d": 384, "n_rows": 8192, "M": 256, "K": 8, "prefixes": (32, 256)},
    "b": {"d": 768, "n_rows": 4096, "M": 4096, "K": 32, "prefixes": (256, 1024, 4096)},
}
# On a GPU only, and with more rows of the others: a step takes less than a millisecond.
SHAPES_ON_GPU = {
    "a": SHAPES["a"] | {"n_rows": 65536},
    "b": SHAPES["b"] | {"n_rows": 65536},
    "c": {"d": 1536, "n_rows": 131072, "M": 32768, "K": 64, "prefixes": (4096, 32768)},
}
N_EPOCHS = {"a": 20, "b": 3, "c": 3}
BATCH_SIZES = {"a": 512, "b": 512, "c": 8192}
SEEDS = (0, 1, 2)

PEER = """
import json, sys, time
import numpy as np, torch
from hypothesaes.quickstart import train_sae
data, options = np.load(sys.argv[1]), json.loads(sys.argv[2])
seed = options.pop("seed")
train_sae(data["training"][:600], val_embeddings=data["validation"],
          show_progress=False, **(options | {"n_epochs": 1}))
torch.manual_seed(seed)
start = time.perf_counter()
sae = train_sae(data["training"], val_embeddings=data["validation"],
                show_progress=False, **options)
seconds = time.perf_counter() - start
np.savez(sys.argv[3], activations=sae.get_activations(data["validation"]),
         decoder=sae.decoder.weight.detach().numpy().T,
         bias=sae.input_bias.detach().numpy(),
         fires=(sae.get_activations(data["training"]) > 0).any(axis=0))
print("SECONDS", seconds)
"""


def generated_rows(d, n_rows, seed=0):
    """Unit rows, each a sum of 16 of 2,000 directions, with noise."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(2000, d)).astype(np.float32)
    rows = 0.2 * rng.normal(size=(n_rows, d)).astype(np.float32)
    for row in rows:
        chosen = rng.integers(2000, size=16)
        row += rng.uniform(0.5, 1.5, size=16).astype(np.float32) @ directions[chosen]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def split(X, seed):
    """The rows that the transformer sets aside with this seed, and the others."""
    order = np.random.RandomState(seed).permutation(len(X))
    n_validation = int(np.ceil(0.1 * len(X)))
    return X[order[n_validation:]], X[order[:n_validation]]


def mean_fvu(validation, training, activations, decoder, bias, prefixes):
    """Fraction of variance unexplained, mean over the prefixes."""
    variance = ((training - training.mean(axis=0)) ** 2).sum(axis=1).mean()
    errors = [
        ((validation - bias - activations[:, :size] @ decoder[:size]) ** 2)
        .sum(axis=1)
        .mean()
        for size in prefixes
    ]
    return float(np.mean(errors) / variance)


def run_peer(python, training, validation, seed, shape, **options):
    options |= {"M": shape["M"], "K": shape["K"], "seed": seed}
    options["matryoshka_prefix_lengths"] = list(shape["prefixes"])
    with tempfile.TemporaryDirectory() as folder:
        data, result = Path(folder) / "data.npz", Path(folder) / "result.npz"
        np.savez(data, training=training, validation=validation)
        command = [python, "-c", PEER, str(data), json.dumps(options), str(result)]
        printed = subprocess.run(command, capture_output=True, text=True, check=True)
        (line,) = (x for x in printed.stdout.splitlines() if x.startswith("SECONDS"))
        with np.load(result) as found:
            return float(line.split()[1]), dict(found)


def warm_up(shape, device="cpu"):
    """What only the first training in a process does; HypotheSAEs is given the same."""
    X = generated_rows(shape["d"], 600)
    run_ours(X, 0, shape, max_epochs=1, device=device)


def run_ours(X, seed, shape, **options):
    sae = MatryoshkaSAETransformer(
        shape["M"], shape["K"], prefixes=shape["prefixes"], random_state=seed, **options
    )
    start = time.perf_counter()
    sae.fit(X)
    return time.perf_counter() - start, sae


def benchmark_speed(arguments):
    print("rows/s of training, median of 3 runs, batches of 512, of 8,192 at (c)\n")
    print("shape  ours  HypotheSAEs  ratio  ours by run  HypotheSAEs by run")
    device = arguments.device
    for name, shape in shapes_on(device).items():
        X = generated_rows(shape["d"], shape["n_rows"])
        warm_up(shape, device)
        n_epochs, ours, peer = N_EPOCHS[name], [], []
        for seed in SEEDS:
            training, validation = split(X, seed)
            n_rows = len(training) * n_epochs
            options = {"batch_size": BATCH_SIZES[name], "patience": n_epochs}
            seconds, _ = run_ours(
                X, seed, shape, max_epochs=n_epochs, device=device, **options
            )
            ours.append(n_rows / seconds)
            seconds, _ = run_peer(
                arguments.peer,
                training,
                validation,
                seed,
                shape,
                n_epochs=n_epochs,
                **options,
            )
            peer.append(n_rows / seconds)
        print_ratio(name, ours, peer)
        seconds_a_step = BATCH_SIZES[name] / statistics.median(ours)
        share = floor(shape, BATCH_SIZES[name], device) / seconds_a_step
        print(f"({name})  share of the floor {share:.0%}")


def shapes_on(device):
    return SHAPES if device == "cpu" else SHAPES_ON_GPU


def floor(shape, batch_size, device):
    """Seconds of what no step can do without: the encoder's product, and Adam."""
    d, n_neurons = shape["d"], shape["M"]
    rows = torch.randn(batch_size, d, device=device)
    weights = torch.randn(n_neurons, d, device=device)
    has_bfloat16 = n_neurons >= 1024 and has_fast_bfloat16(device)
    precision = torch.bfloat16 if has_bfloat16 else torch.float32
    rows, low_weights = rows.to(precision), weights.to(precision)
    parameters = [torch.nn.Parameter(weights.clone()) for _ in range(2)]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    adam = torch.optim.AdamW(parameters, fused=True)
    product = median_seconds(lambda: rows @ low_weights.T)
    return product + median_seconds(adam.step)


def median_seconds(function, n_runs=50):
    seconds = []
    for _ in range(n_runs):
        start = time.perf_counter()
        function()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def print_ratio(name, ours, peer):
    medians = statistics.median(ours), statistics.median(peer)
    runs = ["/".join(f"{value:,.0f}" for value in values) for values in (ours, peer)]
    print(
        f"({name})  {medians[0]:,.0f}  {medians[1]:,.0f}  "
        f"{medians[0] / medians[1]:.1f}  {runs[0]}  {runs[1]}",
        flush=True,
    )


def benchmark_quality(arguments):
    X = np.load(arguments.embeddings).astype(np.float32)
    compare_quality(arguments.peer, X, "a")
    shape = SHAPES["b"]
    compare_quality(arguments.peer, generated_rows(shape["d"], shape["n_rows"]), "b")


def compare_quality(python, X, name):
    shape = SHAPES[name]
    print(f"{len(X):,} rows, shape ({name}), both as shipped\n")
    warm_up(shape)
    print("seed  whose  FVU  neurons that never fire  seconds  to the peer's FVU")
    for seed in SEEDS:
        training, validation = split(X, seed)
        seconds, found = run_peer(python, training, validation, seed, shape)
        fires = found.pop("fires")
        goal = mean_fvu(validation, training, prefixes=shape["prefixes"], **found)
        print(f"{seed}  HypotheSAEs  {goal:.4f}  {1 - fires.mean():.3f}  {seconds:.1f}")
        seconds, sae = run_ours(X, seed, shape)
        fvu = mean_fvu(
            validation,
            training,
            sae.transform(validation),
            sae.decoder_ * sae.input_scale_,
            sae.input_mean_ + sae.decoder_bias_ * sae.input_scale_,
            shape["prefixes"],
        )
        silent = 1 - (sae.transform(training) > 0).any(axis=0).mean()
        until, reached = 0.0, None
        for epoch in sae.history_:
            until += epoch["dur"]
            if epoch["valid_fvu"] <= goal:
                reached = until
                break
        reached = "never" if reached is None else f"{reached:.2f}"
        print(
            f"{seed}  ours  {fvu:.4f}  {silent:.3f}  {seconds:.1f}  {reached}",
            flush=True,
        )


def benchmark_activations(arguments):
    X, shape = np.load(arguments.embeddings).astype(np.float32), SHAPES["a"]
    rows = np.random.default_rng(0).permutation(len(X))
    X, new = X[rows[len(X) // 5 :]], X[rows[: len(X) // 5]]
    print(f"{len(X):,} rows to learn from, {len(new):,} new ones, shape (a)\n")
    print("activation  seed  FVU of new rows  active a row  seconds")
    for activation in ("topk", "batch_topk", "l1", "reward"):
        for seed in SEEDS:
            seconds, sae = run_ours(X, seed, shape, activation=activation)
            n_active = (sae.transform(new) > 0).sum(axis=1).mean()
            print(
                f"{activation}  {seed}  {1 - sae.score(new):.4f}  {n_active:.2f}  "
                f"{seconds:.1f}",
                flush=True,
            )


def benchmark_memory(_):
    X = np.random.default_rng(0).standard_normal((200_000, 384), dtype=np.float32)
    before = peak_gigabytes()
    start = time.perf_counter()
    sae = MatryoshkaSAETransformer(
        8192, 32, max_epochs=1, sparse_output=True, random_state=0
    )
    sae.fit_transform(X)
    print("200,000 x 384 rows, M=8192, K=32: one epoch of fit, and transform to csr")
    print(f"{peak_gigabytes() - before:.2f} GB above the data,", end=" ")
    print(f"{time.perf_counter() - start:.0f} s")


def benchmark_disk(_):
    n_rows, size = 2_000_000, 100_000
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/rows.npy"
        rng = np.random.default_rng(0)
        rows = np.lib.format.open_memmap(path, "w+", np.float16, (n_rows, 384))
        for start in range(0, n_rows, size):
            block = rng.standard_normal((size, 384), dtype=np.float32)
            rows[start : start + size] = block
        rows.flush()
        del rows, block
        command = [sys.executable, "-c", FIT_FROM_DISK, path]
        print(subprocess.run(command, capture_output=True, text=True).stdout, end="")


# In a process of its own, whose peak memory (VmHWM, in KB) is that of training alone;
# ru_maxrss would begin with that of the parent.
FIT_FROM_DISK = """
import re, sys, time
from pathlib import Path
from sklearn_hsae import MatryoshkaSAETransformer

start = time.perf_counter()
MatryoshkaSAETransformer(256, 8, max_epochs=1, random_state=0).fit(sys.argv[1])
seconds = time.perf_counter() - start
status = Path("/proc/self/status").read_text()
peak = int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024**2
print("2,000,000 x 384 float16 rows on disk, M=256, K=8, one epoch:", end=" ")
print(f"{seconds:.0f} s, peak memory {peak:.2f} GB, torch itself included")
"""


def benchmark_first(_):
    command = [sys.executable, "-c", FIRST_FIT]
    for _ in range(3):
        print(subprocess.run(command, capture_output=True, text=True).stdout, end="")


FIRST_FIT = """
import time
import numpy as np
from sklearn_hsae import MatryoshkaSAETransformer

X = np.random.default_rng(0).standard_normal((3000, 384), dtype=np.float32)
sae = MatryoshkaSAETransformer(64, 4, max_epochs=1, random_state=0)
start = time.perf_counter()
import torch
imported = time.perf_counter()
sae.fit(X)
first = time.perf_counter()
sae.fit(X)
second = time.perf_counter()
print(f"import of torch {imported - start:.2f} s,", end=" ")
print(f"first epoch with what it imports {first - imported:.2f} s,", end=" ")
print(f"the same again {second - first:.2f} s")
"""


def benchmark_search(_):
    compare_many(1000, 64, 4)
    compare_many(2000, 96, 8)
    compare_many(6000, 256, 8)
    shape = SHAPES["a"]
    X = generated_rows(shape["d"], shape["n_rows"])
    sae = MatryoshkaSAETransformer(
        shape["M"], shape["K"], prefixes=shape["prefixes"], max_epochs=20
    )
    held = np.where(np.arange(len(X)) % 10 == 0, 0, -1)
    for n_jobs in (1, 2):
        search = GridSearchCV(
            sae,
            {"random_state": list(range(8))},
            cv=PredefinedSplit(held),
            refit=False,
            n_jobs=n_jobs,
        )
        start = time.perf_counter()
        search.fit(X)
        seconds = time.perf_counter() - start
        print(f"8 fits of shape (a), 20 epochs, n_jobs={n_jobs}: {seconds:.1f} s")


def compare_many(n_rows, n_neurons, k):
    X = generated_rows(384, n_rows)

    def autoencoders():
        return [
            MatryoshkaSAETransformer(
                n_neurons, k, prefixes=(0.25, 1.0), patience=None, random_state=seed
            )
            for seed in range(8)
        ]

    start = time.perf_counter()
    for sae in autoencoders():
        sae.fit(X)
    alone = time.perf_counter() - start
    start = time.perf_counter()
    fit_many(autoencoders(), X)
    together = time.perf_counter() - start
    print(
        f"8 fits of {n_rows:,} x 384 rows, M={n_neurons}, K={k}: {alone:.1f} s, "
        f"with fit_many {together:.1f} s, ratio {alone / together:.1f}",
        flush=True,
    )


def peak_gigabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    benchmarks = {
        "speed": benchmark_speed,
        "quality": benchmark_quality,
        "activations": benchmark_activations,
        "memory": benchmark_memory,
        "disk": benchmark_disk,
        "search": benchmark_search,
        "first": benchmark_first,
    }
    parser.add_argument("what", choices=benchmarks)
    parser.add_argument("--embeddings", type=Path, help="real embeddings, .npy")
    parser.add_argument("--peer", help="the Python that has hypothesaes")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    arguments = parser.parse_args()
    if arguments.what in ("quality", "activations") and arguments.embeddings is None:
        parser.error(f"{arguments.what} needs --embeddings")
    if arguments.what in ("speed", "quality") and arguments.peer is None:
        parser.error(f"{arguments.what} needs --peer")
    print(f"{platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n")
    benchmarks[arguments.what](arguments)


if __name__ == "__main__":
    main()
