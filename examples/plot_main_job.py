"""
The main job in ten lines
=========================

Texts and a number for each of them go in; tested hypotheses come out.
"""

# %%
# The reviews are generated. Twelve concepts are planted, and eight of them change the
# stars. Your own file is read by :func:`~sklearn_hsae.load_texts`, see
# :ref:`sphx_glr_auto_examples_plot_own_file.py`.

import pandas as pd
from sklearn.model_selection import train_test_split

from sklearn_hsae import evaluate_hypotheses, make_hypothesis_pipeline, make_reviews
from sklearn_hsae.evaluation import match_hypotheses
from sklearn_hsae.plot import EffectsDisplay

reviews = make_reviews(1200, noise=0.3, random_state=1)
train, new, y_train, y_new = train_test_split(
    reviews.texts, reviews.target, test_size=0.4, random_state=0
)
print(train[0], f"({y_train[0]:.1f} stars)")

# %%
# Hypotheses are found on one part of the texts and tested on the other. ``X_train`` and
# ``y_train`` are for the ceilings: how well the embeddings alone would predict.

pipe = make_hypothesis_pipeline(random_state=0).fit(train, y_train)
evaluation = evaluate_hypotheses(pipe, new, y_new, X_train=train, y_train=y_train)
print(evaluation.verdict)

# %%
# One row per hypothesis: the stars that texts with the concept have more than texts
# without it, all other hypotheses held equal. Filled dots are significant.

EffectsDisplay.from_evaluation(evaluation, outcome="stars")

# %%
# Is it true?
# -----------
#
# The generator knows which review mentions what.
# :func:`~sklearn_hsae.evaluation.match_hypotheses` pairs each planted concept with the
# hypothesis that holds for the same texts, whatever its words are.

_, truth = train_test_split(reviews.truth, test_size=0.4, random_state=0)
truth = pd.DataFrame(truth, columns=reviews.concepts)
matches = match_hypotheses(evaluation.annotations, truth)
effects = evaluation.table.set_index("hypothesis")["coefficient"]
matches["estimated"] = matches["hypothesis"].map(effects)
matches["true"] = reviews.effects
matches[["reference", "true", "estimated", "f1", "hypothesis"]].round(2)

# %%
# Estimated effects have the right sign and are mostly smaller than the true ones: a
# judge who errs in some reviews makes the two groups more alike. The four concepts that
# change nothing were not looked for, so what is matched with them agrees by chance.
