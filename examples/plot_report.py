"""
Reading the report
==================

What to look at, in which order, before you believe a row.
"""

# %%
# A run as in :ref:`sphx_glr_auto_examples_plot_main_job.py`, and its report: one file
# that loads nothing from a network.

import tempfile
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

from sklearn_hsae import (
    evaluate_hypotheses,
    make_hypothesis_pipeline,
    make_reviews,
    write_report,
)
from sklearn_hsae.plot import (
    AgreementDisplay,
    CeilingsDisplay,
    FidelityDisplay,
    PrevalenceDisplay,
)

reviews = make_reviews(1200, noise=0.3, random_state=1)
train, new, y_train, y_new = train_test_split(
    reviews.texts, reviews.target, test_size=0.4, random_state=0
)
pipe = make_hypothesis_pipeline(random_state=0).fit(train, y_train)
evaluation = evaluate_hypotheses(pipe, new, y_new, X_train=train, y_train=y_train)
path = Path(tempfile.mkdtemp()) / "report.html"
write_report(evaluation, path, texts=new, y=y_new, pipeline=pipe)
print(f"{path.name}, {path.stat().st_size / 1000:.0f} kB")

# %%
# 1. Is there anything to find?
# -----------------------------
#
# Read the ceilings first. Each bar is how well a linear model predicts the stars of new
# texts from what one step passes on. If the first bar is near 0, the texts say nothing
# about the outcome, and no row below is worth reading. Where the bars drop, signal is
# lost, and that step is the one to improve.

CeilingsDisplay.from_evaluation(evaluation)

# %%
# The verdict says the same in words.

print(evaluation.verdict)

# %%
# The bar of the hypotheses may be longer than that of the embeddings. The judge reads
# each sentence, whereas an embedding is one vector for the whole review.
#
# 2. How large, and for how many texts?
# -------------------------------------
#
# A large effect of few texts (at the left) and a small effect of many (at the right)
# matter in different ways. Hollow dots are not significant.

PrevalenceDisplay.from_evaluation(evaluation, outcome="stars")

# %%
# 3. Do the words say what the neuron reacts to?
# ----------------------------------------------
#
# The test of a hypothesis is a test of its words. If they describe the neuron badly (a
# low F1), the row is still valid, but the autoencoder knew something that the words do
# not say.

FidelityDisplay.from_evaluation(evaluation)

# %%
# 4. Are these two rows one finding?
# ----------------------------------
#
# Hypotheses that hold for the same texts are one finding in two wordings. Those that
# correlate by 0.5 or more are one row of the report: "any of these".

AgreementDisplay.from_evaluation(evaluation)

# %%
# 5. Read texts
# -------------
#
# Phrases are a hint. Three texts that have the strongest concept, and three that do
# not, tell more than the table. The report shows them below each row.

table = evaluation.table
strongest = table.loc[table["coefficient"].abs().idxmax()]
has = evaluation.annotations[strongest["hypothesis"]].to_numpy() == 1
held_out = pd.DataFrame({"text": new, "stars": y_new.round(1), "has it": has})
print(f"{strongest['hypothesis']} ({strongest['coefficient']:+.2f} stars)")
examples = held_out.groupby("has it").sample(3, random_state=0)
for row in examples.sort_values("has it", ascending=False).itertuples(index=False):
    print(f"\n{'with' if row[2] else 'without'}, {row.stars} stars: {row.text}")

# %%
# Each column of the table is explained in :doc:`/user_guide/first_result`, each part of
# the report in :doc:`/user_guide/report`.
