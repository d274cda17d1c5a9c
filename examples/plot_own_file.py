"""
Your own file
=============

From a file with a text and a number per row to a table for a spreadsheet.
"""

# %%
# A file as people have them: semicolons between the columns, decimal commas, and a row
# without stars.

import csv
import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from sklearn_hsae import (
    evaluate_hypotheses,
    load_texts,
    make_hypothesis_pipeline,
    make_reviews,
)

folder = Path(tempfile.mkdtemp())
reviews = make_reviews(1200, noise=0.3, random_state=1)
with open(folder / "reviews.csv", "w", encoding="utf-8", newline="") as file:
    writer = csv.writer(file, delimiter=";")
    writer.writerow(["id", "review", "stars"])
    for i, (text, stars) in enumerate(zip(reviews.texts, reviews.target, strict=True)):
        writer.writerow([f"r{i:04}", text, f"{stars:.1f}".replace(".", ",")])
    writer.writerow(["r1200", "Nice.", ""])

print((folder / "reviews.csv").read_text(encoding="utf-8")[:150])

# %%
# :func:`~sklearn_hsae.load_texts` finds out the rest. A row without an outcome is an
# error that names the row: nothing is left out without your knowledge.

try:
    load_texts(folder / "reviews.csv", text="review", target="stars")
except ValueError as error:
    print(error)

# %%
# So say that it may be left out.

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    texts, stars, frame = load_texts(
        folder / "reviews.csv", text="review", target="stars", drop_missing=True
    )
print(*[warning.message for warning in caught])
frame.head(3)

# %%
# Look at the outcome and at the length of the texts before you fit anything. An outcome
# that nearly all rows share, or texts of two words, say what can be expected.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
left.hist(stars, bins=30)
left.set(xlabel="stars", ylabel="reviews")
right.hist([len(text.split()) for text in texts], bins=30)
_ = right.set(xlabel="words per review")

# %%
# The pipeline, and the test on texts that it has not seen.

train, new, y_train, y_new = train_test_split(
    texts, stars, test_size=0.4, random_state=0
)
pipe = make_hypothesis_pipeline(random_state=0).fit(train, y_train)
evaluation = evaluate_hypotheses(pipe, new, y_new, X_train=train, y_train=y_train)

# %%
# One row per hypothesis, with plain names of columns, for whatever you do next.

table = evaluation.to_frame()
table.to_csv(folder / "hypotheses.csv", index=False)
columns = ["hypothesis", "coefficient", "ci_low", "ci_high", "p_corrected"]
table.sort_values("coefficient")[columns].round(3)

# %%
# The same from a terminal is one line, and writes the report as well:
#
# .. code-block:: console
#
#    $ sklearn-hsae run reviews.csv --text review --target stars --drop-missing --id id
#
# Excel, JSON and parquet, other decimal signs, and what is refused: see
# :doc:`/user_guide/files`.
