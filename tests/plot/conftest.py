"""Evaluations of many shapes, made in a fraction of a second."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from sklearn_hsae import (
    HypothesisClassifier,
    HypothesisRegressor,
    NeuronSelector,
    evaluate_hypotheses,
)


def make_evaluation(n_hypotheses=6, kind="numbers", label="mentions soup no. {}"):
    """An evaluation whose first concepts act, with a copy and a constant among them."""
    rng = np.random.default_rng(0)
    names = [label.format(i) for i in range(n_hypotheses)]
    X = pd.DataFrame(rng.random((600, n_hypotheses)) < 0.3, columns=names).astype(float)
    score = X.iloc[:, 0] - 0.7 * X.iloc[:, -1] + rng.normal(size=600)
    if n_hypotheses > 3:
        X[names[1]] = np.where(rng.random(600) < 0.95, X[names[0]], 0.0)
        X[names[2]] = 1.0
    cuts = {"numbers": None, "two classes": [0], "three classes": [0, 1]}[kind]
    y = (
        score
        if cuts is None
        else np.array(["bad", "fair", "good"])[np.digitize(score, cuts)]
    )
    last = HypothesisRegressor() if cuts is None else HypothesisClassifier()
    steps = [("select", NeuronSelector(columns=list(range(n_hypotheses)))), ("l", last)]
    pipe = Pipeline(steps).fit(X[:300], y[:300])
    evaluation = evaluate_hypotheses(
        pipe, X[300:], y[300:], X_train=X[:300], y_train=y[:300]
    )
    shares = rng.random((4, len(evaluation.table)))
    fidelity = dict(zip(["precision", "recall", "f1"], shares, strict=False))
    table = evaluation.table.assign(**fidelity)
    return type(evaluation)(**{**vars(evaluation), "table": table})


@pytest.fixture
def make():
    return make_evaluation
