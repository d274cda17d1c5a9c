"""
Controls and groups
===================

Is it the music, or the weekend? And do prices annoy guests in each city as much?
"""

# %%
# The reviews get what real data have, too. Bands play at weekends, when guests are in a
# better mood anyway: a weekend adds one star, and the music itself nothing. Some of the
# 60 restaurants are better than others. High prices cost 0.3 stars in Rome, and 1.2 in
# Oslo.

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupShuffleSplit

from sklearn_hsae import evaluate_hypotheses, make_hypothesis_pipeline, make_reviews
from sklearn_hsae.evaluation import match_hypotheses
from sklearn_hsae.plot import GroupEffectsDisplay

reviews = make_reviews(1200, noise=0.3, random_state=1)
truth = pd.DataFrame(reviews.truth, columns=reviews.concepts).astype(float)
music, expensive = truth["enjoyed live music"], truth["finds it too expensive"]

rng = np.random.default_rng(0)
restaurant = rng.integers(60, size=1200)
city = np.where(restaurant % 2, "Oslo", "Rome")
weekend = rng.random(1200) < np.where(music, 0.9, 0.3)
stars = (
    reviews.target
    - 0.5 * music
    + 1.0 * weekend
    + 0.2 * rng.normal(size=60)[restaurant]
    + expensive * np.where(city == "Oslo", -0.6, 0.3)
)
frame = pd.DataFrame(
    {"text": reviews.texts, "stars": stars, "weekend": weekend, "city": city}
)

# %%
# All reviews of a restaurant are in the same part. Otherwise the test would recognise
# the restaurants, whose stars it has seen.

split = GroupShuffleSplit(1, test_size=0.4, random_state=0)
learn, test = next(split.split(frame, groups=restaurant))

# %%
# Controls travel in the row index, beside the texts, and the last step is told their
# names. ``cov_type="cluster"`` allows for restaurants. The same is done without
# controls, for comparison.


def evaluate(controls):
    pipe = make_hypothesis_pipeline(random_state=0)
    pipe.set_params(regress__controls=controls, regress__cov_type="cluster")
    X = frame.set_index(["weekend", "city"])["text"]
    pipe.fit(X.iloc[learn], stars[learn], regress__groups=restaurant[learn])
    return evaluate_hypotheses(pipe, X.iloc[test], stars[test], groups=restaurant[test])


without, beside = evaluate(None), evaluate(["weekend", "city"])
beside.controls.round(2)

# %%
# The effect of the hypothesis about music, with and without the controls. Without them,
# the music seems to add stars; with them, next to nothing is left. The hypothesis is
# the same, and it is as true that reviews with music have more stars. Which of the two
# is right to report depends on the question.

matches = match_hypotheses(without.annotations, truth.iloc[test])
matches = matches.set_index("reference")["hypothesis"]
rows = {}
for name, evaluation in (("without controls", without), ("with controls", beside)):
    row = evaluation.table.set_index("hypothesis").loc[matches["enjoyed live music"]]
    rows[name] = row[["coefficient", "ci_low", "ci_high"]].astype(float)
print(matches["enjoyed live music"])
pd.DataFrame(rows).T.round(2)

# %%
# Differences between groups
# --------------------------
#
# An effect that is significant in Oslo and not in Rome need not differ: the difference
# must itself be tested. Filled dots differ from the other city.

by = beside.by_group(frame["city"].iloc[test])
GroupEffectsDisplay.from_evaluation(beside, by, outcome="stars")

# %%
# Only the prices differ, as planted, and none of the others does:

columns = ["hypothesis", "group", "coefficient", "difference", "difference_p_corrected"]
by[by["differs"]][columns].round(3)

# %%
# What was done for two columns here, ``sklearn-hsae run`` does with ``--controls``,
# ``--groups`` and ``--by``. See :doc:`/user_guide/controls_and_groups`.
