"""How well hypotheses match topics that are known, ours and HypotheSAEs'.

    python benchmarks/known_truth.py --data DIR --peer PYTHON [--only bills]

DIR is the folder of `main_job.py`. PYTHON is that of an environment with
``pip install hypothesaes==2.0.1``. The target is all that the selection sees: whether a
text is about one of five topics, and in airline whether it is a complaint. The truth is
the topic of the text, or the reason of the complaint, as people have coded it. Both
sides get the same embeddings, sizes and number of hypotheses. The same interpreter (key
phrases) names the neurons, and the same judge (--judge) judges the held-out quarter of
the texts. Ours is `make_hypothesis_pipeline` as it is, which names twice as many
neurons and chooses among their concepts. Each topic is matched with one hypothesis.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from main_job import SEEDS, TOPICS, read
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from sklearn_hsae import EmbeddingTransformer, make_hypothesis_pipeline
from sklearn_hsae.evaluation import match_hypotheses
from sklearn_hsae.sae import suggest_sizes

N_SELECT = {"newsgroups": 10, "bills": 10, "airline": 20}
SELECTIONS = ("lasso", "separation_score")  # of its paper, and of its quickstart

PEER = """
import sys
import numpy as np, torch
from hypothesaes.quickstart import train_sae
from hypothesaes.select_neurons import select_neurons

data, seed, n_select = np.load(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
M, K, *prefixes = map(int, sys.argv[4].split())
is_class = sys.argv[5] == "True"
np.random.seed(seed); torch.manual_seed(seed)
order = np.random.permutation(len(data["learn"]))
held, kept = order[: len(order) // 10], order[len(order) // 10 :]
coder = train_sae(
    data["learn"][kept], M, K, matryoshka_prefix_lengths=prefixes or None,
    val_embeddings=data["learn"][held], show_progress=False,
)
learn, test = (
    coder.get_activations(data[n], show_progress=False) for n in ("learn", "test")
)
found = {}
for method in sys.argv[6:]:
    chosen, _ = select_neurons(
        learn, data["y"], n_select, method=method, classification=is_class
    )
    found["learn " + method] = learn[:, chosen]
    found["test " + method] = test[:, chosen]
np.savez("found.npz", **found)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer", required=True, help="the Python with hypothesaes")
    parser.add_argument("--only", choices=N_SELECT, help="one of the data sets")
    parser.add_argument("--rows", type=int, help="at most this number of texts")
    parser.add_argument(
        "--judge", choices=("embedding", "keyphrase"), default="embedding"
    )
    arguments = parser.parse_args()
    for name in [arguments.only] if arguments.only else N_SELECT:
        scores = {}
        for seed in SEEDS:
            frame = topics(arguments.data, name)
            frame = frame.sample(frac=1, random_state=0)[: arguments.rows]
            start = time.perf_counter()
            split = one_split(name, frame, seed, arguments.peer, arguments.judge)
            for whose, f1 in split.items():
                scores.setdefault(whose, []).append(f1.mean())
                values = " ".join(f"{value:.2f}" for value in f1)
                print(f"{name} {seed} {whose:40} {f1.mean():.3f}: {values}", flush=True)
            print(f"{name} {seed} {time.perf_counter() - start:.0f} s", flush=True)
        for whose, values in scores.items():
            spread = f"{min(values):.3f} to {max(values):.3f}"
            print(f"{name} {whose:42} {statistics.mean(values):.3f} ({spread})")


def topics(folder, name):
    """The texts, the target, and the topic that is to be found or None."""
    if name in TOPICS:
        frame = read(folder, name)
        return frame.assign(topic=frame["topic"].where(frame["target"] == 1))
    frame = read(folder, "airline_train")
    reason = frame["negativereason"]
    rare = reason.map(reason.value_counts()) < 0.02 * len(frame)
    reason = reason.mask(rare | (reason == "Can't Tell"))
    return frame.assign(target=(frame["sentiment"] == -1) * 1, topic=reason)


def one_split(name, frame, seed, python, judged_by):
    """F1 of the topics, by the neurons (on or off) and by the hypotheses of each."""
    train, new = train_test_split(
        frame, test_size=0.25, random_state=seed, stratify=frame["target"]
    )
    embed = EmbeddingTransformer().fit(train["text"])
    X, new_X = embed.transform(train["text"]), embed.transform(new["text"])
    y, sizes = train["target"].to_numpy(), suggest_sizes(len(train))
    truth = pd.get_dummies(new["topic"]).reset_index(drop=True)
    n_select = N_SELECT[name]
    pipe = make_hypothesis_pipeline(
        task="classification", n_select=n_select, judge=judged_by, random_state=seed
    )
    found = {"ours": (pipe["sae"].fit_transform(X, y), pipe["sae"].transform(new_X))}
    found |= peer_neurons(python, X, y, new_X, n_select, sizes, seed)
    scores = {}
    for whose, (neurons, new_neurons) in found.items():
        finder, fires = Pipeline(pipe.steps[3:5]), new_neurons > 0
        if whose == "ours":  # all neurons, of which its selection takes twice as many
            finder = Pipeline(pipe.steps[2:6])
            exact = clone(pipe["select"]).set_params(oversample=1).fit(neurons, y)
            fires = exact.transform(new_neurons) > 0
        fires = fires.astype(float).reset_index(drop=True)
        scores[f"{whose}, neurons"] = match_hypotheses(fires, truth)["f1"]
        annotations = finder.fit(neurons, y).transform(new_neurons)
        annotations = annotations.reset_index(drop=True)
        scores[f"{whose}, hypotheses"] = match_hypotheses(annotations, truth)["f1"]
    return scores


def peer_neurons(python, X, y, new_X, n_select, sizes, seed, classification=True):
    shape = sizes["n_neurons"], sizes["k"], *(sizes["prefixes"] or ())
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder, "data.npz"), learn=X, test=new_X, y=y)
        command = [python, "-c", PEER, "data.npz", str(seed), str(n_select)]
        subprocess.run(
            [*command, " ".join(map(str, shape)), str(classification), *SELECTIONS],
            check=True,
            capture_output=True,
            cwd=folder,
            env={**os.environ, "OPENAI_KEY_SAE": "none", "PYTHONPATH": ""},
        )
        arrays = dict(np.load(Path(folder, "found.npz")))
    return {
        f"HypotheSAEs, {method}": [
            pd.DataFrame(arrays[f"{part} {method}"], index=rows).add_prefix("neuron")
            for part, rows in (("learn", X.index), ("test", new_X.index))
        ]
        for method in SELECTIONS
    }


if __name__ == "__main__":
    main()
