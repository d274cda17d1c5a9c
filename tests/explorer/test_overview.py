"""The table of hypotheses and neurons, and the texts of a neuron by quantile."""

from itertools import pairwise

import numpy as np
import pytest
from explorer_content import make_content
from scipy import sparse

from sklearn_hsae.explorer import LabelFile
from sklearn_hsae.explorer._features import Features, neuron_features
from sklearn_hsae.explorer._overview import neuron_phrases, quantile_texts
from sklearn_hsae.explorer._state import SharedContent


def test_shares_and_differences_are_those_of_counting(content):
    content.annotations.iloc[:10, 0] = np.nan
    table = SharedContent(content, LabelFile()).overview().set_index("name")
    y = content.outcome.to_numpy()
    for j, name in enumerate(content.annotations):
        values = content.annotations[name].to_numpy()
        difference = y[values == 1].mean() - y[values == 0].mean()
        assert table.loc[name, "outcome"] == pytest.approx(difference)
        assert table.loc[name, "share"] == pytest.approx(100 * np.nanmean(values))
        line = content.evaluation.table.iloc[j]
        assert table.loc[name, "effect"] == line["coefficient"]
        assert table.loc[name, "p"] == line["p_corrected"]
    active = content.activations.toarray()[:, 2] > 0
    difference = y[active].mean() - y[~active].mean()
    assert table.loc["sae2", "outcome"] == pytest.approx(difference)
    assert table["kind"].tolist() == ["hypothesis"] * 2 + ["neuron"] * 3


def test_a_neuron_that_never_fires_has_no_difference():
    content = make_content()
    content.activations = sparse.csc_array((120, 3))
    table = SharedContent(content, LabelFile()).overview()
    assert table.query("kind == 'neuron'")["outcome"].isna().all()
    assert (table.query("kind == 'neuron'")["share"] == 0).all()


def test_texts_by_quantile_cover_all_texts_once():
    values = np.r_[np.zeros(30), np.random.default_rng(0).uniform(1, 2, 41)]
    found = quantile_texts(values)
    strongest = found.pop("strongest")
    assert strongest.tolist() == np.argsort(-values)[:20].tolist()
    every = np.concatenate(list(found.values()))
    assert sorted(every) == list(range(71))
    assert (values[found.pop("silent")] == 0).all()
    quarters = list(found.values())
    for upper, lower in pairwise(quarters):
        assert values[upper].min() >= values[lower].max()
    assert len(quantile_texts(np.zeros(3))["strongest"]) == 0


def test_a_neuron_is_described_by_phrases_that_go_with_it(monkeypatch):
    rng = np.random.default_rng(0)
    active = (rng.random((300, 4)) < 0.3).astype(float)
    noise = (rng.random((300, 5)) < 0.3).astype(float)
    noise[:, 2] = active[:, 1]
    noise[:50, 4] = 1 - active[:50, 3]
    names = np.array(list("abcde"), dtype=object)
    phrases = Features("phrase", names, sparse.csc_array(noise[50:]))
    phrases = phrases._replace(rows=np.arange(50, 300))
    neurons = neuron_features(
        sparse.csc_array(active), np.array(["n0", "n1", "n2", "n3"], dtype=object)
    )
    monkeypatch.setattr("sklearn_hsae.explorer._overview._NEURONS_PER_BLOCK", 3)
    found = neuron_phrases(neurons, phrases)
    assert found["n1"][0] == "c"
    for j, name in enumerate(neurons.names):
        phi = np.corrcoef(active[50:, j], noise[50:].T)[0, 1:]
        expected = [names[i] for i in np.argsort(-phi)[:3] if phi[i] > 0.1]
        assert found[name] == expected
