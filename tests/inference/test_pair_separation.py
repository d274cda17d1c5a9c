"""Tests for pairs against scipy and statsmodels, and their level on noise."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from sklearn_hsae import HypothesisClassifier, HypothesisRegressor
from sklearn_hsae.inference._pair_separation import compare_pairs


def differences(n_pairs, shares, rng):
    drawn = rng.random((n_pairs, len(shares))) < shares
    return drawn * rng.choice((-1.0, 1.0), drawn.shape)


def test_a_win_or_loss_is_tested_by_the_sign_test():
    rng = np.random.default_rng(0)
    X = differences(300, [0.1, 0.4], rng)
    y = (X[:, 0] + rng.normal(size=300) > 0) * 1.0
    separation, p, _ = compare_pairs(X, y - 0.5, np.ones(300))
    for j in range(2):
        wins = y[X[:, j] > 0].sum() + (1 - y[X[:, j] < 0]).sum()
        n = (X[:, j] != 0).sum()
        assert separation[j] == pytest.approx(wins / n - 0.5)
        assert p[j] == pytest.approx(stats.binomtest(int(wins), int(n)).pvalue)


def test_numbers_are_tested_by_random_signs():
    rng = np.random.default_rng(0)
    X = differences(40, [0.3], rng)
    y = 0.5 * X[:, 0] + rng.standard_t(3, size=40)
    _, p, _ = compare_pairs(X, y, np.ones(40))
    gains = (X[:, 0] * y)[X[:, 0] != 0]
    exact = stats.permutation_test(
        (gains,), np.sum, permutation_type="samples", n_resamples=np.inf
    )
    assert p[0] == pytest.approx(exact.pvalue, abs=0.01)


def test_coefficients_are_those_of_a_regression_without_an_intercept():
    rng = np.random.default_rng(1)
    X = differences(400, [0.3, 0.5], rng)
    y = X @ [0.6, 0.0] + rng.normal(size=400)
    ours = HypothesisRegressor(pairs=True).fit(X, y).summary_
    theirs = sm.OLS(y, X).fit(cov_type="HC3")
    np.testing.assert_allclose(ours["coefficient"], theirs.params)
    classical = sm.OLS(y, X).fit().bse
    np.testing.assert_allclose(
        ours["standard_error"], np.maximum(theirs.bse, classical)
    )
    won = (y > 0) * 1.0
    ours = HypothesisClassifier(pairs=True).fit(X, won).summary_
    theirs = sm.Logit(won, X).fit(disp=0)
    np.testing.assert_allclose(ours["coefficient"], theirs.params, rtol=1e-5)
    np.testing.assert_allclose(ours["p"], theirs.pvalues, rtol=1e-4)


def test_an_effect_of_the_order_is_a_control():
    rng = np.random.default_rng(2)
    X = np.column_stack([differences(1000, [0.3], rng), np.ones(1000)])
    y = X @ [0.5, 2.0] + rng.normal(size=1000)
    model = HypothesisRegressor(pairs=True, controls=["x1"]).fit(X, y)
    assert model.controls_["coefficient"][0] == pytest.approx(2.0, abs=0.1)
    np.testing.assert_allclose(model.predict(-X), -model.predict(X))


@pytest.mark.parametrize("outcome", ["wins", "mostly ties", "heavy tails"])
def test_noise_is_significant_in_five_percent(outcome):
    # HypotheSAEs' test of such pairs has p = 7e-68 on fair coins. Single tests, whose
    # p-values may not be below 0.05 (0.01) more often than that: 3 standard errors.
    rng = np.random.default_rng(3)
    p = []
    for _ in range(40):
        X = differences(250, np.geomspace(0.03, 0.4, 15), rng)
        y = {
            "wins": lambda: rng.choice((-0.5, 0.5), 250),
            "mostly ties": lambda: rng.choice((-1.0, 0.0, 1.0), 250, p=(0.1, 0.8, 0.1)),
            "heavy tails": lambda: rng.standard_t(2, 250),
        }[outcome]()
        p.extend(compare_pairs(X, y, np.ones(250))[1])
    p = np.array(p)[~np.isnan(p)]
    for level in (0.05, 0.01):
        assert np.mean(p <= level) < level + 3 * np.sqrt(level / len(p))


def test_pairs_of_a_cluster_have_one_sign():
    # Each test is copied five times: as if it were one.
    rng = np.random.default_rng(4)
    X = differences(60, [0.4], rng)
    y = X[:, 0] * 0.3 + rng.normal(size=60)
    once = compare_pairs(X, y, np.ones(60))[1]
    copies = [np.repeat(values, 5, axis=0) for values in (X, y, np.arange(60))]
    again = compare_pairs(*copies[:2], np.ones(300), clusters=copies[2])[1]
    assert again == pytest.approx(once, abs=1e-9)
