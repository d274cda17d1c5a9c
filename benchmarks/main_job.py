"""How well and how fast the main job is done, on generated and on real texts.

    python benchmarks/main_job.py reviews
    python benchmarks/main_job.py hypotheses --data DIR [--embedder lsa]
    python benchmarks/main_job.py topics --data DIR
    python benchmarks/main_job.py judges --data DIR
    python benchmarks/main_job.py neurons --data DIR [--peer PYTHON]
    python benchmarks/main_job.py distinct --data DIR [--rows 1500] [--judge keyphrase]
    python benchmarks/main_job.py times --data DIR

DIR holds gzipped JSON-lines files, one text and its outcome a row; their names and
columns are at the top of this file. No language model is used anywhere. `neurons` also
runs HypotheSAEs 2.0.1 when --peer names the Python of an environment that has it
(``pip install hypothesaes``). Embeddings are cached in the user's cache folder, except
by `times`, which starts from an empty one.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import train_test_split

from sklearn_hsae import (
    EmbeddingTransformer,
    MatryoshkaSAETransformer,
    NeuronSelector,
    evaluate_hypotheses,
    make_hypothesis_pipeline,
    make_reviews,
)

REGRESSION = {"yelp": "stars", "airline": "sentiment", "imdb": "rating"}
N_TRAINING_ROWS = {"imdb": 6000}
TOPICS = ("newsgroups", "bills")  # columns text, target (0 or 1) and topic
SEEDS = (0, 1, 2)
SHAPES = ((64, 4, (16, 64)), (256, 8, (32, 256)), (512, 16, (64, 512)))
METHODS = ("correlation", "separation", "lasso", "forward")
# How the 20 hypotheses are found: of 20 neurons, or of the concepts of 40 (default).
SELECTIONS = {
    "correlation": {"select__method": "correlation", "select__max_correlation": 1.0},
    "forward": {},
    "default": None,
}
FOUND = 0.7  # F1 from which a hypothesis counts as a planted concept


def read(folder, name):
    return pd.read_json(folder / f"{name}.jsonl.gz", lines=True)


def regression_data(folder, name):
    train, holdout = read(folder, f"{name}_train"), read(folder, f"{name}_holdout")
    train = train[: N_TRAINING_ROWS.get(name)]
    return [
        part
        for frame in (train, holdout)
        for part in (frame["text"].tolist(), frame[REGRESSION[name]].to_numpy(float))
    ]


def match(answers, truth):
    """F1 of each column of `truth` under the best one-to-one matching."""
    scores = np.array([[f1_score(t, a > 0.5) for a in answers.T] for t in truth.T])
    rows, columns = linear_sum_assignment(scores, maximize=True)
    return scores[rows, columns]


def benchmark_reviews(_):
    print("5,000 reviews to learn from, 2,000 to test on; 8 of 12 concepts act\n")
    print("seed  found  F1 of the 8  false significant  held-out R2")
    for seed in SEEDS:
        data = make_reviews(7000, random_state=seed)
        texts, new_texts, y, new_y, _, truth = train_test_split(
            np.array(data.texts, dtype=object),
            data.target,
            data.truth,
            test_size=2000,
            random_state=seed,
        )
        pipe = make_hypothesis_pipeline(random_state=seed).fit(texts, y)
        result = evaluate_hypotheses(pipe, new_texts, new_y)
        acting = data.effects != 0
        f1 = match(result.annotations.to_numpy(), truth[:, acting])
        print(
            f"{seed}  {(f1 >= FOUND).sum()} of {acting.sum()}  "
            f"{' '.join(f'{value:.2f}' for value in f1)}  "
            f"{count_false(result, truth[:, acting])}  {result.metrics['r2']:.3f}",
            flush=True,
        )


def count_false(result, acting):
    """Significant hypotheses that go with none of the acting concepts."""
    significant = result.table.loc[result.table["significant"], "hypothesis"]
    return sum(
        max(abs(np.corrcoef(result.annotations[name], t)[0, 1]) for t in acting.T) < 0.1
        for name in significant
    )


def benchmark_hypotheses(arguments):
    print("data  seed  R2 of 20 hypotheses  significant  ceilings  seconds")
    for name in REGRESSION:
        texts, y, new_texts, new_y = regression_data(arguments.data, name)
        for seed in SEEDS:
            start = time.perf_counter()
            pipe = make_hypothesis_pipeline(
                embedder=arguments.embedder, random_state=seed
            ).fit(texts, y)
            result = evaluate_hypotheses(
                pipe, new_texts, new_y, X_train=texts, y_train=y
            )
            seconds = time.perf_counter() - start
            ceilings = ", ".join(
                f"{stage} {value:.3f}" for stage, value in result.ceilings["r2"].items()
            )
            print(
                f"{name}  {seed}  {result.metrics['r2']:.3f}  "
                f"{result.metrics['n_significant']}  {ceilings}  {seconds:.0f}",
                flush=True,
            )


def benchmark_topics(arguments):
    print("data  seed  AUC of 10 hypotheses  F1 of the five topics")
    for name in TOPICS:
        frame = read(arguments.data, name)
        for seed in SEEDS:
            train, new = train_test_split(
                frame, test_size=0.25, random_state=seed, stratify=frame["target"]
            )
            pipe = make_hypothesis_pipeline(
                task="classification",
                n_select=10,
                random_state=seed,
            ).fit(train["text"], train["target"])
            result = evaluate_hypotheses(pipe, new["text"], new["target"])
            topics = sorted(set(new.loc[new["target"] == 1, "topic"]))
            truth = np.column_stack([new["topic"] == topic for topic in topics])
            f1 = match(result.annotations.to_numpy(), truth)
            scores = ", ".join(
                f"{topic} {value:.2f}" for topic, value in zip(topics, f1, strict=True)
            )
            print(f"{name}  {seed}  {result.metrics['auc']:.3f}  {scores}", flush=True)


def benchmark_judges(arguments):
    """Both judges that need no language model, on the same selected neurons."""
    frame = read(arguments.data, "airline_train")[:1500]
    texts = frame["text"].to_numpy(object)
    y = frame["sentiment"].to_numpy() < 0
    print("seed  judge      hypotheses  AUC    neurons on or off  mean F1")
    for seed in SEEDS:
        parts = train_test_split(texts, y, test_size=0.5, random_state=seed, stratify=y)
        pipe = make_hypothesis_pipeline(task="classification", random_state=seed)
        A = pipe[:3].fit_transform(parts[0], parts[2])
        new_A = pipe[:3].transform(parts[1])
        exact = clone(pipe["select"]).set_params(oversample=1).fit(A, parts[2])
        fires, new_fires = (exact.transform(part) > 0 for part in (A, new_A))
        on_or_off = LogisticRegression().fit(fires, parts[2])
        ceiling = roc_auc_score(parts[3], on_or_off.decision_function(new_fires))
        for judge in ("embedding", "keyphrase"):
            rest = make_hypothesis_pipeline(
                task="classification", judge=judge, random_state=seed
            )[3:].fit(A, parts[2])
            auc = roc_auc_score(parts[3], rest.predict_proba(new_A)[:, 1])
            chosen = rest["regress"].feature_names_in_
            fidelity = rest["interpret"].fidelity_.set_index("concept")
            f1 = fidelity.loc[chosen, "f1"].mean()
            print(f"{seed:<6}{judge:<11}{len(chosen):<12}", end="")
            print(f"{auc:.3f}  {ceiling:<19.3f}{f1:.2f}", flush=True)


def benchmark_neurons(arguments):
    print("held-out R2 of a least-squares fit of 20 neurons, mean over seeds\n")
    print("data  M K prefixes  weight  " + "  ".join(METHODS) + "  FVU  seconds")
    for name in REGRESSION:
        texts, y, new_texts, new_y = regression_data(arguments.data, name)
        embed = EmbeddingTransformer()
        X, new_X = (embed.fit_transform(t).to_numpy() for t in (texts, new_texts))
        for shape in SHAPES:
            for weight in (0.0, 0.3):
                rows = [
                    fit_neurons(X, y, new_X, new_y, shape, weight, s) for s in SEEDS
                ]
                print_neurons(name, shape, f"ours {weight}", rows)
            if arguments.peer is not None:
                rows = peer_neurons(arguments.peer, X, y, new_X, new_y, shape)
                print_neurons(name, shape, "HypotheSAEs", rows)


def fit_neurons(X, y, new_X, new_y, shape, weight, seed):
    n_neurons, k, prefixes = shape
    start = time.perf_counter()
    sae = MatryoshkaSAETransformer(
        n_neurons, k, prefixes=prefixes, target_weight=weight, random_state=seed
    ).fit(X, y)
    seconds = time.perf_counter() - start
    A, B = sae.transform(X), sae.transform(new_X)
    scores = {}
    for method in METHODS:
        selector = NeuronSelector(20, method=method, binarize=False).fit(A, y)
        model = LinearRegression().fit(selector.transform(A), y)
        scores[method] = model.score(selector.transform(B), new_y)
    best = min(sae.history_, key=lambda epoch: epoch["valid_loss"])
    return {**scores, "fvu": best["valid_fvu"], "seconds": seconds}


def print_neurons(name, shape, whose, rows):
    means = [
        statistics.mean(row[m] for row in rows) if m in rows[0] else float("nan")
        for m in (*METHODS, "fvu")
    ]
    seconds = statistics.median(row["seconds"] for row in rows)
    figures = "  ".join(f"{value:.3f}" for value in means)
    print(f"{name}  {shape}  {whose}  {figures}  {seconds:.1f}", flush=True)


PEER = """
import json, sys, time
import numpy as np, torch
from hypothesaes.quickstart import train_sae
from hypothesaes.select_neurons import select_neurons
from sklearn.linear_model import LinearRegression
data = np.load(sys.argv[1])
X, y, new_X, new_y = (data[key] for key in ("X", "y", "new_X", "new_y"))
M, K, prefixes, seeds = json.loads(sys.argv[2])
rows = []
for seed in seeds:
    torch.manual_seed(seed)
    order = np.random.default_rng(seed).permutation(len(X))
    held, kept = order[: len(X) // 10], order[len(X) // 10 :]
    start = time.perf_counter()
    sae = train_sae(X[kept], M, K, matryoshka_prefix_lengths=prefixes,
                    val_embeddings=X[held], show_progress=False)
    seconds = time.perf_counter() - start
    with torch.no_grad():
        A, B = sae.get_activations(X), sae.get_activations(new_X)
        t = torch.tensor(X[held])
        _, info = sae(t)
        variance = ((t - t.mean(0)) ** 2).mean()
        bias = sae.input_bias
        a = torch.tensor(sae.get_activations(X[held]))
        fvu = np.mean([float((((a[:, :p] @ sae.decoder.weight.T[:p] + bias) - t) ** 2)
                             .mean() / variance) for p in prefixes])
    row = {"seconds": seconds, "fvu": fvu}
    for ours, theirs in (("correlation", "correlation"), ("lasso", "lasso"),
                         ("separation", "separation_score")):
        chosen = select_neurons(A, y, 20, method=theirs)[0]
        model = LinearRegression().fit(A[:, chosen], y)
        row[ours] = model.score(B[:, chosen], new_y)
    rows.append(row)
print("ROWS" + json.dumps(rows))
"""


def peer_neurons(python, X, y, new_X, new_y, shape):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.npz"
        np.savez(path, X=X, y=y, new_X=new_X, new_y=new_y)
        result = subprocess.run(
            [python, "-c", PEER, str(path), json.dumps([*shape, SEEDS])],
            capture_output=True,
            text=True,
            check=True,
            cwd=folder,
        )
    (line,) = (x for x in result.stdout.splitlines() if x.startswith("ROWS"))
    return json.loads(line.removeprefix("ROWS"))


def benchmark_distinct(arguments):
    """The same autoencoder, and three ways to choose."""
    print("data  seed  selection  R2 of 20 hypotheses  significant: jointly, alone")
    for name in REGRESSION:
        texts, all_y, new_texts, new_y = regression_data(arguments.data, name)
        embed = EmbeddingTransformer()
        all_X, new_X = embed.fit_transform(texts), embed.transform(new_texts)
        for seed in SEEDS:
            order = np.random.default_rng(seed).permutation(len(texts))
            rows = np.sort(order[: arguments.rows])
            X, y = all_X.iloc[rows], all_y[rows]
            sae = make_hypothesis_pipeline(random_state=seed)["sae"]
            sae.set_params(task="regression").set_output(transform="pandas")
            A, B = sae.fit_transform(X, y), sae.transform(new_X)
            for label, options in SELECTIONS.items():
                model = make_hypothesis_pipeline(
                    n_select=20, judge=arguments.judge, random_state=seed
                )[2:]
                if options is not None:
                    model.set_params(
                        select__oversample=1, choose="passthrough", **options
                    )
                model.fit(A, y)
                table, metrics = model[-1].evaluate(model[:-1].transform(B), new_y)
                n_alone = (table["separation_p"] < 0.05 / len(table)).sum()
                print(
                    f"{name}  {seed}  {label:20}  {metrics['r2']:.3f}  "
                    f"{metrics['n_significant']}  {n_alone}",
                    flush=True,
                )


def benchmark_times(arguments):
    imports = {
        module: statistics.median(timed([sys.executable, "-c", f"import {module}"], 5))
        for module in ("sklearn", "sklearn_hsae")
    }
    print(f"import sklearn {imports['sklearn']:.2f} s, sklearn_hsae ", end="")
    print(f"{imports['sklearn_hsae']:.2f} s")
    command = [str(Path(sys.executable).with_name("sklearn-hsae"))]
    with tempfile.TemporaryDirectory() as folder:
        data = arguments.data
        run = [*command, "run", str(data / "airline_train.jsonl.gz"), "--text", "text"]
        run += ["--target", "sentiment", "--out", f"{folder}/results"]
        run += ["--holdout", str(data / "airline_holdout.jsonl.gz")]
        environment = {**os.environ, "XDG_CACHE_HOME": f"{folder}/cache"}
        for label in ("cold", "warm"):
            print(f"run on airline, {label}: {timed(run, 1, environment)[0]:.0f} s")
        demo = [*command, "demo", "--out", f"{folder}/demo"]
        print(f"demo, cold: {timed(demo, 1, environment)[0]:.0f} s")


def timed(command, n_times, environment=None):
    seconds = []
    for _ in range(n_times):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        seconds.append(time.perf_counter() - start)
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    benchmarks = {
        "reviews": benchmark_reviews,
        "hypotheses": benchmark_hypotheses,
        "topics": benchmark_topics,
        "judges": benchmark_judges,
        "neurons": benchmark_neurons,
        "distinct": benchmark_distinct,
        "times": benchmark_times,
    }
    parser.add_argument("what", choices=benchmarks)
    parser.add_argument("--data", type=Path, help="folder of the data files")
    parser.add_argument("--embedder", help="of `hypotheses`: a model, or lsa")
    parser.add_argument(
        "--judge", default="embedding", help="of `distinct`: embedding or keyphrase"
    )
    parser.add_argument("--rows", type=int, help="of `distinct`: texts to learn from")
    parser.add_argument("--peer", help="the Python that has hypothesaes")
    arguments = parser.parse_args()
    if arguments.what != "reviews" and arguments.data is None:
        parser.error(f"{arguments.what} needs --data")
    print(f"{platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n")
    benchmarks[arguments.what](arguments)


if __name__ == "__main__":
    main()
