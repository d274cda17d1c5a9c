"""Concepts in new texts beside those of the training texts."""

import numpy as np
import pandas as pd
import pytest

from sklearn_hsae import HypothesisClassifier, HypothesisRegressor
from sklearn_hsae.corpora import concept_drift


@pytest.fixture(scope="module")
def training():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.random((400, 3)) < [0.1, 0.5, 0.9], columns=list("abc"))
    return X.astype(float), rng.integers(3, size=400)


@pytest.mark.parametrize("last", [HypothesisRegressor(), HypothesisClassifier()])
def test_noise_does_not_drift_and_a_change_does(training, last):
    X, y = training
    model = last.fit(X, y)
    rng = np.random.default_rng(1)
    n_drifting = 0
    for _ in range(200):
        new = pd.DataFrame(rng.random((50, 3)) < [0.1, 0.5, 0.9], columns=list("abc"))
        n_drifting += concept_drift(model, new)["drifts"].any()
    assert n_drifting / 200 < 0.06
    new["a"] = 1.0
    table = concept_drift(model, new)
    assert table["hypothesis"].tolist() == list("abc")
    assert table["drifts"].tolist() == [True, False, False]
    np.testing.assert_allclose(table["training_prevalence"], X.mean())


def test_missing_annotations_and_no_texts(training):
    X, y = training
    model = HypothesisRegressor().fit(X, y)
    new = X[:20].copy()
    new.iloc[:5, 0] = np.nan
    assert concept_drift(model, new)["n"].tolist() == [15, 20, 20]
    table = concept_drift(model, X[:0])
    assert table[["prevalence", "p", "p_corrected"]].isna().all(axis=None)
    assert not table["drifts"].any()
    with pytest.raises(ValueError, match="no column 'c'"):
        concept_drift(model, new[["a", "b"]])
