"""How well hypotheses tell which of two texts was better, on tests not seen.

    python benchmarks/pairs.py --data FILE.jsonl.gz --peer PYTHON

FILE has the columns `text_a`, `text_b`, `target` (1 where the first was better) and
`test_id`. PYTHON is that of an environment with ``pip install hypothesaes==2.0.1``. A
third of the tests is held out. Both sides get the same embeddings of the same texts, 20
neurons, and the same names and judge, which cost nothing: keyphrases and the embedding
judge. HypotheSAEs has the recipe of its notebook for headlines: two autoencoders (256
neurons of which 8 are active, and 32 with 4) on the distinct texts, and the lasso on
the differences of the activations.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupShuffleSplit

from sklearn_hsae import (
    ConceptAnnotator,
    EmbeddingTransformer,
    HypothesisClassifier,
    KeyphraseInterpreter,
    evaluate_hypotheses,
    make_hypothesis_pipeline,
)

N_SELECT = 20
SEEDS = (0, 1, 2)

PEER = """
import sys
import numpy as np, torch
from hypothesaes.quickstart import train_sae
from hypothesaes.select_neurons import select_neurons

data, seed = np.load(sys.argv[1]), int(sys.argv[2])
np.random.seed(seed); torch.manual_seed(seed)
distinct = np.random.permutation(np.unique(data["learn"], axis=0))
n_validation = len(distinct) // 10
coders = [
    train_sae(
        distinct[n_validation:], M, K, val_embeddings=distinct[:n_validation],
        show_progress=False,
    )
    for M, K in ((256, 8), (32, 4))
]
learn, test = (
    np.hstack([c.get_activations(data[n], show_progress=False) for c in coders])
    for n in ("learn", "test")
)
half = len(learn) // 2
chosen, _ = select_neurons(
    learn[:half] - learn[half:], data["y"], 20, method="lasso", classification=True
)
np.savez(sys.argv[3], learn=learn[:, chosen], test=test[:, chosen])
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer", required=True, help="python with HypotheSAEs 2.0.1")
    arguments = parser.parse_args()
    frame = pd.read_json(arguments.data, lines=True)
    X, y = frame[["text_a", "text_b"]], frame["target"].to_numpy()
    scores = {}
    for seed in SEEDS:
        splitter = GroupShuffleSplit(1, test_size=1 / 3, random_state=seed)
        learn, test = next(splitter.split(X, y, frame["test_id"]))
        parts = X.iloc[learn], y[learn], X.iloc[test], y[test]
        found = {**ours(*parts, seed), **peers(*parts, seed, arguments.peer)}
        print(json.dumps({"seed": seed, "n": [len(learn), len(test)], **found}))
        for name, value in found.items():
            scores.setdefault(name, []).append(value)
    for name, values in scores.items():
        spread = f"{min(values):.3f} to {max(values):.3f}"
        print(f"{name:40} {statistics.mean(values):.3f} ({spread})")


def ours(X, y, new_X, new_y, seed):
    pipe = make_hypothesis_pipeline(
        task="classification", pairs=True, n_select=N_SELECT, random_state=seed
    )
    pipe.fit(X, y)
    evaluation = evaluate_hypotheses(pipe, new_X, new_y, X_train=X, y_train=y)
    found = {
        f"ceiling, {stage}": round(value, 4)
        for stage, value in evaluation.ceilings["auc"].items()
        if stage != "hypotheses"
    }
    neurons = [pipe[:3].transform(part) for part in (X, new_X)]
    return found | {
        "ours, neurons": last_step_auc(*neurons, y, new_y),
        "ours, hypotheses": round(evaluation.metrics["auc"], 4),
        "ours, significant": evaluation.metrics["n_significant"],
    }


def peers(X, y, new_X, new_y, seed, python):
    embed = EmbeddingTransformer().fit(X)
    learn, test = embed.transform(X), embed.transform(new_X)
    with tempfile.TemporaryDirectory() as folder:
        rows, chosen = Path(folder, "rows.npz"), Path(folder, "chosen.npz")
        np.savez(rows, learn=learn, test=test, y=y)
        subprocess.run(
            [python, "-c", PEER, str(rows), str(seed), str(chosen)],
            check=True,
            capture_output=True,
            cwd=folder,
            env={**os.environ, "OPENAI_KEY_SAE": "none", "PYTHONPATH": ""},
        )
        arrays = np.load(chosen)
        neurons = [
            pd.DataFrame(arrays[name], index=part.index).add_prefix("neuron")
            for name, part in (("learn", learn), ("test", test))
        ]
    namer = KeyphraseInterpreter(judge="embedding", random_state=seed)
    judge = ConceptAnnotator(judge="embedding", random_state=seed)
    annotations = judge.fit_transform(namer.fit_transform(neurons[0]))
    new_annotations = judge.transform(namer.transform(neurons[1]))
    last = HypothesisClassifier(pairs=True).fit(annotations, y)
    _, metrics = last.evaluate(new_annotations, new_y)
    return {
        "HypotheSAEs, neurons": last_step_auc(*neurons, y, new_y),
        "HypotheSAEs, hypotheses": round(metrics["auc"], 4),
        "HypotheSAEs, significant": metrics["n_significant"],
    }


def last_step_auc(activations, new_activations, y, new_y):
    """Held-out AUC of a logistic regression on the differences of the activations."""
    last = HypothesisClassifier(pairs=True).fit(activations, y)
    return round(roc_auc_score(new_y, last.decision_function(new_activations)), 4)


if __name__ == "__main__":
    main()
