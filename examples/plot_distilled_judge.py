"""
Distilling a judge
==================

A language model judges some texts, and probes that learn from it judge all others.
"""

# %%
# The language model is the pretended one of
# :ref:`sphx_glr_auto_examples_plot_language_model.py`: it looks the truth up, and errs
# in 3 % of the cases. It reads about 400 texts. For each concept, a linear probe on the
# embeddings learns from its annotations.

import tempfile

import matplotlib.pyplot as plt
import numpy as np
from pretend_model import PretendModel
from sklearn.metrics import f1_score

from sklearn_hsae import (
    ConceptAnnotator,
    EmbeddingTransformer,
    LanguageModel,
    make_reviews,
)

reviews = make_reviews(1200, noise=0.3, random_state=1)
train, new = reviews.texts[:720], reviews.texts[720:]
server = PretendModel(reviews.texts, reviews.truth, reviews.concepts)
llm = LanguageModel(
    "openai/gpt-5-mini", api_base=server.start(), cache_dir=tempfile.mkdtemp()
)
annotator = ConceptAnnotator(
    reviews.concepts,
    judge="distilled",
    llm=llm,
    n_teaching=400,
    random_state=0,
)
embedder = EmbeddingTransformer().set_output(transform="pandas")
annotator.fit(embedder.fit_transform(train))
calls = annotator.usage_["calls"]
annotator.distillation_.round(2)

# %%
# ``f1`` is how well a probe agrees with the language model, by cross-validation.
# Concepts below ``min_f1`` stay with the language model, so new texts cost calls for
# these alone.

annotations = annotator.transform(embedder.transform(new))
server.stop()
print(f"{calls} calls to learn, {annotator.usage_['calls'] - calls} for 480 new texts")

# %%
# Is it true? Both judges against what is planted, on new texts:

truth = reviews.truth[720:]
scores = [
    f1_score(truth[:, j], annotations.iloc[:, j] == 1) for j in range(truth.shape[1])
]
is_distilled = annotator.distillation_["is_distilled"].to_numpy()
order = np.argsort(scores)
figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
ax.barh(
    np.array(reviews.concepts)[order],
    np.array(scores)[order],
    color=np.where(is_distilled[order], "tab:blue", "tab:grey"),
)
_ = ax.set(xlabel="F1 on new texts (blue: probe, grey: language model)", xlim=(0, 1))

# %%
# More of it: :doc:`/user_guide/language_models`.
