import math

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sklearn_hsae.corpora import _feature_correlations, feature_correlations


@pytest.fixture
def activations():
    """80 texts with 9 features: rare ones, one in all texts, two that exclude."""
    rng = np.random.default_rng(0)
    X = rng.exponential(size=(80, 9)) * (rng.random((80, 9)) < 0.35)
    X[:, 1] = 1 + rng.random(80)
    X[:, 3] = X[:, 2] > 0
    X[:, 5] = (X[:, 4] == 0) & (rng.random(80) < 0.5)
    X[2:, 6] = 0
    return X


def npmi(a, b):
    p_a, p_b, both = a.mean(), b.mean(), (a & b).mean()
    if both == 0:
        return -1.0
    return 1.0 if both == 1 else math.log(both / (p_a * p_b)) / -math.log(both)


def phi(a, b):
    return 0.0 if a.all() or b.all() else np.corrcoef(a, b)[0, 1]


def jaccard(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("measure", [npmi, phi, jaccard])
def test_each_pair_against_a_loop(activations, measure):
    table = feature_correlations(activations, measure=measure.__name__, min_count=3)
    has, pairs = activations > 0, {}
    for i in range(9):
        for j in range(i + 1, 9):
            both = (has[:, i] & has[:, j]).sum()
            expected = has[:, i].sum() * has[:, j].sum() / 80
            if max(both, expected) >= 3:
                value = measure(has[:, i], has[:, j])
                pairs[f"x{i}", f"x{j}"] = (both, expected, value)
    assert len(table) == len(pairs) < 36
    for _, row in table.iterrows():
        both, expected, value = pairs[row["feature_a"], row["feature_b"]]
        assert row["count_a"] == has[:, int(row["feature_a"][1:])].sum()
        assert row["count_b"] == has[:, int(row["feature_b"][1:])].sum()
        assert row["count_both"] == both
        assert row["expected"] == pytest.approx(expected)
        assert row[measure.__name__] == pytest.approx(value)
    assert table[measure.__name__].is_monotonic_decreasing


def test_a_pair_that_never_occurs_together_is_minus_one(activations):
    table = feature_correlations(activations).set_index(["feature_a", "feature_b"])
    assert table.loc[("x4", "x5"), "npmi"] == -1
    assert table.loc[("x4", "x5"), "count_both"] == 0
    assert table.index[-1] == ("x4", "x5")
    assert table.loc[("x2", "x3"), "npmi"] == 1


def test_features_of_all_texts_have_a_value():
    table = feature_correlations(np.ones((6, 2)))
    assert table["npmi"].tolist() == [1.0]
    assert feature_correlations(np.ones((6, 2)), measure="phi")["phi"].tolist() == [0]


def test_of_equal_values_the_pair_of_more_texts_comes_first():
    has = np.zeros((40, 4))
    has[:6, :2] = has[6:20, 2:] = 1
    table = feature_correlations(has, min_count=2)
    pairs = list(zip(table["feature_a"], table["feature_b"], strict=True))
    assert pairs[:2] == [("x2", "x3"), ("x0", "x1")]


def test_blocks_change_nothing(activations, monkeypatch):
    expected = feature_correlations(activations)
    monkeypatch.setattr(_feature_correlations, "_PAIRS_PER_BLOCK", 20)
    pd.testing.assert_frame_equal(feature_correlations(activations), expected)


def test_sparse_input_gives_the_same_with_names(activations):
    names = [f"x{i}" for i in range(9)]
    expected = feature_correlations(activations, n_examples=2)
    frame = pd.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(activations))
    for same in (sparse.csr_array(activations), frame.set_axis(names, axis=1)):
        pd.testing.assert_frame_equal(
            feature_correlations(same, n_examples=2), expected
        )


def test_examples_have_both_features_and_the_weaker_one_decides(activations):
    table = feature_correlations(activations, n_examples=3)
    relative = activations / activations.max(axis=0)
    for _, row in table.iterrows():
        a, b = int(row["feature_a"][1:]), int(row["feature_b"][1:])
        weaker = np.minimum(relative[:, a], relative[:, b])
        expected = np.argsort(-weaker, kind="stable")[:3]
        assert row["examples"] == [i for i in expected if weaker[i] > 0]


def test_rare_features_have_no_row():
    table = feature_correlations(np.eye(8))
    assert len(table) == 0
    assert "npmi" in table.columns
    assert len(feature_correlations(np.ones((9, 1)))) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": "pmi"}, r"measure must be one of \['npmi', 'phi', 'jaccard'\]"),
        ({"min_count": 0}, "min_count must be an int >= 1, got 0"),
        ({"min_count": 0.5}, "min_count must be an int >= 1, got 0.5"),
        ({"n_examples": -1}, "n_examples must be an int >= 0"),
    ],
)
def test_bad_settings_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        feature_correlations(np.eye(3), **options)
