"""The simple comparisons and corrections in the table, at their edges."""

import math
import warnings

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone

from sklearn_hsae import HypothesisClassifier, HypothesisRegressor


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_a_group_without_spread_gives_no_warning(offset):
    """Ratings at the ceiling are all equal; scipy then speaks of precision loss."""
    others = np.array([1.0, 2, 3, 2, 4, 1.1])
    y = offset + np.concatenate([np.full(7, 4.9), others])
    X = np.repeat([1.0, 0.0], [7, 6])[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = HypothesisRegressor().fit(X, y).summary_
    # All the spread is that of the six others: their own variance is larger than the
    # pooled one. The degrees of freedom are those for equal noise in both groups.
    t = (4.9 - others.mean()) / (others.std(ddof=1) / np.sqrt(6))
    degrees = (1 / 7 + 1 / 6) ** 2 / (1 / 7**2 / 6 + 1 / 6**2 / 5)
    expected = 2 * stats.t.sf(t, degrees)
    assert table.loc[0, "separation_p"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_two_groups_without_spread(offset):
    """Outcomes that a concept decides exactly: p is that of the one order in C(20, 7).

    With these numbers rounding leaves a sum of squares below 0 in both groups.
    """
    X = np.repeat([1.0, 0.0], [7, 13])[:, None]
    y = offset + np.repeat([4.9, 2.3], [7, 13])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = HypothesisRegressor().fit(X, y).summary_
    assert table.loc[0, "separation"] == pytest.approx(2.6)
    assert table.loc[0, "separation_p"] == pytest.approx(1 / math.comb(20, 7))


@pytest.mark.parametrize("correction", ["bonferroni", "holm", "fdr_bh"])
def test_what_could_not_be_tested_counts_as_a_test_that_found_nothing(correction):
    """Adding hypotheses that no row can decide must not make others significant."""
    rng = np.random.default_rng(0)
    X = (rng.random((200, 3)) < 0.4).astype(float)
    y = X @ [0.6, 0.4, 0.0] + rng.standard_normal(200)
    never = np.zeros((200, 2))
    model = HypothesisRegressor(correction=correction)
    table = model.fit(np.hstack([never, X]), y).summary_
    p = np.sort(table["p"][2:])
    factors = {
        "bonferroni": [5, 5, 5],
        "holm": [5, 4, 3],  # the two are last in line
        "fdr_bh": [5 / 1, 5 / 2, 5 / 3],
    }[correction]
    expected = np.minimum(p * factors, 1.0)
    if correction == "fdr_bh":
        expected = np.minimum.accumulate(expected[::-1])[::-1]
    else:
        expected = np.maximum.accumulate(expected)
    np.testing.assert_allclose(np.sort(table["p_corrected"][2:]), expected)
    assert table["p_corrected"][:2].isna().all()
    assert not table["significant"][:2].any()


@pytest.mark.parametrize("n_holders", [40, 6])  # of six, the classifier makes profiles
@pytest.mark.parametrize("model", [HypothesisRegressor(), HypothesisClassifier()])
def test_simultaneous_intervals_are_those_of_bonferroni(model, n_holders):
    """Of three hypotheses beside one control, each interval has a third of alpha."""
    rng = np.random.default_rng(0)
    X = (rng.random((200, 4)) < 0.5).astype(float)
    X[:, 3] = np.arange(200) < n_holders
    y = (rng.random(200) < 0.4 + 0.3 * X[:, 3]).astype(float)
    model = model.set_params(controls=["x0"], correction="bonferroni", alpha=0.12)
    together = clone(model).set_params(intervals="simultaneous").fit(X, y)
    single = clone(model).set_params(alpha=0.04).fit(X, y)
    ends = ["ci_low", "ci_high"]
    expected = single.summary_[ends]
    np.testing.assert_allclose(together.summary_[ends], expected, rtol=1e-4, atol=1e-6)
    table = together.summary_
    excludes_0 = table["ci_low"] * table["ci_high"] > 0
    assert (excludes_0 == table["significant"]).all()
    pointwise = clone(model).fit(X, y)
    np.testing.assert_array_equal(together.controls_[ends], pointwise.controls_[ends])
    np.testing.assert_array_equal(table["p"], pointwise.summary_["p"])
