"""Effects by group and their differences, against regressions with interactions."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.pipeline import Pipeline

from sklearn_hsae import HypothesisClassifier, HypothesisRegressor, evaluate_hypotheses
from sklearn_hsae.inference import effects_by_group

NAMES = ["praises", "waits", "parks"]


def flights(n=900, seed=0, airlines=("A", "B", "C")):
    """To praise counts twice as much at the second airline; waiting everywhere."""
    rng = np.random.default_rng(seed)
    by = pd.Series(rng.choice(airlines, n), name="airline")
    X = pd.DataFrame((rng.random((n, 3)) < [0.3, 0.4, 0.2]) * 1.0, columns=NAMES)
    year = rng.integers(2000, 2010, n)
    rows = X.set_axis(pd.Index(year, name="year"))
    y = X["praises"] * np.where(by == airlines[1], 2.5, 1.0) - X["waits"]
    y += 0.2 * (year - 2005) + (by == airlines[0]) + rng.normal(size=n)
    return rows, y.to_numpy(), by


def by_hand(rows, by):
    """Columns of the intercept, the groups, the year, and each concept and group."""
    labels = np.unique(by)
    is_group = by.to_numpy()[:, None] == labels
    cells = [rows[name].to_numpy() * g for name in NAMES for g in is_group.T]
    year = rows.index.to_numpy() - 2005.0
    M = np.column_stack([np.ones(len(rows)), is_group[:, 1:], year, *cells])
    return M.astype(float), labels


def contrasts(M, n_groups):
    """A row per concept and group: its effect minus the mean of the others."""
    first = M.shape[1] - len(NAMES) * n_groups
    rows = np.zeros((len(NAMES) * n_groups, M.shape[1]))
    for j in range(len(rows)):
        start = first + j // n_groups * n_groups
        rows[j, start : start + n_groups] = -1 / (n_groups - 1)
        rows[j, first + j] = 1.0
    return rows


def compare(model, rows, y, by):
    pipe = Pipeline([("regress", model)]).fit(rows, y)
    return evaluate_hypotheses(pipe, rows, y).by_group(by)


@pytest.mark.parametrize("airlines", [("A", "B"), ("A", "B", "C")])
def test_it_is_one_regression_with_interactions(airlines):
    rows, y, by = flights(airlines=airlines)
    model = HypothesisRegressor(cov_type="nonrobust", controls=["year"])
    table = compare(model, rows, y, by)
    M, labels = by_hand(rows, by)
    reference = sm.OLS(y, M).fit()
    n_cells = len(NAMES) * len(labels)
    assert table["group"].tolist() == [*labels] * 3
    assert table["hypothesis"].tolist() == np.repeat(NAMES, len(labels)).tolist()
    np.testing.assert_allclose(table["coefficient"], reference.params[-n_cells:])
    np.testing.assert_allclose(table["standard_error"], reference.bse[-n_cells:])
    test = reference.t_test(contrasts(M, len(labels)))
    np.testing.assert_allclose(table["difference"], test.effect)
    np.testing.assert_allclose(table["difference_p"], test.pvalue, rtol=1e-6)
    ends = table[["difference_low", "difference_high"]]
    np.testing.assert_allclose(ends, test.conf_int())
    differs = table[table["differs"]]
    assert set(differs["hypothesis"]) == {"praises"} and "B" in set(differs["group"])
    # Two groups have one test per hypothesis.
    n_tests = 3 if len(labels) == 2 else n_cells
    smallest = table["difference_p"].min()
    assert table["difference_p_corrected"].min() == pytest.approx(n_tests * smallest)
    shares = rows[NAMES].groupby(by.to_numpy()).mean().to_numpy().T.ravel()
    np.testing.assert_allclose(table["prevalence"], shares)
    assert table.attrs["by"] == "airline"


def test_robust_errors_are_those_of_the_interactions():
    rows, y, by = flights(2000)
    table = compare(HypothesisRegressor(controls=["year"]), rows, y, by)
    M, labels = by_hand(rows, by)
    test = sm.OLS(y, M).fit(cov_type="HC3").t_test(contrasts(M, len(labels)))
    # Never below the classical ones, and with degrees of freedom of their own.
    width = (table["difference_high"] - table["difference_low"]) / 2
    assert (width >= 1.96 * test.sd * 0.999).all()
    np.testing.assert_allclose(width, 1.96 * test.sd, rtol=0.1)


def test_classes_have_the_interactions_on_log_odds():
    rows, y, by = flights(4000, airlines=("A", "B"))
    label = np.where(y > 0, "good", "bad")
    model = HypothesisClassifier(positive="good", controls=["year"])
    table = compare(model, rows, label, by)
    M, _ = by_hand(rows, by)
    reference = sm.Logit(label == "good", M).fit(disp=False)
    np.testing.assert_allclose(table["coefficient"], reference.params[-6:], rtol=1e-5)
    test = reference.t_test(contrasts(M, 2))
    np.testing.assert_allclose(table["difference_p"], test.pvalue, rtol=1e-3)
    with_it, without = M[by == "A"].copy(), M[by == "A"].copy()
    with_it[:, -6], without[:, -6] = 1, 0
    effect = (reference.predict(with_it) - reference.predict(without)).mean()
    assert table["average_marginal_effect"][0] == pytest.approx(effect, rel=1e-5)
    opposite = HypothesisClassifier(positive="bad", controls=["year"])
    opposite = compare(opposite, rows, label, by)
    np.testing.assert_allclose(opposite["difference"], -table["difference"])


def test_each_class_of_three_has_its_differences():
    rows, y, by = flights(900)
    label = np.digitize(y, [-0.5, 1])
    table = compare(HypothesisClassifier(controls=["year"]), rows, label, by)
    assert table["class"].tolist() == np.repeat([0, 1, 2], 9).tolist()
    assert table["difference_p"].notna().all()


def test_rows_of_few_events_are_tested_by_likelihood_ratio():
    """Wald's test would find nothing where all texts of a cell have one class."""
    rng = np.random.default_rng(0)
    by = np.repeat(["A", "B"], 200)
    X = pd.DataFrame({"waits": (rng.random(400) < 0.3) * 1.0})
    y = np.where(by == "A", X["waits"] == 1, rng.random(400) < 0.3)
    table = compare(HypothesisClassifier(), X, y, by)
    assert np.isfinite(table["difference"]).all()
    assert (table["difference_p"] < 1e-6).all()


