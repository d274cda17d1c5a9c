"""``sklearn-hsae demo``: the main job on reviews whose truth is known."""

import sys

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from sklearn_hsae import EmbeddingTransformer
from sklearn_hsae.cli._fit_and_evaluate import build_pipeline, fit_and_evaluate
from sklearn_hsae.cli._read_data import Split
from sklearn_hsae.cli._record import (
    finish_record,
    start_record,
)
from sklearn_hsae.cli._results_folder import write_results
from sklearn_hsae.cli._results_table import show_results, wrap
from sklearn_hsae.cli._say import say
from sklearn_hsae.datasets import make_reviews
from sklearn_hsae.evaluation import match_hypotheses

N_REVIEWS = 3600
_N_HELD_OUT = 600
# Broad neurons suit the dozen concepts that are planted.
_SIZES = {"n_neurons": 64, "k": 8, "prefixes": (32, 64)}
_N_PHRASES = 8  # per name: the reviews say each concept in many words
_FOUND = 0.7  # the F1 from which a hypothesis counts as the planted concept


def demo(arguments, argv, told):
    """Generate, fit, test, show and compare with the truth."""
    reviews = make_reviews(N_REVIEWS, random_state=arguments.seed)
    split, truth = _split(reviews, arguments.seed)
    pipeline = build_pipeline(
        split,
        **_SIZES,
        n_select="auto",
        embedder=EmbeddingTransformer(cache_dir=arguments.cache_dir, verbose=1),
        seed=arguments.seed,
    )
    pipeline.set_params(interpret__n_phrases=_N_PHRASES)
    acting = np.flatnonzero(reviews.effects)
    say(
        f"{N_REVIEWS:,} generated reviews with {len(reviews.effects)} planted "
        f"concepts, {len(acting)} of which act on the rating"
    )
    record = start_record(arguments, argv, split)
    evaluation, seconds = fit_and_evaluate(pipeline, split)
    record = finish_record(record, pipeline, evaluation, seconds, told)
    planted = pd.DataFrame(truth, columns=reviews.concepts)
    matches = match_hypotheses(evaluation.annotations, planted).fillna({"f1": 0.0})
    record["planted"] = _describe_matches(matches, reviews.effects)
    paths = write_results(arguments, split, pipeline, evaluation, record)
    show_results(evaluation, "rating")
    _show_matches(record["planted"])
    say(f"\nwritten: {', '.join(map(str, paths))}")


def _split(reviews, seed):
    texts, new_texts, y, new_y, _, truth, _, positions = train_test_split(
        np.asarray(reviews.texts, dtype=object),
        np.asarray(reviews.target),
        np.asarray(reviews.truth),
        np.arange(len(reviews.texts)),
        test_size=_N_HELD_OUT,
        random_state=seed,
    )
    source = {"file": f"make_reviews({N_REVIEWS}, random_state={seed})"}
    source["target"] = "rating"
    split = Split(texts, y, new_texts, new_y, "regression", source)
    split.new_names = pd.DataFrame({"row": positions})
    return split, truth


def _describe_matches(matches, effects):
    return [
        {
            "concept": match.reference,
            "effect": float(effect),
            "hypothesis": match.hypothesis,
            "f1": round(float(match.f1), 3),
            "found": bool(match.f1 >= _FOUND),
        }
        for match, effect in zip(matches.itertuples(), effects, strict=True)
    ]


def _show_matches(planted):
    acting = [row for row in planted if row["effect"]]
    found = sum(row["found"] for row in acting)
    head = f"Of {len(acting)} planted concepts that act, {found} were found"
    lines = ["", f"{head} (F1 of {_FOUND} or more):", ""]
    lines.append(f"{'effect':>8} {'F1':>6}  {'':5}  concept = hypothesis")
    for row in sorted(acting, key=lambda row: -row["f1"]):
        mark = "found" if row["found"] else ""
        head = f"{row['effect']:>+8.2f} {row['f1']:>6.2f}  {mark:5}  "
        lines += wrap(head, f"{row['concept']} = {row['hypothesis']}")
    sys.stdout.write("\n".join(lines) + "\n")
