"""
Pairs: what makes a text the better one of two
==============================================

Two texts are compared, and the outcome says by how much the first one is better.
"""

# %%
# The reviews of 600 pairs are those of the other examples. The outcome is the
# difference of their stars: negative where the second review has more.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from sklearn_hsae import evaluate_hypotheses, make_hypothesis_pipeline, make_reviews

reviews = make_reviews(1200, noise=0.3, random_state=1)
pairs = pd.DataFrame({"text_a": reviews.texts[:600], "text_b": reviews.texts[600:]})
margin = reviews.target[:600] - reviews.target[600:]
pairs.assign(margin=margin.round(1)).head(3)

# %%
# ``pairs=True`` is all that changes. The autoencoder and the names see single texts;
# the selection and the last step see differences between the two texts of a pair.

train, new, y_train, y_new = train_test_split(
    pairs, margin, test_size=0.4, random_state=0
)
pipe = make_hypothesis_pipeline(pairs=True, n_select=12, random_state=0)
pipe.fit(train, y_train)
evaluation = evaluate_hypotheses(pipe, new, y_new, X_train=train, y_train=y_train)
print(evaluation.verdict)

# %%
# ``coefficient`` is how much better the text is that has the concept, where the other
# one does not and both agree in all other concepts. ``prevalence`` is the share of the
# pairs of which one text has it: the others say nothing.

columns = ["hypothesis", "coefficient", "ci_low", "ci_high", "prevalence"]
table = evaluation.table.sort_values("coefficient")
table[columns].round(2)

# %%
# Is it true?
# -----------
#
# For each hypothesis, the planted concept that it agrees with best. What is planted is
# compared as the difference between the two texts, too.

_, rows = train_test_split(np.arange(600), test_size=0.4, random_state=0)
planted = reviews.truth.astype(int)
difference = planted[:600][rows] - planted[600:][rows]
n_found = evaluation.annotations.shape[1]
agreement = np.corrcoef(evaluation.annotations.T, difference.T)[:n_found, n_found:]
best = np.argmax(agreement, axis=1)
found = pd.DataFrame(
    {
        "planted": np.array(reviews.concepts)[best],
        "correlation": agreement.max(axis=1),
        "true": reviews.effects[best],
        "estimated": evaluation.table["coefficient"],
        "error": evaluation.table["ci_high"] - evaluation.table["coefficient"],
    }
)
found = found[found["correlation"] > 0.5].sort_values("true")

figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
ax.errorbar(
    found["estimated"],
    np.arange(len(found)),
    xerr=found["error"],
    fmt="o",
    label="found",
)
ax.plot(found["true"], np.arange(len(found)), "kx", label="true")
ax.set_yticks(np.arange(len(found)), found["planted"])
ax.axvline(0, color="grey", linewidth=0.5)
ax.set(xlabel="stars that the concept adds")
_ = ax.legend()

# %%
# All signs are right. Two hypotheses about the same concept share its effect, and words
# that hold for a part of the texts only make an effect smaller.
#
# An outcome that only says who won is a class: pass ``task="classification"`` and
# ``positive="a"``. The last step is then a model of Bradley and Terry. With as many
# pairs it finds less, since a win does not say by how much. See
# :doc:`/user_guide/pairs`.
