"""Corrected labels reach every table of an evaluation."""

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from sklearn_hsae import HypothesisRegressor, evaluate_hypotheses
from sklearn_hsae.evaluation import corrected_names, relabel


def test_labels_are_corrected_everywhere_and_stay_unique():
    rng = np.random.default_rng(0)
    a = rng.integers(2, size=200)
    X = pd.DataFrame({"a": a, "a copy": a ^ (rng.random(200) < 0.05), "b": 1 - a % 2})
    X["b"] = rng.integers(2, size=200)
    y = a + rng.normal(size=200)
    pipe = Pipeline([("regress", HypothesisRegressor())]).fit(X, y)
    before = evaluate_hypotheses(pipe, X, y)
    labels = {"a": "waiting", "b": "waiting", "gone": "x"}
    after = relabel(before, labels)
    names = ["waiting", "a copy", "waiting (2)"]
    assert after.annotations.columns.tolist() == names
    assert after.table["hypothesis"].tolist() == names
    assert ["waiting", "a copy"] in after.groups["members"].tolist()
    words = {"waiting or a copy", "waiting (2)"}
    assert set(after.groups["hypothesis"]) == words
    assert set(after.to_frame()["hypothesis"]) == words
    pd.testing.assert_series_equal(after.table["p"], before.table["p"])
    assert before.table["hypothesis"].tolist() == ["a", "a copy", "b"]


def test_no_correction_changes_nothing():
    assert corrected_names(["a", "b"], {}) == {"a": "a", "b": "b"}
