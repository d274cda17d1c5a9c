"""What the weight of the target gives and costs, before and after naming.

    python benchmarks/sae_target.py --data DIR

DIR as in ``benchmarks/main_job.py``. For each weight: the fraction of variance that
new rows leave unexplained (FVU), the held-out R² of 20 selected neurons, of the same 20
switched on or off, and of the hypotheses that they become, with no language model. And
how diverse they are: by how many independent columns the 20 act, the exponential of the
entropy of the eigenvalues of their correlation matrix (20 when none goes with another),
for the neurons and for the answers to the hypotheses.
"""

import argparse
import os
import platform
import statistics
from pathlib import Path

import numpy as np
from main_job import REGRESSION, SEEDS, regression_data
from sklearn.base import clone
from sklearn.linear_model import LinearRegression

from sklearn_hsae import EmbeddingTransformer, make_hypothesis_pipeline

WEIGHTS = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0)


def diversity(columns):
    """Number of independent columns that have that entropy (Roy & Vetterli 2007)."""
    columns = columns[:, columns.std(axis=0) > 0]
    shares = np.linalg.eigvalsh(np.corrcoef(columns.T)).clip(1e-12) / columns.shape[1]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def r2(training, y, new, new_y):
    return LinearRegression().fit(training, y).score(new, new_y)


def measure(X, y, new_X, new_y, weight, seed):
    pipe = make_hypothesis_pipeline(target_weight=weight, random_state=seed)
    steps = {name: clone(step) for name, step in pipe.named_steps.items()}
    sae = steps["sae"].fit(X, y)
    select = steps["select"].fit(sae.transform(X), y)
    neurons, new = (select.transform(sae.transform(rows)) for rows in (X, new_X))
    interpret, annotate = steps["interpret"], steps["annotate"]
    concepts = interpret.fit_transform(neurons, y)
    answers = annotate.fit_transform(concepts, y).to_numpy()
    new_answers = annotate.transform(interpret.transform(new)).to_numpy()
    neurons, new = neurons.to_numpy(), new.to_numpy()
    return (
        1 - sae.score(new_X),
        r2(neurons, y, new, new_y),
        r2(neurons > 0, y, new > 0, new_y),
        r2(answers, y, new_answers, new_y),
        diversity(new),
        diversity(new_answers),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n")
    print("mean over seeds: FVU; R2 of neurons, of on and off, of hypotheses;", end=" ")
    print("diversity of neurons, of answers\n")
    for name in REGRESSION:
        texts, y, new_texts, new_y = regression_data(arguments.data, name)
        embed = EmbeddingTransformer().set_output(transform="pandas")
        X, new_X = embed.fit_transform(texts), embed.transform(new_texts)
        for weight in WEIGHTS:
            rows = [measure(X, y, new_X, new_y, weight, seed) for seed in SEEDS]
            figures = map(statistics.mean, zip(*rows, strict=True))
            fvu, *scores, before, after = figures
            print(f"{name}  {weight}  {fvu:.3f}  ", end="")
            print("  ".join(f"{score:.3f}" for score in scores), end="  ")
            print(f"{before:.1f}  {after:.1f}", flush=True)


if __name__ == "__main__":
    main()
