"""A product analyst: an Excel file of messages, a slide, and a number every week.

Everything here is a call of the command ``sklearn-hsae``; `main` runs it from Python.
"""

import pandas as pd

from sklearn_hsae import make_reviews
from sklearn_hsae.cli import main

# The messages of a quarter, as a colleague would send them, and those of three weeks.
reviews = make_reviews(360, random_state=0)
table = pd.DataFrame({"id": range(360), "message": reviews.texts})
table["mood"] = ["good" if stars > 3 else "bad" for stars in reviews.target]
table[:300].to_excel("quarter.xlsx", index=False)
table[300:330].drop(columns="mood").to_excel("week1.xlsx", index=False)
table[330:].drop(columns="mood").to_excel("week2.xlsx", index=False)
table[:0].to_csv("week3.csv", index=False)  # nobody wrote


def call(words):
    print(f"\n$ sklearn-hsae {words}")
    if main(words.split()):
        raise SystemExit("the command has told what is wrong")


# 1. What goes with a bad mood? results/ gets a report, tables, figures and the model.
call(
    "run quarter.xlsx --text message --target mood --positive bad "
    "--n-neurons 32 --n-select 4 --figures --examples 5"
)

# 2. Every Monday: the new messages, judged and predicted, beside their own columns.
for week in ("week1.xlsx", "week2.xlsx", "week3.csv"):
    call(f"apply results {week}")

# 3. The history, one line per week.
history = pd.read_csv("results/history.csv")
print(history[["file", "rows", "mean probability of bad", "drifting concepts"]])
