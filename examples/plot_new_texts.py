"""
New texts into a fitted pipeline
================================

Learn once, keep one file, and judge what comes in every week.
"""

# %%
# The reviews of last year, for which the stars are known, and one file with all that
# was learnt. Nothing in it can be executed, and it holds no text.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_hsae import (
    load_pipeline,
    make_hypothesis_pipeline,
    make_reviews,
    save_pipeline,
)
from sklearn_hsae.corpora import concept_drift

reviews = make_reviews(1200, noise=0.3, random_state=1)
texts, stars = np.array(reviews.texts, dtype=object), reviews.target
last_year = np.arange(1200) < 720
path = Path(tempfile.mkdtemp()) / "model.skops"
pipe = make_hypothesis_pipeline(random_state=0)
save_pipeline(pipe.fit(texts[last_year], stars[last_year]), path)
print(f"{path.name}, {path.stat().st_size / 1e6:.1f} MB")

# %%
# This year's reviews come week by week. From week 5 on the kitchen has too few cooks:
# most reviews of these weeks come from guests who had to wait.

rng = np.random.default_rng(0)
waited = reviews.truth[:, reviews.concepts.index("complains about a long wait")]
new = np.flatnonzero(~last_year)
weeks = pd.Series(rng.integers(1, 9, size=len(new)), index=new)
kept = (weeks < 5) | waited[new] | (rng.random(len(new)) < 0.4)
weeks = weeks[kept]

# %%
# On the machine that judges the new reviews, the file is all that is needed beside the
# embedding model. Each text is judged once; the prediction follows from the
# annotations.

model = load_pipeline(path)
annotations = model[:-1].transform(texts[weeks.index])
predicted = model[-1].predict(annotations)
judged = annotations.assign(
    week=weeks.to_numpy(), predicted=predicted, stars=stars[weeks.index]
)
judged.groupby("week")[["predicted", "stars"]].mean().round(2)

# %%
# Has anything changed? For each concept, the share of texts that have it, beside that
# of the texts that were learnt from.

recent = (weeks >= 5).to_numpy()
drift = concept_drift(model, annotations[recent])
columns = ["hypothesis", "training_prevalence", "prevalence", "p_corrected", "drifts"]
drift.sort_values("p_corrected")[columns].head(4).round(3)

# %%
# Concepts about slow food are more frequent than they were. Here are their weeks, with
# the predictions and the stars that came in later.

drifting = drift.sort_values("p_corrected")["hypothesis"].iloc[0]
by_week = judged.groupby("week")[[drifting, "predicted", "stars"]].mean()

figure, (top, bottom) = plt.subplots(
    2, sharex=True, figsize=(8, 5), layout="constrained"
)
top.bar(by_week.index, by_week[drifting], color="grey")
before = drift.set_index("hypothesis").loc[drifting, "training_prevalence"]
top.axhline(before, color="black", linestyle="--", label="training texts")
top.set(ylabel="share of texts", title=drifting)
top.legend()
bottom.plot(by_week[["predicted", "stars"]], "o-", label=["predicted", "true"])
bottom.set(xlabel="week", ylabel="mean stars")
_ = bottom.legend()

# %%
# Drift says that the texts have changed, not that predictions are worse. Only outcomes
# tell that:

for name, part in (("weeks 1 to 4", ~recent), ("weeks 5 to 8", recent)):
    rows = weeks.index[part]
    print(f"{name}: R2 = {model.score(texts[rows], stars[rows]):.2f}")

# %%
# From a terminal, ``sklearn-hsae apply results/ week42.csv`` does the same and adds a
# line per week to a file. A service that answers by HTTP is in
# :doc:`/user_guide/serving`.
