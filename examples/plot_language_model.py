"""
A language model with a budget
==============================

Names in words, costs that are known beforehand, and a limit that stops without a loss.
"""

# %%
# This page was built without a network. In the place of a language model stands a small
# server on the same machine, which knows which concepts the reviews have, looks them
# up, and errs in 3 % of the cases: its source is at the end of the page. So the names
# and annotations are better than those of a real model. Everything else is real: the
# calls by HTTP, the tokens, the cache and the account. Its name is that of a model of
# OpenAI, so that dollars are counted by the price list of that model.

import tempfile
import warnings

import pandas as pd
from pretend_model import PretendModel
from sklearn.model_selection import train_test_split

from sklearn_hsae import (
    LanguageModel,
    evaluate_hypotheses,
    make_hypothesis_pipeline,
    make_reviews,
)
from sklearn_hsae.evaluation import match_hypotheses
from sklearn_hsae.plot import EffectsDisplay

reviews = make_reviews(1200, noise=0.3, random_state=1)
train, new, y_train, y_new = train_test_split(
    reviews.texts, reviews.target, test_size=0.4, random_state=0
)
server = PretendModel(reviews.texts, reviews.truth, reviews.concepts)
llm = LanguageModel(
    "openai/gpt-5-mini",
    api_base=server.start(),  # leave this line out for the real one
    max_cost=0.05,
    budget="reviews",
    cache_dir=tempfile.mkdtemp(),  # and this one: your cache should stay
)

# %%
# What will it cost? The first three steps cost nothing. With what they return, the
# naming step says beforehand how many calls it will make at most, and what they will
# cost.

pipe = make_hypothesis_pipeline(llm=llm, n_select=12, random_state=0)
activations = pipe[:3].fit_transform(train, y_train)
pipe["interpret"].estimate_cost(activations)

# %%
# The limit of five cents is for all steps together, and is reached while texts are
# judged. Nothing is lost: what was paid for is in the cache, what is missing is NaN,
# and a warning says so.


def spent():
    columns = ["calls", "dollars", "cache_hits"]
    usage = {name: pipe[name].usage_ for name in ("interpret", "annotate")}
    return pd.DataFrame(usage).T[columns]


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    pipe.fit(train, y_train)
print(*[warning.message for warning in caught], sep="\n")
spent()

# %%
# A higher limit and the same line again: only what is missing is asked, and paid for.

pipe.set_params(interpret__llm__max_cost=0.5, annotate__llm__max_cost=0.5)
pipe.fit(train, y_train)
spent()

# %%
# The held-out texts are judged within the same limit.

evaluation = evaluate_hypotheses(pipe, new, y_new, X_train=train, y_train=y_train)
EffectsDisplay.from_evaluation(evaluation, outcome="stars")

# %%
# Two neurons that are about the same thing get the same label, and one of them is left
# out: that is why there are fewer hypotheses than selected neurons.

fidelity = pipe["interpret"].fidelity_
fidelity.loc[fidelity["reason"] != "", ["neuron", "reason"]]

# %%
# Is it true?
# -----------
#
# With words that fit exactly and a judge who hardly errs, all eight concepts that act
# are found, and their effects are nearer to the planted ones than those of key phrases
# in :ref:`sphx_glr_auto_examples_plot_main_job.py`.

_, truth = train_test_split(reviews.truth, test_size=0.4, random_state=0)
truth = pd.DataFrame(truth, columns=reviews.concepts)
matches = match_hypotheses(evaluation.annotations, truth)
effects = evaluation.table.set_index("hypothesis")["coefficient"]
matches["estimated"] = matches["hypothesis"].map(effects)
matches["true"] = reviews.effects
found = matches[matches["f1"] > 0.5]
found[["reference", "hypothesis", "true", "estimated", "f1"]].round(2)

# %%
server.stop()

# %%
# Real models, servers on your own machine and batches at half the price:
# :doc:`/user_guide/language_models`. The server of this page:
#
# .. literalinclude:: ../../examples/pretend_model.py
#    :language: python
