"""The main job from texts to an R2 on held-out texts, ours and HypotheSAEs': seconds.

    python benchmarks/end_to_end.py --data DIR --peer PYTHON --only airline
    python benchmarks/end_to_end.py --data DIR --peer PYTHON --only imdb
    python benchmarks/end_to_end.py --data DIR --peer PYTHON --rows 200 --n-runs 1

DIR is the folder of `main_job.py`. PYTHON is that of an environment with
``pip install hypothesaes==2.0.1``. No language model is used. Both sides do the same:
embed the training and the held-out texts with all-MiniLM-L6-v2, train a Matryoshka
autoencoder (M=256, K=8, prefixes 32 and 256) of which a tenth of the rows tells when to
stop, select 20 neurons, fit least squares to their activations, and score it on the
held-out texts. Each with its own defaults else:

- ours: `EmbeddingTransformer`, the autoencoder with the target (weight 0.2), and
  `NeuronSelector`, forward selection, which returns the activations;
- HypotheSAEs: `get_local_embeddings` with a cache, `train_sae`, `get_activations`, and
  `select_neurons` by the separation score, the default of its `generate_hypotheses`.

Each run is a new process with two threads (--threads). "Cold" starts from an empty
cache, once; "warm" has the embeddings in the cache, median of --n-runs. Seconds of the
job begin after the imports; those of the process contain the start and the imports.
"search": our pipeline in a GridSearchCV of two candidates (K=8 and K=16) on a split of
the training texts, from an empty cache: the seconds of the first one and of the second.
"""

import argparse
import importlib.metadata
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from main_job import regression_data
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, ShuffleSplit
from sklearn.pipeline import Pipeline

from sklearn_hsae import EmbeddingTransformer, MatryoshkaSAETransformer, NeuronSelector
from sklearn_hsae.embedding._hub import MINILM, find_weights

