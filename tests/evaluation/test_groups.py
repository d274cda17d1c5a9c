"""Groups of hypotheses that agree, against definitions in plain loops."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.pipeline import Pipeline

from sklearn_hsae import (
    HypothesisClassifier,
    HypothesisRegressor,
    evaluate_hypotheses,
)
from sklearn_hsae.evaluation._groups import agreeing_groups


def phi(a, b):
    """Correlation of two binary columns from their table of counts."""
    n11, n10 = np.sum(a & b), np.sum(a & ~b)
    n01, n00 = np.sum(~a & b), np.sum(~a & ~b)
    scale = np.sqrt(float((n11 + n10) * (n01 + n00) * (n11 + n01) * (n10 + n00)))
    return (n11 * n00 - n10 * n01) / scale


def named(columns):
    return [f"x{j}" for j in range(columns.shape[1])]


def noisy_copies(seed, flips, n_rows=600, n_concepts=3, n_copies=3):
    """Concepts, each in several columns with a share of the rows flipped."""
    rng = np.random.default_rng(seed)
    truth = rng.random((n_rows, n_concepts)) < 0.3
    copies = np.repeat(truth, n_copies, axis=1)
    return truth, copies ^ (rng.random(copies.shape) < flips)


@pytest.mark.parametrize("flips", [0.01, 0.1, 0.2, 0.4])
def test_every_two_of_a_group_correlate_and_two_groups_do_not_all(flips):
    _, columns = noisy_copies(0, flips)
    groups = agreeing_groups(columns.astype(float), named(columns))
    together = [
        phi(columns[:, i], columns[:, j])
        for i, j in combinations(range(columns.shape[1]), 2)
        if groups[i] == groups[j]
    ]
    assert all(value >= 0.5 for value in together)
    if flips <= 0.1:
        assert groups.tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    for a, b in combinations(np.unique(groups), 2):  # no two groups could be one
        pairs = [
            phi(columns[:, i], columns[:, j])
            for i in np.flatnonzero(groups == a)
            for j in np.flatnonzero(groups == b)
        ]
        assert min(pairs) < 0.5


def test_constant_and_missing_annotations_are_groups_of_their_own():
    columns = np.zeros((30, 3))
    columns[:10, 1:] = 1
    columns[0] = np.nan
    assert agreeing_groups(columns, named(columns)).tolist() == [1, 2, 2]
    assert agreeing_groups(np.full((5, 2), np.nan), ["a", "b"]).tolist() == [1, 2]
    assert agreeing_groups(columns[:, :1], ["a"]).tolist() == [1]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Is late.", "is cheap", "is late"], [1, 2, 1]),
        (["price", "view", "price (2)"], [1, 2, 1]),  # as interpreters make it unique
        (["topic (1)", "view", "topic (2)"], [1, 2, 3]),  # names of the user
        (["mentions 👍", "view", "mentions 👎"], [1, 2, 3]),
        (["good", "view", "not good"], [1, 2, 3]),
    ],
)
def test_the_same_words_are_one_group_whatever_the_annotations(names, expected):
    columns = np.random.default_rng(5).integers(2, size=(200, 3)).astype(float)
    assert agreeing_groups(columns, named(columns)).tolist() == [1, 2, 3]
    assert agreeing_groups(columns, names).tolist() == expected


@pytest.mark.parametrize("last", [HypothesisRegressor(), HypothesisClassifier()])
def test_copies_of_one_concept_are_one_significant_group(last):
    # Three columns say the same: jointly none of them adds to the others.
    truth, columns = noisy_copies(1, 0.02)
    rng = np.random.default_rng(2)
    y = truth[:, 0] * 1.0 + rng.normal(size=len(truth))
    if isinstance(last, HypothesisClassifier):
        y = y > 0.5
    X = columns.astype(float)
    pipe = Pipeline([("regress", last)]).fit(X[:300], y[:300])
    evaluation = evaluate_hypotheses(pipe, X[300:], y[300:])
    assert evaluation.metrics["n_groups"] == 3
    assert evaluation.groups["significant"].tolist() == [True, False, False]
    assert evaluation.groups["members"][0] == ["x0", "x1", "x2"]
    assert evaluation.metrics["n_significant_groups"] == 1
    assert evaluation.metrics["n_significant_alone"] == 1
    assert evaluation.table["group"].tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert "1 of 3 hypotheses is significant" in evaluation.verdict
    # Together the three have an effect, though none of them beside the other two.
    assert evaluation.groups["wald_p_corrected"][0] < 1e-4
    assert evaluation.metrics["n_significant_wald"] == 1
    # The group is the hypothesis that a text has any of the three.
    anyone = X[300:, :3].any(axis=1)
    assert evaluation.groups["prevalence"][0] == pytest.approx(anyone.mean())


def test_the_wald_test_of_a_group_is_that_of_statsmodels():
    _, columns = noisy_copies(7, 0.05, n_concepts=2, n_copies=2)
    rng = np.random.default_rng(8)
    X, control = columns.astype(float), rng.normal(size=len(columns))
    y = 0.2 * X[:, 1] + control + rng.normal(size=len(X))
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"]).assign(year=control)
    last = HypothesisRegressor(cov_type="nonrobust", controls=["year"])
    pipe = Pipeline([("regress", last)]).fit(frame, y)
    groups = evaluate_hypotheses(pipe, frame, y).groups
    model = sm.OLS(y, sm.add_constant(np.column_stack([control, X]))).fit()
    expected = [model.f_test(np.eye(6)[own]).pvalue for own in ([2, 3], [4, 5])]
    assert groups["members"].tolist() == [["a", "b"], ["c", "d"]]
    np.testing.assert_allclose(groups["wald_p"], expected, rtol=1e-6)


def test_a_text_with_a_missing_annotation_has_the_group_if_another_says_yes():
    rng = np.random.default_rng(3)
    has = rng.random(400) < 0.4
    X = np.column_stack([has, has]).astype(float)
    X[:50, 0] = np.nan
    y = has + rng.normal(size=400)
    pipe = Pipeline([("regress", HypothesisRegressor())]).fit(X, y)
    groups = evaluate_hypotheses(pipe, X, y).groups
    assert groups["n"].tolist() == [400 - np.sum(~has[:50])]


def test_groups_have_the_classes_of_the_fit_when_one_is_not_held_out():
    rng = np.random.default_rng(4)
    X = rng.integers(2, size=(300, 2)).astype(float)
    y = rng.choice(["x", "y", "z"], 300)
    pipe = Pipeline([("classify", HypothesisClassifier())]).fit(X, y)
    rows = y != "z"
    evaluation = evaluate_hypotheses(pipe, X[rows], y[rows])
    columns = ["class", "hypothesis", "coefficient", "note"]
    assert evaluation.groups[columns].equals(evaluation.table[columns])