def test_groups_of_rows_that_go_together_count_once():
    """Ten copies of each row say no more than one."""
    rows, y, by = flights(300, airlines=("A", "B"))
    expected = compare(HypothesisRegressor(controls=["year"]), rows, y, by)
    copies = np.repeat(np.arange(300), 10)
    rows, y = rows.iloc[copies], y[copies]
    model = HypothesisRegressor(controls=["year"], cov_type="cluster")
    pipe = Pipeline([("regress", model)]).fit(rows, y, regress__groups=copies)
    evaluation = evaluate_hypotheses(pipe, rows, y, groups=copies)
    table = evaluation.by_group(by.to_numpy()[copies])
    np.testing.assert_allclose(table["difference"], expected["difference"])
    ratio = table["standard_error"] / expected["standard_error"]
    assert ratio.between(0.8, 1.1).all()  # as of independent rows it would be 0.3


def test_noise_differs_as_rarely_as_alpha_says():
    rows, y, by = flights(240)
    model = HypothesisRegressor().fit(rows, y)
    found = 0
    for seed in range(40):
        y = np.random.default_rng(seed).normal(size=240)
        table = effects_by_group(model, rows, rows[[]], y, None, by)
        found += table["differs"].any()
    assert found <= 6  # at 5 %, with a chance of 1 % for more


def test_small_groups_are_left_out_and_named():
    rows, y, by = flights(300)
    by = by.where(np.arange(300) != 7, "lone").mask(np.arange(300) == 8)
    with pytest.warns(UserWarning, match=r"20 rows or more: lone \(1\), no group \(1"):
        table = compare(HypothesisRegressor(), rows, y, by)
    assert table["n"].iloc[:3].sum() == 298
    assert set(table["group"]) == {"A", "B", "C"}


def test_a_concept_that_a_group_lacks_has_a_note():
    rows, y, by = flights(600)
    rows["parks"] = np.where(by == "A", 0.0, rows["parks"])
    table = compare(HypothesisRegressor(), rows, y, by).set_index(
        ["hypothesis", "group"]
    )
    lacking = table.loc[("parks", "A")]
    assert np.isnan(lacking["coefficient"]) and "constant" in lacking["note"]
    a, b = (table.loc[("parks", group), "coefficient"] for group in "BC")
    assert table.loc[("parks", "B"), "difference"] == pytest.approx(a - b)


@pytest.mark.parametrize(
    ("by", "message"),
    [
        (["A"] * 300, "two groups with 20 rows or more.*A .300"),
        ([f"g{i // 20}" for i in range(300)], "9 hypotheses in 15 groups are 135 eff"),
        (["A", "B"] * 100, "by has the shape .200,.. Pass one value per held-out row"),
    ],
)
def test_groups_that_cannot_be_compared_are_named(by, message):
    rows, y, _ = flights(300)
    noise = np.random.default_rng(1).integers(2, size=(300, 6))
    rows = rows.assign(**{f"n{j}": column for j, column in enumerate(noise.T)})
    with pytest.raises(ValueError, match=message):
        compare(HypothesisRegressor(), rows, y, by)


def test_groups_may_be_of_different_types():
    rows, y, by = flights(n=300)
    pipe = Pipeline([("regress", HypothesisRegressor())]).fit(rows, y)
    mixed = by.map({"A": 1, "B": "B", "C": 2.5}).astype(object)
    table = evaluate_hypotheses(pipe, rows, y).by_group(mixed)
    assert set(table["group"]) == {1, 2.5, "B"}


def test_groups_are_matched_by_their_rows():
    rows, y, by = flights(n=300)
    rows, by = rows.reset_index(drop=True), by.rename("airline")
    pipe = Pipeline([("regress", HypothesisRegressor(cov_type="nonrobust"))])
    evaluation = evaluate_hypotheses(pipe.fit(rows, y), rows, y)
    shuffled = by.sample(frac=1, random_state=0)
    with pytest.raises(ValueError, match="rows of by are in another order"):
        evaluation.by_group(shuffled)
    with pytest.raises(ValueError, match=r"by has the shape \(299,\).*there are 300"):
        evaluation.by_group(by[1:])
    # Other labels altogether, and values without labels, go by their position.
    expected = evaluation.by_group(by)
    for same in (by.set_axis(np.arange(1000, 1300)), by.tolist()):
        pd.testing.assert_frame_equal(evaluation.by_group(same), expected)
