"""
How many neurons, how many active
=================================

A grid over M and K, without naming and judging for each candidate.
"""

# %%
# The embeddings are computed once. The steps after the embedding are searched with
# ``interpret`` and ``annotate`` passed through, so the score is that of the selected
# neurons. Only the training texts are used: a search looks at the outcome.

import matplotlib.pyplot as plt
from sklearn.model_selection import GridSearchCV, train_test_split

from sklearn_hsae import evaluate_hypotheses, make_hypothesis_pipeline, make_reviews
from sklearn_hsae.plot import SearchDisplay
from sklearn_hsae.sae import suggest_sizes

reviews = make_reviews(1200, noise=0.3, random_state=1)
train, new, y_train, y_new = train_test_split(
    reviews.texts, reviews.target, test_size=0.4, random_state=0
)
pipe = make_hypothesis_pipeline(random_state=0)
pipe.set_params(interpret="passthrough", annotate="passthrough", sae__max_epochs=20)
embeddings = pipe[:1].fit_transform(train)

# %%
# Two scores: R2, which is what the hypotheses can reach at best, and the variance of
# the embeddings that the autoencoder explains.


def explained_variance(steps, X, y=None):
    return steps["sae"].score(X)


search = GridSearchCV(
    pipe[1:],
    {"sae__n_neurons": [16, 32, 64], "sae__k": [2, 4, 8]},
    scoring={"R2": "r2", "explained variance": explained_variance},
    refit="R2",
    cv=2,
).fit(embeddings, y_train)

figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for ax, metric in zip(axes, ["R2", "explained variance"], strict=True):
    SearchDisplay.from_search(search, x="sae__n_neurons", metric=metric, ax=ax)

# %%
# What do the pictures say? More active neurons help both scores. More neurons explain
# more variance of the embeddings, but not more of the stars: an autoencoder that is
# good at the one need not be good at the other, so look at the score that you need.
#
# The default, ``"auto"``, goes by the number of texts:

print(search.best_params_)
print(suggest_sizes(len(train)))

# %%
# One full fit follows, which names the neurons, and the test on texts that the search
# has not seen.

pipe = make_hypothesis_pipeline(random_state=0).set_params(**search.best_params_)
pipe.fit(train, y_train)
evaluation = evaluate_hypotheses(pipe, new, y_new)
print(f"best score in the search: {search.best_score_:.2f}")
print(f"hypotheses, new texts:    {evaluation.metrics['r2']:.2f}")

# %%
# A best score of a search is too good by a little, as the largest of several numbers
# is; the second one is not. On the other hand, each fold learnt from half of the
# training texts, and the final fit from all of them. More parameters, and searches by
# Optuna: :doc:`/user_guide/search`.
