"""How often neurons fire on new texts, beside the training texts."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.stats import fisher_exact

from sklearn_hsae import NeuronSelector
from sklearn_hsae.corpora import neuron_drift


@pytest.fixture(scope="module")
def activations():
    rng = np.random.default_rng(0)
    X = rng.random((300, 6)) * (rng.random((300, 6)) < 0.3)
    return X, X[:, 1] - X[:, 4] + rng.normal(scale=0.1, size=300)


@pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame, sp.csr_array])
def test_rates_are_tested_against_those_of_training(activations, kind):
    X, y = activations
    select = NeuronSelector(2).fit(kind(X), y)
    np.testing.assert_allclose(select.prevalence_, (X[:, [1, 4]] > 0).mean(axis=0))
    new = X[:80].copy()
    new[:, 4] = 0
    table = neuron_drift(select, select.transform(kind(new)))
    assert table["drifts"].tolist() == [False, True] and (table["n"] == 80).all()
    before, now = (X[:, 4] > 0).sum(), 0
    counts = [[before, 300 - before], [now, 80 - now]]
    tails = [fisher_exact(counts, side)[1] for side in ("less", "greater")]
    assert table["p"][1] == pytest.approx(2 * min(tails))


def test_no_text_and_all_neurons(activations):
    X, y = activations
    select = NeuronSelector(2).fit(X, y)
    table = neuron_drift(select, np.empty((0, 2)))
    assert table["p"].isna().all() and not table["drifts"].any()
    with pytest.raises(ValueError, match="6 columns, and 2 neurons are selected"):
        neuron_drift(select, X)
