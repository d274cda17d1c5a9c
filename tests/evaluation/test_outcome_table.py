"""Counts, ordered classes and classes side by side, against statsmodels."""

import sys

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.miscmodels.ordinal_model import OrderedModel

from sklearn_hsae.evaluation import outcome_table


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    values = (rng.random((400, 3)) < [0.2, 0.4, 0.6]).astype(float)
    return pd.DataFrame(values, columns=["late", "cold", "kind"])


@pytest.fixture(scope="module")
def counts(X):
    rng = np.random.default_rng(1)
    return rng.poisson(rng.gamma(2, np.exp(0.2 + 0.6 * X["cold"]) / 2))


def test_counts_equal_statsmodels(X, counts):
    """The floor of the variance is the quasi-Poisson one; HC3 is near HC0."""
    table = outcome_table(X, counts, family="poisson")
    model = sm.GLM(counts, sm.add_constant(X), family=sm.families.Poisson())
    fit = model.fit(scale="X2")
    np.testing.assert_allclose(table["coefficient"], fit.params[1:], rtol=1e-6)
    expected = np.maximum(fit.bse[1:], model.fit(cov_type="HC0").bse[1:])
    np.testing.assert_allclose(table["standard_error"], expected, rtol=0.03)
    assert (table["standard_error"] >= fit.bse[1:].to_numpy() * (1 - 1e-9)).all()
    assert table["significant"].tolist() == [False, True, False]


def test_counts_of_groups_vary_as_groups_do(X, counts):
    # Each row twice, in one group: nothing is learned that was not known.
    copies = np.tile(np.arange(400), 2)
    twice = outcome_table(
        X.iloc[copies], counts[copies], family="poisson", groups=copies
    )
    once = outcome_table(X, counts, family="poisson")
    np.testing.assert_allclose(twice["coefficient"], once["coefficient"], rtol=1e-6)
    np.testing.assert_allclose(
        twice["standard_error"], once["standard_error"], rtol=0.03
    )


def test_counts_of_rare_concepts_keep_their_level():
    # Fifteen concepts that 1 to 30 % of 300 rows have, counts that are mostly 0.
    rng = np.random.default_rng(2)
    n_found, n_draws = 0, 60
    for _ in range(n_draws):
        X = (rng.random((300, 15)) < np.geomspace(0.01, 0.3, 15)).astype(float)
        y = rng.poisson(rng.gamma(0.5, 1.0, 300))
        n_found += outcome_table(X, y, family="poisson")["significant"].any()
    assert n_found <= 7  # 3 are expected at 5 %


def test_ordered_classes_equal_statsmodels(X):
    latent = 1.2 * X["late"] + np.random.default_rng(3).logistic(size=400)
    grade = np.digitize(latent, [-1, 0.5, 2])
    table = outcome_table(X, grade * 10, family="ordinal")
    fit = OrderedModel(grade, X, distr="logit").fit(method="bfgs", disp=0)
    np.testing.assert_allclose(table["coefficient"], fit.params[:3], rtol=1e-4)
    np.testing.assert_allclose(table["p"], fit.pvalues[:3], rtol=1e-3)
    words = pd.Series(grade).map(dict(enumerate(["poor", "fair", "good", "best"])))
    order = pd.CategoricalDtype(["poor", "fair", "good", "best"], ordered=True)
    again = outcome_table(X, words.astype(order), family="ordinal")
    pd.testing.assert_frame_equal(again, table)


def test_classes_are_compared_with_the_most_frequent_one(X):
    rng = np.random.default_rng(4)
    share = np.exp(np.column_stack([0.8 * X["kind"], 0.5 + 0 * X["kind"], X["late"]]))
    share /= share.sum(axis=1, keepdims=True)
    code = (rng.random((400, 1)) > share.cumsum(axis=1)).sum(axis=1)
    y = np.array(["art", "law", "war"])[code]
    table = outcome_table(X.assign(never=0.0), y, family="multinomial")
    reference = pd.Series(y).value_counts().index[0]
    assert table.attrs["reference"] == reference
    others = table["class"].unique().tolist()
    order = {label: k for k, label in enumerate([reference, *others])}
    fit = sm.MNLogit([order[label] for label in y], sm.add_constant(X)).fit(disp=0)
    for k, label in enumerate(others):
        block = table[(table["class"] == label) & (table["hypothesis"] != "never")]
        np.testing.assert_allclose(block["coefficient"], fit.params.iloc[1:, k], 1e-4)
        np.testing.assert_allclose(block["p"], fit.pvalues.iloc[1:, k], 1e-3)
    # The likelihood ratio test is near Wald's.
    less = sm.MNLogit([order[v] for v in y], sm.add_constant(X[["cold", "kind"]]))
    ratio = 2 * (fit.llf - less.fit(disp=0).llf)
    late = table.loc[table["hypothesis"] == "late", "joint_p"]
    assert stats.chi2.isf(late.iloc[0], 2) == pytest.approx(ratio, rel=0.1)
    left_out = table[table["hypothesis"] == "never"]
    assert (
        left_out["p"].isna().all()
        and left_out["note"].str.contains("fewer than 10").all()
    )


@pytest.mark.parametrize(
    ("y", "family", "options", "message"),
    [
        (np.arange(400) - 1, "poisson", {}, "Counts are 0 or greater; y has -1"),
        (np.arange(400) * 1.5, "ordinal", {}, "400 values.*HypothesisRegressor"),
        (np.ones(400), "poisson", {}, "one value"),
        (np.ones(400), "normal", {}, "one of poisson, ordinal, multinomial"),
        (np.arange(400) % 3, "ordinal", {"groups": np.arange(400)}, "independent"),
    ],
)
def test_outcomes_that_do_not_suit_are_refused(X, y, family, options, message):
    with pytest.raises(ValueError, match=message):
        outcome_table(X, y, family=family, **options)


def test_classes_that_a_concept_tells_apart_have_no_estimate(X):
    y = np.where(X["late"] == 1, "late", np.resize(["early", "on time"], 400))
    with pytest.raises(ValueError, match=r"no maximum.*HypothesisClassifier"):
        outcome_table(X, y, family="multinomial")


def test_annotations_of_pairs_are_refused(X, counts):
    # A model with an intercept depends on which text of a pair is the first.
    with pytest.raises(ValueError, match="Got -1, as in annotations of pairs"):
        outcome_table(X - X[::-1].to_numpy(), counts, family="poisson")


@pytest.mark.parametrize("wrong", [{"alpha": 5}, {"correction": "min_p"}])
def test_a_level_and_a_correction_that_do_not_exist_are_refused(wrong):
    frame = pd.DataFrame({"late": [0, 1] * 20})
    with pytest.raises(ValueError, match=next(iter(wrong))):
        outcome_table(frame, np.arange(40), family="poisson", **wrong)


@pytest.mark.parametrize("family", ["poisson", "ordinal", "multinomial"])
def test_without_statsmodels_the_extra_is_named(X, counts, family, monkeypatch):
    for module in ("statsmodels.api", "statsmodels.miscmodels.ordinal_model"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install 'sklearn-hsae\[outcomes\]'"):
        outcome_table(X, counts.clip(max=2), family=family)
