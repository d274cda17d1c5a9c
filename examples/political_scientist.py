"""A political scientist: which bills become law, by sponsor, for a paper.

The bills are generated. Two subjects act: names for post offices pass, taxes do not.
"""

import matplotlib
import numpy as np
import pandas as pd

from sklearn_hsae import DiscoverySplit, evaluate_hypotheses, make_hypothesis_pipeline
from sklearn_hsae.plot import save_figures

matplotlib.use("agg")
SUBJECTS = [
    "designate the post office in {place} as the {name} Post Office Building",
    "raise the tax on imported {thing} and close loopholes for {thing} dealers",
    "provide health insurance for children in {place}",
    "protect the rivers and forests of {place}",
    "improve the training of teachers at public schools in {place}",
    "compensate farmers in {place} whose harvest of {thing} was lost",
]
WORDS = {
    "place": ["Ohio", "Texas", "Maine", "Utah", "Iowa", "Nevada", "Oregon", "Kansas"],
    "name": ["John Smith", "Maria Lopez", "Henry Adams", "Ruth Cohen", "Sam Lee"],
    "thing": ["wine", "steel", "cars", "corn", "cotton", "sugar", "apples", "shoes"],
}

rng = np.random.default_rng(0)
subject = rng.integers(len(SUBJECTS), size=800)
bills = pd.Series(
    [
        "A bill to "
        + SUBJECTS[i].format(**{key: rng.choice(words) for key, words in WORDS.items()})
        + rng.choice([".", ", and for other purposes."])
        for i in subject
    ],
    name="title",
)
sponsor = rng.integers(80, size=800)  # bills of one sponsor are not independent
log_odds = 3 * (subject == 0) - 3 * (subject == 1) + rng.normal(size=80)[sponsor]
law = np.where(rng.random(800) < 1 / (1 + np.exp(-log_odds)), "law", "no law")

# 1. Find hypotheses on one half of the sponsors, test them on the other. Each bill has
# one subject, so one neuron is active per text.
pipe = make_hypothesis_pipeline(
    task="classification", positive="law", n_neurons=12, k=1, n_select=5, random_state=0
).set_params(regress__cov_type="cluster", sae__max_epochs=15)
model = DiscoverySplit(pipe, random_state=0).fit(bills, law, groups=sponsor)
found, held_out = model.discovery_rows_, model.inference_rows_

# 2. The table, the paragraph of methods and the figures of the paper.
evaluation = evaluate_hypotheses(
    model,
    bills[held_out],
    law[held_out],
    X_train=bills[found],
    y_train=law[found],
    groups=sponsor[held_out],
)
print(evaluation)
print(evaluation.to_latex())
print(evaluation.methods("law"))
save_figures(evaluation, "figures", outcome="law")

# 3. Read some bills before you believe a row.
strongest = evaluation.table["coefficient"].idxmax()
has = evaluation.annotations.iloc[:, strongest].to_numpy() == 1
print("\n".join(bills[held_out][has][:5]))
