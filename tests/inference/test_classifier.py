"""HypothesisClassifier against statsmodels, scikit-learn, and Firth's formulas."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats
from scipy.special import expit, log_expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    log_loss,
    roc_auc_score,
)
from statsmodels.discrete.discrete_model import Logit

from sklearn_hsae import HypothesisClassifier
from sklearn_hsae.inference._logistic import fit_logistic

PENALIZED = "penalized: the classes separate"


def with_intercept(X):
    return np.column_stack([np.ones(len(X)), X])


@pytest.fixture
def labelled():
    rng = np.random.default_rng(0)
    X = (rng.random((400, 3)) < [0.5, 0.3, 0.1]).astype(float)
    y = rng.random(400) < expit(X @ [1.0, -0.8, 0.0] - 0.5)
    return pd.DataFrame(X, columns=["tall", "round", "red"]), np.where(y, "yes", "no")


@pytest.fixture
def three_classes():
    rng = np.random.default_rng(1)
    X = (rng.random((600, 4)) < 0.4).astype(float)
    scores = X[:, :3] * [1.5, 1.0, -1.0] + rng.gumbel(size=(600, 3))
    return X, np.array(["art", "law", "war"])[scores.argmax(axis=1)]


def firth_by_optimizer(X, y):
    """Maximum of the likelihood times the root of |I|, by a general optimizer."""
    M = with_intercept(X)

    def loss(beta):
        share = expit(M @ beta)
        information = (M.T * (share * (1 - share))) @ M
        likelihood = log_expit(np.where(y > 0, M @ beta, -M @ beta)).sum()
        return -likelihood - 0.5 * np.linalg.slogdet(information)[1]

    beta = optimize.minimize(loss, np.zeros(M.shape[1]), tol=1e-10).x
    share = expit(M @ beta)
    covariance = np.linalg.inv((M.T * (share * (1 - share))) @ M)
    return beta, np.sqrt(np.diag(covariance))


def test_estimates_equal_statsmodels(labelled):
    X, y = labelled
    model = HypothesisClassifier(alpha=0.1).fit(X, y)
    oracle = Logit(y == "yes", with_intercept(X)).fit(disp=0)
    table = model.summary_
    close = {"rtol": 1e-6, "atol": 1e-8}
    np.testing.assert_allclose(table["coefficient"], oracle.params[1:], **close)
    np.testing.assert_allclose(table["standard_error"], oracle.bse[1:], **close)
    np.testing.assert_allclose(table["p"], oracle.pvalues[1:], **close)
    intervals = oracle.conf_int(0.1)[1:]
    np.testing.assert_allclose(table[["ci_low", "ci_high"]], intervals, **close)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], oracle.predict(), **close)
    assert model.penalized_.tolist() == [False] and (table["note"] == "").all()


def test_hc3_is_the_sandwich_and_never_below_the_model():
    # The second column says less the further it is from 0: the model does not hold.
    rng = np.random.default_rng(3)
    X = np.column_stack([rng.random(600) < 0.4, rng.normal(size=600)])
    y = rng.random(600) < expit(X[:, 0] + 3 * np.tanh(5 * X[:, 1]) - 1)
    M = with_intercept(X)
    plain = Logit(y, M).fit(disp=0)
    share = plain.predict()
    spread = share * (1 - share)
    inverse = np.linalg.inv((M.T * spread) @ M)
    residual = (y - share) / (1 - spread * np.einsum("ij,jk,ik->i", M, inverse, M))
    errors = np.sqrt(np.diag(inverse @ (M.T * np.square(residual)) @ M @ inverse))
    table = HypothesisClassifier(cov_type="HC3").fit(X, y).summary_
    expected = np.maximum(errors, plain.bse)[1:]
    np.testing.assert_allclose(table["standard_error"], expected, rtol=1e-6)
    assert errors[2] > 1.2 * plain.bse[2] and errors[1] < plain.bse[1]
    # What statsmodels calls HC3 for a Logit is the sandwich without leverages.
    sandwich = Logit(y, M).fit(disp=0, cov_type="HC3").bse
    np.testing.assert_allclose(sandwich, errors, rtol=0.02)
    p = 2 * stats.norm.sf(np.abs(table["coefficient"] / expected))
    np.testing.assert_allclose(table["p"], p, rtol=1e-6)


def test_hc3_holds_beside_firths_penalty():
    rng = np.random.default_rng(4)
    X = np.column_stack([rng.random(200) < 0.04, rng.random(200) < 0.5]) * 1.0
    y = rng.random(200) < 0.3
    plain, robust = (
        HypothesisClassifier(cov_type=cov_type).fit(X, y).summary_
        for cov_type in ("nonrobust", "HC3")
    )
    assert plain["note"].str.startswith("penalized").all()
    assert (robust["p"] >= plain["p"]).all() and (robust["p"] < 1.3 * plain["p"]).all()
    np.testing.assert_array_equal(plain["coefficient"], robust["coefficient"])


def test_predictions_equal_unpenalized_scikit_learn(labelled):
    X, y = labelled
    model = HypothesisClassifier().fit(X, y)
    other = LogisticRegression(C=np.inf, tol=1e-10).fit(X, y)
    np.testing.assert_allclose(model.coef_, other.coef_, rtol=1e-5)
    np.testing.assert_allclose(
        model.decision_function(X), other.decision_function(X), atol=1e-6
    )
    np.testing.assert_allclose(
        model.predict_proba(X), other.predict_proba(X), atol=1e-6
    )
    np.testing.assert_array_equal(model.predict(X), other.predict(X))
    assert model.score(X, y) == other.score(X, y)


def test_separation_is_a_difference_of_shares(labelled):
    X, y = labelled
    table = HypothesisClassifier().fit(X, y).summary_
    is_yes, has = (y == "yes").astype(float), X["tall"] == 1
    difference = is_yes[has].mean() - is_yes[~has].mean()
    assert table["separation"][0] == pytest.approx(difference)
    # Welch's t with his degrees of freedom for equal noise in both groups, and the
    # larger of his variance and the pooled one.
    groups = is_yes[has], is_yes[~has]
    sizes = np.array([len(group) for group in groups])
    own = np.array([group.var(ddof=1) for group in groups])
    pooled = own @ (sizes - 1) / (sizes.sum() - 2)
    variance = max((own / sizes).sum(), (pooled / sizes).sum())
    degrees = (1 / sizes).sum() ** 2 / (1 / sizes**2 / (sizes - 1)).sum()
    expected = 2 * stats.t.sf(abs(difference) / np.sqrt(variance), degrees)
    assert table["separation_p"][0] == pytest.approx(expected)


def test_never_and_always_true_concepts_do_not_change_the_family(labelled):
    # A singular design must not fall back to least squares on another scale.
    X, y = labelled
    alone = HypothesisClassifier().fit(X, y).summary_
    more = X.assign(never=0.0, always=1.0, twin=X["tall"], opposite=1 - X["round"])
    table = HypothesisClassifier().fit(more, y).summary_
    np.testing.assert_allclose(table["coefficient"][:3], alone["coefficient"])
    np.testing.assert_allclose(table["p"][:3], alone["p"])
    assert table["note"].tolist()[3:] == [
        "constant (0 in every row)",
        "constant (1 in every row)",
        "same as 'tall'",
        "opposite of 'round'",
    ]
    assert table["coefficient"][3:].isna().all() and len(table) == 7


@pytest.mark.parametrize("kind", ["complete", "quasi", "combination", "continuous"])
def test_separated_classes_get_firths_estimates(labelled, kind):
    X, y = labelled
    X, is_yes = X.to_numpy().copy(), (y == "yes").astype(float)
    if kind == "complete":
        X[:, 2] = is_yes
    elif kind == "quasi":  # all five that have it are of one class
        X[:, 2] = 0
        X[np.flatnonzero(is_yes)[:5], 2] = 1
    elif kind == "combination":
        is_yes = ((X[:, 0] + X[:, 1]) > 0).astype(float)
    else:
        X[:, 2] = is_yes * 3 + np.random.default_rng(2).random(400) * 2.9
    model = HypothesisClassifier().fit(X, is_yes)
    table = model.summary_
    beta, errors = firth_by_optimizer(X, is_yes)
    np.testing.assert_allclose(model.intercept_, beta[:1], rtol=1e-3)
    np.testing.assert_allclose(table["coefficient"], beta[1:], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(table["standard_error"], errors[1:], rtol=1e-3)
    assert table["note"].str.startswith("penalized: ").all()
    assert model.penalized_.all()
    assert np.isfinite(model.predict_proba(X)).all()


def test_firths_estimate_of_one_concept_is_the_table_with_a_half_added():
    # Known in closed form: add 1/2 to each cell of the 2 x 2 table.
    X = np.repeat([[0.0], [1.0]], [40, 20], axis=0)
    y = np.r_[np.tile([0, 1], 20), np.ones(20)]
    table = HypothesisClassifier().fit(X, y).summary_
    log_odds = np.log(20.5 / 0.5) - np.log(20.5 / 20.5)
    error = np.sqrt(1 / 20.5 + 1 / 0.5 + 2 / 20.5)
    assert table["coefficient"][0] == pytest.approx(log_odds)
    assert table["standard_error"][0] == pytest.approx(error, rel=0.05)


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1e3, 1e8])
@pytest.mark.parametrize("separated", [False, True])
def test_whether_classes_separate_does_not_depend_on_the_unit(
    labelled, scale, separated
):
    # A threshold on coefficients or errors would depend on it.
    X, y = labelled
    X = X.to_numpy().copy() + np.random.default_rng(3).random(X.shape)
    if separated:
        X[:, 2] = (y == "yes") + 0.1
    model = HypothesisClassifier().fit(X, y)
    scaled = HypothesisClassifier().fit(X * scale, y)
    assert model.penalized_.tolist() == scaled.penalized_.tolist() == [separated]
    np.testing.assert_allclose(scaled.coef_ * scale, model.coef_, rtol=1e-4)


def test_strong_and_rare_effects_are_not_taken_for_separation():
    # One "no" among 3,000 rows that have the concept, and a base rate of 1 in 1,000.
    X = np.zeros((40_000, 1))
    X[:3000] = 1
    y = np.zeros(40_000)
    y[:2999], y[3000:3037] = 1, 1
    model = HypothesisClassifier().fit(X, y)
    log_odds = np.log(2999) - np.log(37 / (37_000 - 37))
    assert not model.penalized_.any()
    assert model.coef_[0, 0] == pytest.approx(log_odds)


def test_concept_of_a_single_row_does_not_penalize_the_others(labelled):
    X, y = labelled
    once = X.assign(once=(np.arange(400) == 11).astype(float))
    model = HypothesisClassifier().fit(once, y)
    assert model.summary_["note"].tolist() == ["", "", "", "decided by a single row"]
    alone = HypothesisClassifier().fit(X.drop(index=11), np.delete(y, 11))
    np.testing.assert_allclose(model.coef_[0, :3], alone.coef_[0])


@pytest.mark.parametrize(
    "make",
    [
        lambda y: y == "yes",
        lambda y: (y == "yes").astype(int),
        lambda y: (y == "yes") * 1.0,
        lambda y: pd.Series(y, dtype="string"),
        lambda y: pd.Series(y).astype("category"),
        lambda y: y.tolist(),
        lambda y: y.astype(object),
    ],
)
def test_kinds_of_labels_agree(labelled, make):
    X, y = labelled
    expected = HypothesisClassifier().fit(X, y)
    model = HypothesisClassifier().fit(X, make(y))
    pd.testing.assert_frame_equal(model.summary_, expected.summary_)
    np.testing.assert_array_equal(
        model.predict(X) == model.classes_[1], expected.predict(X) == "yes"
    )
    assert 0.5 < model.score(X, make(y)) < 1
    _, metrics = model.evaluate(X, make(y))
    assert metrics == expected.evaluate(X, y)[1]


def test_more_classes_are_one_against_the_rest(three_classes):
    X, y = three_classes
    model = HypothesisClassifier().fit(X, y)
    table = model.summary_
    assert table.columns[0] == "class" and len(table) == 12
    assert model.coef_.shape == (3, 4) and model.penalized_.shape == (3,)
    for k, label in enumerate(model.classes_):
        block = table[table["class"] == label]
        oracle = Logit(y == label, with_intercept(X)).fit(disp=0)
        np.testing.assert_allclose(block["coefficient"], oracle.params[1:], rtol=1e-5)
        np.testing.assert_allclose(block["p"], oracle.pvalues[1:], rtol=1e-4)
        np.testing.assert_allclose(
            model.decision_function(X)[:, k], oracle.fittedvalues
        )
    shares = expit(model.decision_function(X))
    np.testing.assert_allclose(
        model.predict_proba(X), shares / shares.sum(axis=1, keepdims=True)
    )
    assert model.score(X, y) > 0.4


def test_correction_counts_every_class(three_classes):
    # Twelve tests are made, not four.
    X, y = three_classes
    table = HypothesisClassifier(correction="bonferroni").fit(X, y).summary_
    np.testing.assert_allclose(table["p_corrected"], np.minimum(1, 12 * table["p"]))


def test_metrics_of_two_classes(labelled):
    X, y = labelled
    model = HypothesisClassifier().fit(X[:200], y[:200])
    table, metrics = model.evaluate(X[200:], y[200:])
    new_X, new_y = X[200:], y[200:]
    anew = HypothesisClassifier().fit(new_X, new_y)
    pd.testing.assert_frame_equal(table, anew.summary_)
    share, again = model.predict_proba(new_X)[:, 1], anew.predict_proba(new_X)[:, 1]
    is_yes = new_y == "yes"
    null = log_loss(is_yes, np.full(200, is_yes.mean()))
    expected = {
        "auc": roc_auc_score(is_yes, share),
        "average_precision": average_precision_score(is_yes, share),
        "accuracy": accuracy_score(new_y, model.predict(new_X)),
        "auc_in_sample": roc_auc_score(is_yes, again),
        "mcfadden_in_sample": 1 - log_loss(is_yes, again) / null,
    }
    assert {name: metrics[name] for name in expected} == pytest.approx(expected)
    assert metrics["auc_low"] < metrics["auc"] < metrics["auc_high"]
    assert metrics["n_significant"] == table["significant"].sum()
    assert metrics["n"] == 200 and metrics["n_hypotheses"] == 3


def test_metrics_of_more_classes(three_classes):
    X, y = three_classes
    model = HypothesisClassifier().fit(X, y)
    table, metrics = model.evaluate(X, y)
    shares = model.predict_proba(X)
    assert metrics["auc"] == pytest.approx(roc_auc_score(y, shares, multi_class="ovr"))
    null = log_loss(y, np.tile(np.unique(y, return_counts=True)[1] / 600, (600, 1)))
    expected = 1 - log_loss(y, shares) / null
    assert metrics["mcfadden_in_sample"] == pytest.approx(expected)
    # Hypotheses are counted, not rows of the table.
    assert metrics["n_hypotheses"] == 4
    assert metrics["n_significant"] == 3 < table["significant"].sum()


def test_class_that_the_held_out_rows_lack(three_classes):
    X, y = three_classes
    model = HypothesisClassifier().fit(X, y)
    kept = y != "law"
    table, metrics = model.evaluate(X[kept], y[kept])
    absent = table[table["class"] == "law"]
    assert len(table) == 12 and absent["coefficient"].isna().all()
    assert (absent["note"] == "all rows are of one class").all()
    shares = model.predict_proba(X[kept])
    aucs = [
        roc_auc_score(y[kept] == c, shares[:, k]) for c, k in (("art", 0), ("war", 2))
    ]
    assert metrics["auc"] == pytest.approx(np.mean(aucs))
    assert np.isfinite(list(metrics.values())).all()


def test_rows_with_nan(labelled):
    X, y = labelled
    holes, filled = X.copy(), X.copy()
    holes.iloc[:7, 1], filled.iloc[:7, 1] = np.nan, X["round"][7:].mean()
    model = HypothesisClassifier().fit(holes, y)
    alone = HypothesisClassifier().fit(X[7:], y[7:])
    expected = alone.summary_.assign(n_dropped=7)
    pd.testing.assert_frame_equal(model.summary_, expected)
    assert model.n_dropped_ == 7
    np.testing.assert_allclose(model.predict_proba(holes), alone.predict_proba(filled))
    _, metrics = model.evaluate(holes, y)
    assert (metrics["n"], metrics["n_dropped"]) == (393, 7)


@pytest.mark.parametrize(
    "y, message",
    [
        (["yes"] * 400, "two classes or more.*one class, 'yes'"),
        ([None] + ["yes", "no"] * 199 + ["no"], "contains NaN.*row position 0"),
        (np.linspace(0, 1, 400), r"[Uu]nknown label type.*HypothesisRegressor\(\)"),
        (["yes", "no"] * 199, "inconsistent numbers of samples"),
        (np.r_[np.nan, np.tile([0, 1], 199), 1], "contains NaN"),
    ],
)
def test_bad_targets(labelled, y, message):
    with pytest.raises(ValueError, match=message):
        HypothesisClassifier().fit(labelled[0], y)


def test_evaluate_refuses_unknown_classes(labelled):
    X, y = labelled
    model = HypothesisClassifier().fit(X, y)
    with pytest.raises(ValueError, match=r"\['maybe'\].*seen \['no', 'yes'\]"):
        model.evaluate(X, np.where(np.arange(400) == 2, "maybe", y))


@pytest.mark.usefixtures("without_profile_intervals")
@pytest.mark.parametrize("holders", [(2, 3, 4, 6, 10), (30, 100, 200)])
def test_pure_noise_is_not_significant_too_often(holders):
    # Rare concepts separate in most draws: Firth's tests are careful, never loose.
    rng = np.random.default_rng(0)
    X = np.zeros((400, len(holders)))
    for j, count in enumerate(holders):
        X[rng.choice(400, count, replace=False), j] = 1
    names = np.array([f"x{j}" for j in range(len(holders))], dtype=object)
    draws = (rng.random((300, 400)) < 0.4).astype(float)
    p = np.array([fit_logistic(X, y, names, alpha=0.05).p for y in draws])
    share = (p < 0.05).mean(axis=0)
    assert (share < 0.09).all()  # 0.05 + 3 errors
    if min(holders) >= 30:
        assert (share > 0.015).all()


def test_no_warning_reaches_the_user(labelled):
    # statsmodels warns of separation and overflow on the way; the note says it once.
    X, y = labelled
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        HypothesisClassifier().fit(X.assign(leak=(y == "yes") * 1.0), y).evaluate(
            X.assign(leak=(y == "yes") * 1.0), y
        )


def test_effects_point_to_the_positive_class(labelled):
    """The table turns round, and what scikit-learn expects of classes stays."""
    X, y = labelled
    last = HypothesisClassifier().fit(X, y)
    first = HypothesisClassifier(positive="no").fit(X, y)
    assert (last.positive_, first.positive_) == ("yes", "no")
    table, turned = last.summary_, first.summary_
    for name in ("coefficient", "separation", "average_marginal_effect"):
        np.testing.assert_allclose(turned[name], -table[name])
    np.testing.assert_allclose(turned["ci_low"], -table["ci_high"])
    np.testing.assert_allclose(turned["p"], table["p"])
    np.testing.assert_allclose(first.coef_, last.coef_)
    np.testing.assert_allclose(first.predict_proba(X), last.predict_proba(X))
    assert (first.predict(X) == last.predict(X)).all()
    metrics = first.evaluate(X, y)[1]
    share = first.predict_proba(X)[:, 0]
    assert metrics["average_precision"] == pytest.approx(
        average_precision_score(y == "no", share)
    )
    assert metrics["auc"] == pytest.approx(last.evaluate(X, y)[1]["auc"])


@pytest.mark.parametrize(
    ("classes", "positive", "message"),
    [
        (
            ["no", "yes"],
            "maybe",
            "positive='maybe' is not .*classes, which are 'no', 'yes'",
        ),
        ([0, 1], "1", "positive='1' is not one of the classes, which are 0, 1"),
        (["a", "b", "c"], "a", "is for two classes, and there are 3: 'a', 'b', 'c'"),
    ],
)
def test_a_class_that_is_not_there_is_refused(labelled, classes, positive, message):
    X, _ = labelled
    y = np.resize(classes, len(X))
    with pytest.raises(ValueError, match=message):
        HypothesisClassifier(positive=positive).fit(X, y)


@pytest.mark.parametrize("positive", [True, 1])
def test_a_positive_class_may_be_a_number_or_a_boolean(labelled, positive):
    X, y = labelled
    y = (y == "yes") if positive is True else (y == "yes").astype(int)
    assert HypothesisClassifier(positive=positive).fit(X, y).positive_ == positive


def test_average_marginal_effects_equal_statsmodels(labelled):
    """Concepts are switched on and off; for other numbers it is the mean slope."""
    X, y = labelled
    X = X.assign(length=np.random.default_rng(1).normal(size=len(X)))
    found = HypothesisClassifier().fit(X, y).summary_["average_marginal_effect"]
    oracle = Logit(y == "yes", with_intercept(X)).fit(disp=0)
    expected = oracle.get_margeff(dummy=True).margeff
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)


def test_average_marginal_effects_are_weighted_and_nan_without_an_estimate(labelled):
    X, y = labelled
    X = X.assign(never=0.0)
    weights = np.random.default_rng(1).random(len(X)) + 0.5
    model = HypothesisClassifier().fit(X, y, sample_weight=weights)
    with_it, without = X.assign(tall=1.0), X.assign(tall=0.0)
    change = model.predict_proba(with_it)[:, 1] - model.predict_proba(without)[:, 1]
    effects = model.summary_["average_marginal_effect"]
    assert effects[0] == pytest.approx(np.average(change, weights=weights))
    assert np.isnan(effects[3])
