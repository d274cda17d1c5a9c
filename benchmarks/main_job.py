"""How well and how fast the main job is done, on generated and on real texts.

    python benchmarks/main_job.py reviews
    python benchmarks/main_job.py hypotheses --data DIR
    python benchmarks/main_job.py topics --data DIR
    python benchmarks/main_job.py neurons --data DIR [--peer-python PATH]
    python benchmarks/main_job.py times --data DIR

DIR holds JSON-lines files with a text and a target in each row, named below. The
peer, HypotheSAEs 2.0.1 (``pip install hypothesaes``), lives in an environment of its
own: give its interpreter as ``--peer-python``.
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
from sklearn.linear_model import LinearRegression
from sklearn.metrics import f1_score
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
TOPICS = {
    "newsgroups": {
        "comp.graphics",
        "misc.forsale",
        "rec.sport.hockey",
        "sci.space",
        "talk.politics.mideast",
    },
    "bills": {"Health", "Education", "Environment", "Law", "Defense"},
}
SEEDS = (0, 1, 2)
SHAPES = [(64, 4, (16, 64)), (256, 8, (32, 256)), (512, 16, (64, 512))]


def machine():
    return (
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}"
    )


def read(folder, name):
    return pd.read_json(folder / f"{name}.jsonl.gz", lines=True)


def regression_data(folder, name):
    train, holdout = read(folder, f"{name}_train"), read(folder, f"{name}_holdout")
    if name == "imdb":
        train = train[:6000]
    target = REGRESSION[name]
    return (
        train["text"].tolist(),
        train[target].to_numpy(float),
        holdout["text"].tolist(),
        holdout[target].to_numpy(float),
    )


def matching(answers, truth):
    """F1 of every planted column under the best one-to-one matching."""
    scores = np.array([[f1_score(t, a > 0.5) for a in answers.T] for t in truth.T])
    rows, columns = linear_sum_assignment(-scores)
    return {int(r): (int(c), float(scores[r, c])) for r, c in zip(rows, columns)}


def benchmark_reviews(_):
    print("seed  acting found (F1 >= 0.7)  F1 of the acting  false significant  R2")
    for seed in SEEDS:
        data = make_reviews(5000, random_state=seed)
        split = train_test_split(
            np.array(data.texts, dtype=object),
            data.target,
            data.truth,
            test_size=0.4,
            random_state=seed,
        )
        texts, new_texts, y, new_y, _, truth = split
        pipe = make_hypothesis_pipeline(random_state=seed, n_select=20)
        pipe.fit(texts, y)
        result = evaluate_hypotheses(pipe, new_texts, new_y)
        acting = np.flatnonzero(data.effects)
        answers = result.annotations.to_numpy()
        matched = matching(answers, truth)
        found = [matched[j][1] for j in acting]
        print(
            f"{seed:4d}  {sum(f >= 0.7 for f in found)} of {len(acting)}  "
            f"{' '.join(f'{f:.2f}' for f in found)}  "
            f"{false_significant(result, truth, data.effects)}  "
            f"{result.metrics['r2']:.3f}"
        )


def false_significant(result, truth, effects):
    """Significant hypotheses that say when no acting concept is there.

    A hypothesis is false when its answers are not explained by the acting concepts:
    in a least-squares fit of the answers on all planted concepts, none of the acting
    ones has a share of its own.
    """
    acting = truth[:, np.flatnonzero(effects)].astype(float)
    false = []
    for name, significant in zip(
        result.table["hypothesis"], result.table["significant"]
    ):
        answer = result.annotations[name].to_numpy()
        strongest = max(abs(np.corrcoef(answer, t)[0, 1]) for t in acting.T)
        if significant and strongest < 0.1:
            false.append(name)
    return len(false)


def benchmark_hypotheses(arguments):
    print("data     seed  R2 held out  significant  ridge  all  selected  seconds")
    for name in REGRESSION:
        texts, y, new_texts, new_y = regression_data(arguments.data, name)
        for seed in SEEDS:
            start = time.perf_counter()
            pipe = make_hypothesis_pipeline(random_state=seed, n_select=20)
            pipe.fit(texts, y)
            result = evaluate_hypotheses(
                pipe, new_texts, new_y, X_train=texts, y_train=y
            )
            seconds = time.perf_counter() - start
            print(f"{name:8s} {seed}  {result.metrics['r2']:.3f}  {seconds:.0f} s")
            print(result.ceilings.to_string())
            print(result.table["hypothesis"].tolist(), flush=True)


if __name__ == "__main__":
    pass
