"""
Comparing two corpora
=====================

What do the texts of one source say more often than those of another? No outcome is
needed.
"""

# %%
# Reviews from an app and from a website. Which review came from where is drawn so that
# three concepts differ: guests with children and guests who had to wait wrote in the
# app, those who praise the view on the website.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_hsae import make_hypothesis_pipeline, make_reviews
from sklearn_hsae.corpora import compare_corpora

reviews = make_reviews(1200, noise=0.3, random_state=1)
truth = pd.DataFrame(reviews.truth, columns=reviews.concepts)
log_odds = (
    1.5 * truth["came with children"]
    + 1.5 * truth["complains about a long wait"]
    - 1.5 * truth["praises the view"]
)
rng = np.random.default_rng(0)
source = np.where(rng.random(1200) < 1 / (1 + np.exp(-log_odds)), "app", "web")
pd.Series(source).value_counts()

# %%
# Neurons are found and named without looking at the source: features that were chosen
# because they differ would all differ. So the autoencoder has no target, and all
# neurons that are frequent enough are kept.

pipe = make_hypothesis_pipeline(n_neurons=48, k=6, target_weight=0, random_state=0)
pipe.set_params(select__method="prevalence", select__n_select=48, select__oversample=1)
pipe.set_params(choose="passthrough", regress="passthrough")
concepts = pipe.fit_transform(reviews.texts)
print(concepts.shape)

# %%
# One row per feature, with exact tests and p-values that are corrected for the number
# of features.

table = compare_corpora(concepts, source, min_share=0.02)
columns = ["feature", "share_a", "share_b", "difference", "p_corrected"]
table[columns].head(8).round(3)

# %%
# A dot per corpus, for what differs significantly.

differs = table[table["p_corrected"] < 0.05].iloc[::-1]
figure, ax = plt.subplots(figsize=(8, 0.6 * len(differs) + 1), layout="constrained")
ax.hlines(differs["feature"], differs["share_a"], differs["share_b"], color="grey")
for share, label in (("share_a", "app"), ("share_b", "web")):
    ax.plot(differs[share], differs["feature"], "o", label=label)
ax.set(xlabel="share of the reviews", xlim=(0, None))
_ = ax.legend()

# %%
# Is it true?
# -----------
#
# The same comparison of what is planted, instead of what is found. The first three are
# those that the sources were drawn by.

planted = compare_corpora(truth.astype(float), source)
planted[columns].head(6).round(3)

# %%
# They are at the top of both tables. One concept may be several features, as here those
# about children: an autoencoder with more neurons divides topics further.
#
# "The app" is what these reviews have in common, and no cause: whoever has children may
# prefer the app. More on comparisons, pairs of texts and retrieval:
# :doc:`/user_guide/corpora`.
