"""What sets a group of texts apart, against counting text by text."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sklearn_hsae.explorer import _features
from sklearn_hsae.explorer._features import (
    compare,
    hypothesis_features,
    neuron_features,
    phrase_features,
)


def test_shares_are_those_of_counting(content):
    rng = np.random.default_rng(0)
    annotations = content.annotations.copy()
    annotations[rng.random(annotations.shape) < 0.2] = np.nan
    inside = rng.random(len(annotations)) < 0.4
    features = [
        hypothesis_features(annotations),
        neuron_features(content.activations, content.neurons),
    ]
    table = compare(features, inside, ~inside).set_index("name")
    for name in annotations:
        for side, mask in (("share_in", inside), ("share_out", ~inside)):
            judged = [v for v in annotations[name][mask] if not np.isnan(v)]
            assert table.loc[name, side] == pytest.approx(sum(judged) / len(judged))
    dense = content.activations.toarray()
    for j, name in enumerate(content.neurons):
        share = sum(dense[i, j] > 0 for i in np.flatnonzero(inside)) / inside.sum()
        assert table.loc[name, "share_in"] == pytest.approx(share)
    assert table["z"].is_monotonic_decreasing
    assert (np.sign(table["z"]) == np.sign(table["difference"])).all()


def test_z_allows_for_how_many_texts_there_are():
    # 3 of 3 against 300 of 600 says less than 200 of 300 against 300 of 600.
    few = np.r_[np.ones(3), np.zeros(300), np.ones(300), np.zeros(300)]
    many = np.r_[np.zeros(3), np.ones(200), np.zeros(100), np.ones(300), np.zeros(300)]
    X = pd.DataFrame({"few": few, "many": many})
    outside = np.arange(903) >= 303
    z = compare([hypothesis_features(X)], np.arange(903) < 3, outside)
    few_z = z.set_index("name").loc["few", "z"]
    between = (np.arange(903) >= 3) & ~outside
    z = compare([hypothesis_features(X)], between, outside)
    assert z.set_index("name").loc["many", "z"] > few_z > 0


def test_a_group_without_a_text_has_no_share(content):
    nobody = np.zeros(120, dtype=bool)
    table = compare([hypothesis_features(content.annotations)], ~nobody, nobody)
    assert table["share_out"].isna().all() and table["share_in"].notna().all()
    assert np.isfinite(table["z"]).all()


def test_phrases_are_counted_in_a_sample(content, monkeypatch):
    monkeypatch.setattr(_features, "_MAX_PHRASE_TEXTS", 60)
    phrases = phrase_features(content.texts)
    j = phrases.names.tolist().index("fresh fish")
    has = np.array(["fresh fish" in text for text in content.texts])
    assert len(phrases.rows) == 60
    np.testing.assert_array_equal(
        phrases.texts_with(j), [i for i in phrases.rows if has[i]]
    )
    np.testing.assert_array_equal(
        phrases.texts_with(j, has=False), [i for i in phrases.rows if not has[i]]
    )
    counts, known = phrases.counts(has)
    assert counts[j] == known[j] == sum(has[i] for i in phrases.rows)


def test_texts_that_were_not_judged_are_on_neither_side():
    found = hypothesis_features(pd.DataFrame({"a": [1, 0, np.nan, 1]}))
    assert found.texts_with(0).tolist() == [0, 3]
    assert found.texts_with(0, has=False).tolist() == [1]


def test_texts_without_words_have_no_phrase():
    assert len(phrase_features(np.array(["", " "], dtype=object)).names) == 0


def test_stored_zeros_are_no_activation():
    X = sparse.csc_array(np.array([[1.0], [2.0]]))
    X.data[0] = 0
    names = np.array(["sae0"], dtype=object)
    assert neuron_features(X, names).texts_with(0).tolist() == [1]


def test_of_pairs_only_those_count_that_differ():
    pairs = np.array(
        [["slow food", "fresh fish"], ["fresh fish", "slow food"]] * 6
        + [["slow food", "slow fish"]] * 3,
        dtype=object,
    )
    phrases = phrase_features(pairs)
    j = phrases.names.tolist().index("slow food")
    assert phrases.texts_with(j).tolist() == [0, 2, 4, 6, 8, 10, 12, 13, 14]
    assert phrases.texts_with(j, has=False).tolist() == [1, 3, 5, 7, 9, 11]
    found = hypothesis_features(pd.DataFrame({"a": [1, -1, 0, np.nan]}), are_pairs=True)
    assert found.texts_with(0).tolist() == [0]
    assert found.texts_with(0, has=False).tolist() == [1]
    have, known = found.counts(np.ones(4, dtype=bool))
    assert (have[0], known[0]) == (1, 2)
