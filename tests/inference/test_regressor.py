"""HypothesisRegressor against statsmodels, scipy, and formulas written out plainly."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.metrics import r2_score
from statsmodels.regression.linear_model import OLS

from sklearn_hsae import HypothesisRegressor
from sklearn_hsae.inference._linear import fit_linear

COLUMNS = [
    "hypothesis",
    "separation",
    "separation_p",
    "separation_p_corrected",
    "coefficient",
    "standard_error",
    "ci_low",
    "ci_high",
    "p",
    "p_corrected",
    "significant",
    "prevalence",
    "n",
    "n_dropped",
    "note",
]


def answers(n=300, shares=(0.5, 0.3, 0.1), seed=0):
    rng = np.random.default_rng(seed)
    names = [f"mentions {word}" for word in "abcdefghijkl"[: len(shares)]]
    X = (rng.random((n, len(shares))) < shares).astype(float)
    return pd.DataFrame(X, columns=names), rng


@pytest.fixture
def ratings():
    """Noise grows with the first concept, so that robust errors differ."""
    X, rng = answers()
    y = 3 + X.to_numpy() @ [1.0, -0.5, 0.0] + rng.normal(size=300) * (1 + X.iloc[:, 0])
    return X, y.to_numpy()


def with_intercept(X):
    return np.column_stack([np.ones(len(X)), X])


def bell_mccaffrey(X, *, power=2):
    """Degrees of freedom of each coefficient, from the n x n matrices themselves."""
    M1 = with_intercept(X)
    hat = M1 @ np.linalg.pinv(M1)
    M = np.eye(len(X)) - hat
    degrees = []
    for weights in np.linalg.pinv(M1)[1:]:
        A = np.diag(weights**2 / (1 - np.diag(hat)) ** power)
        MA = M @ A
        degrees.append(np.trace(MA) ** 2 / np.trace(MA @ MA))
    return np.array(degrees)


def test_summary_has_a_row_for_each_column_in_order(ratings):
    X, y = ratings
    table = HypothesisRegressor().fit(X, y).summary_
    assert table.columns.tolist() == COLUMNS
    assert table["hypothesis"].tolist() == X.columns.tolist()
    assert table.index.tolist() == [0, 1, 2]
    np.testing.assert_allclose(table["prevalence"], X.mean())
    assert (table["n"] == 300).all() and (table["note"] == "").all()


@pytest.mark.parametrize("cov_type", ["HC3", "nonrobust"])
def test_estimates_equal_statsmodels(ratings, cov_type):
    X, y = ratings
    model = HypothesisRegressor(cov_type=cov_type).fit(X, y)
    oracle = OLS(y, with_intercept(X)).fit(cov_type=cov_type, use_t=True)
    table = model.summary_
    np.testing.assert_allclose(table["coefficient"], oracle.params[1:])
    classical = OLS(y, with_intercept(X)).fit().bse[1:]
    errors = np.maximum(oracle.bse[1:], classical)  # never below the classical ones
    np.testing.assert_allclose(table["standard_error"], errors)
    np.testing.assert_allclose(model.coef_, oracle.params[1:])
    np.testing.assert_allclose(model.intercept_, oracle.params[0])
    np.testing.assert_allclose(model.predict(X), oracle.fittedvalues)
    np.testing.assert_allclose(model.score(X, y), oracle.rsquared)
    if cov_type == "nonrobust":
        np.testing.assert_allclose(table["p"], oracle.pvalues[1:])
        np.testing.assert_allclose(
            table[["ci_low", "ci_high"]], oracle.conf_int(0.05)[1:]
        )


def test_hc3_by_hand(ratings):
    # (X'X)^-1 X' diag(e^2 / (1 - h)^2) X (X'X)^-1, MacKinnon & White 1985; where the
    # classical variance is larger, that one.
    X, y = ratings
    M = with_intercept(X)
    inverse = np.linalg.inv(M.T @ M)
    residual = y - M @ inverse @ M.T @ y
    scaled = residual / (1 - np.diag(M @ inverse @ M.T))
    covariance = inverse @ M.T @ np.diag(scaled**2) @ M @ inverse
    table = HypothesisRegressor().fit(X, y).summary_
    classical = inverse * (residual @ residual) / (len(y) - M.shape[1])
    variance = np.maximum(np.diag(covariance), np.diag(classical))[1:]
    np.testing.assert_allclose(table["standard_error"], np.sqrt(variance))


@pytest.mark.parametrize(
    "n, shares", [(300, (0.5, 0.3, 0.1)), (1200, (0.5, 0.02, 0.01, 0.01))]
)
def test_p_and_interval_use_the_degrees_of_freedom_of_bell_and_mccaffrey(n, shares):
    # Also with more rows than the sum over pairs of rows is taken over.
    X, rng = answers(n, shares)
    y = rng.normal(size=n)
    table = HypothesisRegressor(alpha=0.1).fit(X, y).summary_
    degrees = bell_mccaffrey(X)
    t = np.abs(table["coefficient"] / table["standard_error"])
    np.testing.assert_allclose(table["p"], 2 * stats.t.sf(t, degrees), rtol=2e-3)
    width = stats.t.ppf(0.95, degrees) * table["standard_error"]
    np.testing.assert_allclose(
        table["ci_high"] - table["coefficient"], width, rtol=1e-3
    )
    np.testing.assert_allclose(table["coefficient"] - table["ci_low"], width, rtol=1e-3)


def test_separation_and_its_p_equal_scipy_and_plain_means(ratings):
    X, y = ratings
    table = HypothesisRegressor().fit(X, 1e6 + y).summary_  # a large mean costs digits
    for j, column in enumerate(X):
        has = X[column] == 1
        difference = y[has].mean() - y[~has].mean()
        p = floored_welch(y[has], y[~has])
        np.testing.assert_allclose(table["separation"][j], difference, rtol=1e-6)
        np.testing.assert_allclose(table["separation_p"][j], p, rtol=1e-6)


def floored_welch(first, second):
    """Welch's test with a variance that is never below the pooled one.

    Its degrees of freedom are Welch's for equal noise in both groups.
    """
    sizes = np.array([len(first), len(second)])
    own = np.array([first.var(ddof=1), second.var(ddof=1)])
    pooled = own @ (sizes - 1) / (sizes.sum() - 2)
    variance = max((own / sizes).sum(), (pooled / sizes).sum())
    degrees = (1 / sizes).sum() ** 2 / (1 / sizes**2 / (sizes - 1)).sum()
    t = abs(first.mean() - second.mean()) / np.sqrt(variance)
    return 2 * stats.t.sf(t, degrees)


def by_hand(p, correction):
    """Bonferroni, Holm and Benjamini-Hochberg in a few plain lines."""
    n, order = len(p), np.argsort(p)
    adjusted = np.empty(n)
    if correction == "bonferroni":
        return np.minimum(1, n * p)
    if correction == "holm":
        largest = 0
        for rank, j in enumerate(order):
            largest = max(largest, min(1, (n - rank) * p[j]))
            adjusted[j] = largest
    else:
        smallest = 1
        for rank in range(n - 1, -1, -1):
            j = order[rank]
            smallest = min(smallest, p[j] * n / (rank + 1))
            adjusted[j] = smallest
    return adjusted


@pytest.mark.parametrize("correction", ["bonferroni", "holm", "fdr_bh"])
def test_corrections(correction):
    X, rng = answers(shares=(0.5,) * 8)
    y = X.to_numpy() @ [1, 0.4, 0.3, 0.25, 0.2, 0, 0, 0] + rng.normal(size=300)
    table = HypothesisRegressor(correction=correction).fit(X, y).summary_
    expected = by_hand(table["p"].to_numpy(), correction)
    np.testing.assert_allclose(table["p_corrected"], expected)
    assert (table["significant"] == (table["p_corrected"] < 0.05)).all()
    assert 0 < table["significant"].sum() < 8


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("position", [0, 1, 3])
def test_constant_concept_changes_nothing_else(ratings, value, position):
    # An "always true" column must not take the intercept's place and shift the
    # coefficients of the others by one row.
    X, y = ratings
    more = X.copy()
    more.insert(position, "always", value)
    model = HypothesisRegressor(correction="bonferroni")
    alone, table = model.fit(X, y).summary_, model.fit(more, y).summary_
    others = table.drop(index=position).reset_index(drop=True)
    corrected = ["p_corrected", "separation_p_corrected"]
    pd.testing.assert_frame_equal(
        others.drop(columns=corrected), alone.drop(columns=corrected)
    )
    row = table.loc[position]
    assert row["hypothesis"] == "always" and np.isnan(row["coefficient"])
    assert row["note"] == f"constant ({value:g} in every row)"
    assert not row["significant"] and row["prevalence"] == value
    # One that cannot be tested still counts as one that was looked at.
    np.testing.assert_allclose(
        others["p_corrected"], np.minimum(1, others["p"] * len(more.columns))
    )


def test_equal_opposite_and_combined_columns_are_named(ratings):
    X, y = ratings
    a, b = X.columns[:2]
    more = X.assign(twin=X[a], opposite=1 - X[b], total=X[a] + X[b])
    model = HypothesisRegressor().fit(more, y)
    table = model.summary_
    assert table["note"].tolist() == [
        *[""] * 3,
        f"same as {a!r}",
        f"opposite of {b!r}",
        "a combination of other hypotheses",
    ]
    assert len(table) == 6 and table["coefficient"][3:].isna().all()
    alone = HypothesisRegressor().fit(X, y)
    np.testing.assert_allclose(table["p"][:3], alone.summary_["p"])
    np.testing.assert_allclose(model.predict(more), alone.predict(X))


def test_one_hot_columns_lose_the_last_one():
    # Complete sets of categories add up to the intercept.
    codes = np.arange(60) % 3
    X = np.eye(3)[codes]
    y = np.array([1.0, 2.0, 4.0])[codes] + np.tile([0.1, -0.1], 30)
    table = HypothesisRegressor().fit(X, y).summary_
    assert table["note"].tolist() == ["", "", "a combination of other hypotheses"]
    np.testing.assert_allclose(table["coefficient"][:2], [-3.0, -2.0])


def test_concept_of_a_single_row_leaves_the_others_as_they_are(ratings):
    # Its leverage is 1; HC3 divides by 1 - leverage and would be NaN for all.
    X, y = ratings
    once = X.assign(once=np.arange(300) == 7, but_once=np.arange(300) != 9)
    table = HypothesisRegressor().fit(once.astype(float), y).summary_
    assert table["note"].tolist()[3:] == ["decided by a single row"] * 2
    without = np.delete(np.arange(300), [7, 9])
    alone = HypothesisRegressor().fit(X.iloc[without], y[without]).summary_
    columns = ["coefficient", "standard_error", "p"]
    np.testing.assert_allclose(table[columns][:3], alone[columns])
    assert np.isfinite(table["separation"]).all() and (table["n"] == 300).all()
    assert table["separation_p"][3:].isna().all()


def test_more_hypotheses_than_rows():
    X, rng = answers(12, (0.5,) * 12)
    X["m"] = rng.random(12)
    model = HypothesisRegressor().fit(X, rng.normal(size=12))
    assert "more hypotheses than rows" in set(model.summary_["note"])
    assert np.isfinite(model.predict(X)).all()
    assert len(model.summary_) == 13


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e6, 1e30])
def test_any_unit_of_a_column_gives_the_same_test(ratings, scale):
    # Raw activations come in any unit.
    X, y = ratings
    X = X.to_numpy() + np.random.default_rng(1).random(X.shape)
    table = HypothesisRegressor().fit(X, y).summary_
    scaled = HypothesisRegressor().fit(X * scale, y * scale).summary_
    np.testing.assert_allclose(scaled["coefficient"], table["coefficient"], rtol=1e-8)
    np.testing.assert_allclose(scaled["p"], table["p"], rtol=1e-6)


def test_exact_fit():
    # No residual: what acts is certain, what does not has no effect.
    X, _ = answers()
    table = HypothesisRegressor().fit(X, 1 + 2 * X.iloc[:, 0]).summary_
    np.testing.assert_allclose(table["coefficient"], [2, 0, 0], atol=1e-9)
    # A random order of y would give this fit with the chance of 1 in "n choose m".
    n_with = int(X.iloc[:, 0].sum())
    assert table["p"][0] == pytest.approx(1 / math.comb(300, n_with), rel=1e-6)
    assert table["p"][1:].tolist() == [1.0, 1.0]


def test_rows_with_nan_are_left_out_and_counted(ratings):
    X, y = ratings
    holes = X.copy()
    holes.iloc[[3, 50], 0] = np.nan
    holes.iloc[[50, 60], 2] = np.nan
    model = HypothesisRegressor().fit(holes, y)
    kept = holes.notna().all(axis=1).to_numpy()
    alone = HypothesisRegressor().fit(X[kept], y[kept])
    expected = alone.summary_.assign(n_dropped=3)
    pd.testing.assert_frame_equal(model.summary_, expected)
    assert model.n_dropped_ == 3 and alone.n_dropped_ == 0


def test_predict_takes_the_training_mean_for_nan(ratings):
    X, y = ratings
    model = HypothesisRegressor().fit(X, y)
    holes, filled = X.copy(), X.copy()
    holes.iloc[3, 0], filled.iloc[3, 0] = np.nan, X.iloc[:, 0].mean()
    np.testing.assert_allclose(model.predict(holes), model.predict(filled))
    assert np.isfinite(model.score(holes, y))


@pytest.mark.parametrize("kind", [int, float, bool, object])
def test_kinds_of_target_agree(kind):
    X, rng = answers()
    y = (rng.random(300) < 0.3 + 0.3 * X.iloc[:, 0]).to_numpy()
    expected = HypothesisRegressor().fit(X, y.astype(float)).summary_
    found = HypothesisRegressor().fit(X, y.astype(kind)).summary_
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    "y, message",
    [
        (np.full(300, 2.5), r"y is constant: each of its 300 values is 2\.5"),
        (np.where(np.arange(300) == 4, np.nan, 1.0), "contains NaN.*row position 4"),
        ([None, *range(299)], "contains NaN.*row position 0"),
        (
            np.where(np.arange(300) == 4, np.inf, 1.0),
            "infinity in 1 of 300 rows, at row position 4",
        ),
        (np.arange(299.0), "inconsistent numbers of samples"),
        (["good", "bad"] * 150, r"got 'good'.*HypothesisClassifier\(\)"),
    ],
)
def test_bad_targets(ratings, y, message):
    with pytest.raises(ValueError, match=message):
        HypothesisRegressor().fit(ratings[0], y)


def test_bad_rows(ratings):
    X, y = ratings
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        HypothesisRegressor().fit(X[:1], y[:1])
    unjudged = X.copy()
    unjudged.iloc[:, 1] = np.nan
    with pytest.raises(ValueError, match=r"300 of 300 rows.*columns.*\[1\]"):
        HypothesisRegressor().fit(unjudged, y)


def test_evaluate_scores_the_training_fit_and_tests_anew(ratings):
    X, y = ratings
    model = HypothesisRegressor().fit(X[:150], y[:150])
    coef = model.coef_.copy()
    table, metrics = model.evaluate(X[150:], y[150:])
    anew = HypothesisRegressor().fit(X[150:], y[150:])
    pd.testing.assert_frame_equal(table, anew.summary_)
    assert metrics["r2"] == pytest.approx(r2_score(y[150:], model.predict(X[150:])))
    # The figure that HypotheSAEs calls held-out: squared correlation with the fit.
    correlation = np.corrcoef(y[150:], anew.predict(X[150:]))[0, 1]
    assert metrics["r2_in_sample"] == pytest.approx(correlation**2)
    assert metrics["r2"] < metrics["r2_in_sample"]
    assert metrics["r2_low"] < metrics["r2"] < metrics["r2_high"]
    assert (metrics["n"], metrics["n_hypotheses"], metrics["n_dropped"]) == (150, 3, 0)
    assert metrics["n_significant"] == table["significant"].sum()
    np.testing.assert_array_equal(model.coef_, coef)  # the fitted model stays


def test_evaluate_leaves_out_rows_with_nan(ratings):
    X, y = ratings
    model = HypothesisRegressor().fit(X, y)
    holes = X.copy()
    holes.iloc[:20, 1] = np.nan
    table, metrics = model.evaluate(holes, y)
    kept, expected = model.evaluate(X[20:], y[20:])
    pd.testing.assert_frame_equal(table, kept.assign(n_dropped=20))
    assert metrics == pytest.approx({**expected, "n_dropped": 20})


def test_evaluate_refuses_other_columns(ratings):
    X, y = ratings
    model = HypothesisRegressor().fit(X, y)
    with pytest.raises(ValueError, match="feature names"):
        model.evaluate(X.rename(columns={"mentions a": "mentions z"}), y)


def rejections(make_noise, holders, *, n=600, n_draws=600, **options):
    """Share of p < 0.05 in pure noise, for concepts with so many holders."""
    rng = np.random.default_rng(0)
    X = np.zeros((n, len(holders)))
    for j, count in enumerate(holders):
        X[rng.choice(n, count, replace=False), j] = 1
    names = np.array([f"x{j}" for j in range(len(holders))], dtype=object)
    options = {"cov_type": "HC3", "alpha": 0.05, **options}
    p = [fit_linear(X, make_noise(rng, X), names, **options).p for _ in range(n_draws)]
    return np.mean(np.array(p) < 0.05, axis=0)


def equal_noise(rng, X):
    return rng.normal(size=len(X))


def unequal_noise(rng, X):
    return rng.normal(size=len(X)) * (1 + 2 * X[:, 0])


def star_ratings(rng, X):
    return rng.choice(5, p=[0.1, 0.1, 0.2, 0.3, 0.3], size=len(X)).astype(float)


@pytest.mark.parametrize("noise", [equal_noise, unequal_noise, star_ratings])
def test_pure_noise_is_significant_at_5_percent_in_5_percent(noise):
    share = rejections(noise, [30, 100, 200, 300])
    assert (share > 0.025).all() and (share < 0.08).all()  # 0.05 +- 3.5 errors


@pytest.mark.parametrize("noise", [equal_noise, star_ratings])
def test_rare_concepts_are_not_found_in_pure_noise(noise):
    # With t(n - k), 2 holders give 20 % and 3 give 15 %.
    assert (rejections(noise, [2, 3, 4, 6, 10]) < 0.08).all()


def test_classical_errors_are_wrong_where_noise_is_unequal():
    # Why HC3 is the default: the first concept doubles and triples the noise.
    share = rejections(unequal_noise, [30, 100], cov_type="nonrobust")
    assert share[0] > 0.3


def test_planted_effects_are_found():
    # Eight effects of 0.5 at 20 % among 12 concepts: a standard error near 0.08.
    X, rng = answers(1500, (0.2,) * 12, seed=3)
    effects = np.array([0.5, -0.5] * 4 + [0.0] * 4)
    y = X.to_numpy() @ effects + rng.normal(size=1500)
    table = HypothesisRegressor(correction="bonferroni").fit(X, y).summary_
    assert (table["significant"] == (effects != 0)).all()
    is_covered = (table["ci_low"] < effects) & (effects < table["ci_high"])
    assert is_covered.sum() >= 10


def test_fitted_model_is_small_and_survives_a_pickle(ratings):
    # statsmodels' results would carry the training rows along.
    X, y = ratings
    model = HypothesisRegressor().fit(pd.concat([X] * 100), np.tile(y, 100))
    data = pickle.dumps(model)
    assert len(data) < 10_000
    np.testing.assert_array_equal(pickle.loads(data).predict(X), model.predict(X))
    assert not hasattr(clone(model), "coef_")
