"""How many planted effects are found, from n texts, ours and HypotheSAEs' selection.

    python benchmarks/power.py --peer PYTHON [--sizes 500,2000,5000,20000]

Generated reviews with eight concepts that act on the rating, half to find hypotheses
and half to test them. The planted effects are full, a half and a quarter of the usual
ones, beside the same noise (0.5 stars). Both sides get the same embeddings, sizes and
number of hypotheses (10), and the same interpreter and judge (key phrases, word for
word). An effect is found when a hypothesis is significant at 5 % after correction and
fits the concept with an F1 of 0.5 or more, in a one-to-one matching.
"""

import argparse

import pandas as pd
from known_truth import peer_neurons
from sklearn.pipeline import Pipeline

from sklearn_hsae import (
    EmbeddingTransformer,
    HypothesisRegressor,
    make_hypothesis_pipeline,
    make_reviews,
)
from sklearn_hsae.evaluation import match_hypotheses
from sklearn_hsae.sae import suggest_sizes

N_SELECT, LEAST_F1 = 10, 0.5


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", required=True, help="the Python with hypothesaes")
    parser.add_argument("--sizes", default="500,2000,5000,20000")
    parser.add_argument("--seeds", default="0,1,2")
    arguments = parser.parse_args()
    for n_texts in map(int, arguments.sizes.split(",")):
        for share in (1.0, 0.5, 0.25):
            found = {}
            for seed in map(int, arguments.seeds.split(",")):
                for whose, n in one_draw(n_texts, share, seed, arguments.peer).items():
                    found.setdefault(whose, []).append(n)
            counts = "  ".join(f"{whose}: {ns}" for whose, ns in found.items())
            print(f"{n_texts:6,} texts, effects x {share}: of 8, {counts}", flush=True)


def one_draw(n_texts, share, seed, python):
    """Number of acting concepts that are found, by each side."""
    data = make_reviews(n_texts, random_state=seed)
    noise = data.target - data.target.mean() - data.truth @ data.effects
    y = share * (data.truth @ data.effects) + noise
    half = n_texts // 2
    embed = EmbeddingTransformer().fit(data.texts[:1])
    X, new_X = embed.transform(data.texts[:half]), embed.transform(data.texts[half:])
    acting = data.effects != 0
    truth = pd.DataFrame(data.truth[half:, acting]).add_prefix("concept").astype(float)
    sizes = suggest_sizes(half)
    pipe = make_hypothesis_pipeline(
        n_select=N_SELECT, judge="keyphrase", random_state=seed
    )
    found = {
        "ours": (pipe["sae"].fit_transform(X, y[:half]), pipe["sae"].transform(new_X))
    }
    found |= peer_neurons(
        python, X, y[:half], new_X, N_SELECT, sizes, seed, classification=False
    )
    counts = {}
    for whose, (neurons, new_neurons) in found.items():
        # Our selection takes twice as many neurons, and chooses among their concepts.
        finder = Pipeline(pipe.steps[2:6] if whose == "ours" else pipe.steps[3:5])
        annotations = finder.fit(neurons, y[:half]).transform(new_neurons)
        counts[whose] = count_found(annotations, y[half:], truth)
    return counts


def count_found(annotations, new_y, truth):
    annotations = annotations.reset_index(drop=True)
    table = HypothesisRegressor().fit(annotations, new_y).summary_
    significant = set(table.loc[table["significant"], "hypothesis"])
    matches = match_hypotheses(annotations, truth)
    fits = matches["hypothesis"].isin(significant) & (matches["f1"] >= LEAST_F1)
    return int(fits.sum())


if __name__ == "__main__":
    main()