N_SELECT, N_NEURONS, K, PREFIXES = 20, 256, 8, (32, 256)
TARGET_WEIGHT = 0.2  # of make_hypothesis_pipeline, for a regression
PEER = """
import json, sys, time
import numpy as np, torch
from hypothesaes.embedding import get_local_embeddings
from hypothesaes.quickstart import train_sae
from hypothesaes.select_neurons import select_neurons
from sklearn.linear_model import LinearRegression

with open("texts.json") as file:
    texts, y, new_texts, new_y = json.load(file)
model, n_select, M, K, *prefixes = json.loads(sys.argv[1])
y = np.array(y)
torch.manual_seed(0)
seconds, start = {}, time.perf_counter()

def step(name):
    global start
    seconds[name] = time.perf_counter() - start
    start = time.perf_counter()

def embed(texts):
    found = get_local_embeddings(
        texts, model=model, cache_name="texts", show_progress=False
    )
    return np.stack([found[text] for text in texts])

X, new_X = embed(texts), embed(new_texts)
step("embed")
order = np.random.default_rng(0).permutation(len(X))
held, kept = order[: len(X) // 10], order[len(X) // 10 :]
sae = train_sae(
    X[kept], M, K, matryoshka_prefix_lengths=prefixes, val_embeddings=X[held],
    show_progress=False,
)
step("train")
A = sae.get_activations(X, show_progress=False)
chosen, _ = select_neurons(
    A, y, n_select, method="separation_score", classification=False
)
step("select")
B = sae.get_activations(new_X, show_progress=False)
r2 = LinearRegression().fit(A[:, chosen], y).score(B[:, chosen], new_y)
step("evaluate")
with open("result.json", "w") as file:
    json.dump({"r2": r2, **seconds}, file)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data")
    parser.add_argument("--peer", required=True, help="the Python with hypothesaes")
    parser.add_argument("--only", choices=("airline", "imdb"))
    parser.add_argument("--rows", type=int, help="at most this number of texts")
    parser.add_argument("--n-runs", type=int, default=3, help="of `warm`")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    os.environ |= {
        f"{name}_NUM_THREADS": str(args.threads) for name in ("OMP", "OPENBLAS", "MKL")
    }
    print_environment(args.peer)
    for name in [args.only] if args.only else ("airline", "imdb"):
        data = [part[: args.rows] for part in regression_data(args.data, name)]
        print(f"\n{name}: {len(data[0]):,} texts, {len(data[2]):,} held out")
        compare(data, args.peer, args.n_runs)


def print_environment(peer):
    ask = "from importlib.metadata import version as v; "
    ask += "print('hypothesaes', v('hypothesaes'), 'torch', v('torch'))"
    answer = subprocess.run([peer, "-c", ask], check=True, capture_output=True)
    versions = " ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("torch", "sentence-transformers", "scikit-learn")
    )
    print(f"{platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    print(f"ours: {versions}; the other: {answer.stdout.decode().strip()}")


def compare(data, peer, n_runs):
    runs = {}
    for side, once in (("ours", run_ours), ("HypotheSAEs", run_peer)):
        with tempfile.TemporaryDirectory() as folder:
            for state in ("cold", *["warm"] * n_runs):
                result = timed(once, data, Path(folder), peer)
                runs.setdefault((side, state), []).append(result)
                print_result(f"{side}, {state}", result)
    with tempfile.TemporaryDirectory() as folder:
        search = timed(run_search, data, Path(folder), peer)
    print_result("ours, search", search)
    print_ratios(runs, search)


def print_result(label, result):
    figures = "  ".join(f"{name} {value:.3g}" for name, value in result.items())
    print(f"{label:18} {figures}  load {os.getloadavg()[0]:.1f}", flush=True)


def print_ratios(runs, search):
    for state in ("cold", "warm"):
        for what in ("job", "process"):
            ours, other = (
                statistics.median(run[what] for run in runs[side, state])
                for side in ("ours", "HypotheSAEs")
            )
            print(f"{state}, seconds of the {what}: {ours:.1f} and ", end="")
            print(f"{other:.1f}, {other / ours:.1f} times")
    other = runs["HypotheSAEs", "cold"][0]["job"]
    first, second = search["first"], search["second"]
    print(
        f"second fit of a search: {second:.1f} s; the first took {first:.1f} s, ",
        end="",
    )
    print(f"{first / second:.1f} times; HypotheSAEs cold {other / second:.1f} times")


def timed(once, data, folder, peer):
    start = time.perf_counter()
    once(data, folder, peer)
    seconds = time.perf_counter() - start
    result = json.loads((folder / "result.json").read_text())
    steps = ("embed", "train", "select", "evaluate")
    job = sum(result.get(step, 0.0) for step in steps)
    return {**result, "job": job, "process": seconds}


def run_peer(data, folder, peer):
    texts, y, new_texts, new_y = data
    parts = [texts, y.tolist(), new_texts, new_y.tolist()]
    (folder / "texts.json").write_text(json.dumps(parts))
    options = [find_weights(MINILM).name, N_SELECT, N_NEURONS, K, *PREFIXES]
    environment = {
        **os.environ,
        "EMB_CACHE_DIR": str(folder / "cache"),
        "OPENAI_KEY_SAE": "none",
        "PYTHONPATH": "",
    }
    subprocess.run(
        [peer, "-c", PEER, json.dumps(options)],
        check=True,
        capture_output=True,
        cwd=folder,
        env=environment,
    )


def run_ours(data, folder, _):
    apart(job, data, folder)


def run_search(data, folder, _):
    apart(search_job, data, folder)


def apart(function, *args):
    process = multiprocessing.get_context("spawn").Process(target=function, args=args)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(process.exitcode)


def pipeline(folder):
    return Pipeline(
        [
            ("embed", EmbeddingTransformer(cache_dir=folder / "cache", device="cpu")),
            (
                "sae",
                MatryoshkaSAETransformer(
                    N_NEURONS,
                    K,
                    prefixes=PREFIXES,
                    target_weight=TARGET_WEIGHT,
                    task="regression",
                    device="cpu",
                    random_state=0,
                ),
            ),
            ("select", NeuronSelector(N_SELECT, binarize=False, task="regression")),
            ("regress", LinearRegression()),
        ]
    )


def job(data, folder):
    """The steps of the pipeline, one by one, since each is timed."""
    texts, y, new_texts, new_y = data
    embed, sae, select, regress = pipeline(folder).named_steps.values()
    times = [time.perf_counter()]
    X, new_X = embed.fit_transform(texts), embed.transform(new_texts)
    times.append(time.perf_counter())
    sae.fit(X, y)
    times.append(time.perf_counter())
    A = select.fit_transform(sae.transform(X), y)
    times.append(time.perf_counter())
    B = select.transform(sae.transform(new_X))
    r2 = regress.fit(A, y).score(B, new_y)
    times.append(time.perf_counter())
    steps = ("embed", "train", "select", "evaluate")
    write(folder, r2=r2, **dict(zip(steps, np.diff(times), strict=True)))


def search_job(data, folder):
    texts, y, *_ = data
    search = GridSearchCV(
        pipeline(folder),
        {"sae__k": [K, 2 * K]},
        cv=ShuffleSplit(1, test_size=0.2, random_state=0),
        refit=False,
        error_score="raise",
    ).fit(texts, y)
    results = search.cv_results_
    first, second = results["mean_fit_time"]
    write(folder, first=first, second=second, r2=results["mean_test_score"].max())


def write(folder, **result):
    (folder / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
