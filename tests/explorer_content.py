"""Content for the explorer without a model: texts with planted clusters."""

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.pipeline import Pipeline

from sklearn_hsae import HypothesisRegressor, evaluate_hypotheses
from sklearn_hsae.explorer._content import Content

HOSTILE = '</script><img src=x onerror="window.hacked=1"><b>bold</b> $$x$$ \'q" {{7}}'
TOPICS = ("slow waiter", "fresh fish", "loud music")


def make_content(n_texts=120, names=("mentions slow", "mentions fish"), extra=()):
    """Three clusters of texts, each with a neuron; the first two have hypotheses."""
    rng = np.random.default_rng(0)
    topic = np.arange(n_texts) % 3
    texts = [f"the {TOPICS[k]} of visit {i}" for i, k in enumerate(topic)]
    texts[: len(extra)] = extra
    vectors = 6 * np.eye(3, 8)[topic] + rng.normal(size=(n_texts, 8))
    activations = np.eye(3)[topic] * rng.uniform(0.5, 2, size=(n_texts, 1))
    annotations = pd.DataFrame(np.eye(3)[topic][:, :2], columns=list(names))
    y = pd.Series(annotations.iloc[:, 0] + rng.normal(size=n_texts), name="stars")
    pipe = Pipeline([("regress", HypothesisRegressor())]).fit(annotations, y)
    evaluation = evaluate_hypotheses(pipe, annotations, y)
    return Content(
        texts=np.array(texts, dtype=object),
        outcome=y,
        evaluation=evaluation,
        vectors=vectors.astype(np.float32),
        activations=sparse.csc_array(activations),
        neurons=np.array(["sae0", "sae1", "sae2"], dtype=object),
        directions=np.array([[1.0, 0], [0.6, 0.8], [-1, 0]]),
        columns=pd.DataFrame(
            {"year": 2000 + topic, "city": np.array(["A", "B"])[topic % 2]}
        ),
    )
