"""The test of several coefficients together, against statsmodels."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize, stats
from scipy.special import expit, log_expit

from sklearn_hsae.inference._linear import wald_linear
from sklearn_hsae.inference._logistic import fit_logistic, wald_logistic

NAMES = np.array(["a", "b", "c", "d"], dtype=object)
COV_TYPES = ("HC3", "nonrobust")
MEMBERS = [np.array([0, 1]), np.array([3])]


def rows(n_rows, seed=0):
    """Two concepts that overlap, two others, and an outcome of unequal noise."""
    rng = np.random.default_rng(seed)
    X = (rng.random((n_rows, 4)) < 0.3) * 1.0
    X[:, 1] = np.where(rng.random(n_rows) < 0.2, X[:, 1], X[:, 0])
    noise = rng.normal(size=n_rows) * (1 + X[:, 0] + X[:, 1])
    return X, 3 / np.sqrt(n_rows) * X[:, 0] + noise


def by_statsmodels(fit, use_f):
    """p of the first two coefficients behind the intercept."""
    R = np.eye(len(fit.params))[1:3]
    return fit.wald_test(R, use_f=use_f, scalar=True).pvalue


def test_equal_noise_is_the_f_test_of_statsmodels():
    X, y = rows(200)
    p = wald_linear(X, y, NAMES, MEMBERS, cov_type="nonrobust")
    model = sm.OLS(y, sm.add_constant(X)).fit()
    assert p[0] == pytest.approx(by_statsmodels(model, True), rel=1e-9)
    assert p[1] == pytest.approx(model.pvalues[4], rel=1e-9)


def test_robust_is_the_larger_p_of_statsmodels_f_tests():
    X, y = rows(300)
    model = sm.OLS(y, sm.add_constant(X))
    expected = {c: by_statsmodels(model.fit(cov_type=c), True) for c in COV_TYPES}
    assert wald_linear(X, y, NAMES, MEMBERS, cov_type="HC3")[0] == pytest.approx(
        max(expected.values())
    )
    assert expected["HC3"] > 1.3 * expected["nonrobust"]  # so it is HC3's


def test_clusters_are_those_of_statsmodels_with_many_of_them():
    X, y = rows(20_000)
    clusters = np.arange(len(y)) // 10
    p = wald_linear(X, y, NAMES, MEMBERS, cov_type="cluster", clusters=clusters)
    options = {"cov_type": "cluster", "cov_kwds": {"groups": clusters}}
    model = sm.OLS(y, sm.add_constant(X)).fit(**options)
    assert p[0] == pytest.approx(by_statsmodels(model, True), rel=0.02)


def test_skewed_noise_is_significant_as_often_as_it_should():
    # Two near copies of a concept that 12 of 150 rows have. HC3 alone finds far more.
    rng, p = np.random.default_rng(0), []
    for _ in range(100):
        X = (rng.random((150, 3)) < 0.2) * 1.0
        X[:, :2] = (np.arange(150) < 12)[:, None]
        X[[2, 30], 1] = 0, 1
        y = rng.choice([1.0, 2.0, 3.0], 150, p=[0.9, 0.07, 0.03])
        p += [wald_linear(X, y, NAMES[:3], MEMBERS[:1], cov_type="HC3")[0]]
    assert np.mean(np.array(p) < 0.05) < 0.08


def test_classes_have_the_wald_test_of_statsmodels():
    X, y = rows(500)
    y = (y > 0.5) * 1.0
    p = wald_logistic(X, y, NAMES, MEMBERS)
    model = sm.Logit(y, sm.add_constant(X)).fit(disp=False)
    assert p[0] == pytest.approx(by_statsmodels(model, False), rel=1e-6)
    assert p[1] == pytest.approx(model.pvalues[4], rel=1e-6)


def test_few_rows_of_a_class_have_the_penalized_likelihood_ratio():
    # Against a general optimizer, and for one column against its own test.
    X, y = rows(80, seed=3)
    y = (y > np.quantile(y, 0.85)) * 1.0
    p = wald_logistic(X, y, NAMES, MEMBERS)
    drop = 2 * (penalized_top(X, y, range(5)) - penalized_top(X, y, [0, 3, 4]))
    assert p[0] == pytest.approx(stats.chi2.sf(drop, 2), rel=1e-4)
    single = fit_logistic(X, y, NAMES, alpha=0.05)
    assert single.is_penalized
    assert p[1] == pytest.approx(single.p[3], rel=1e-6)


def penalized_top(X, y, free):
    """The largest penalized likelihood where all other coefficients are 0."""
    M, free = sm.add_constant(X), list(free)

    def loss(values):
        beta = np.zeros(M.shape[1])
        beta[free] = values
        share = expit(M @ beta)
        information = (M.T * (share * (1 - share))) @ M
        likelihood = log_expit(np.where(y > 0, M @ beta, -M @ beta)).sum()
        return -likelihood - 0.5 * np.linalg.slogdet(information)[1]

    return -optimize.minimize(loss, np.zeros(len(free)), tol=1e-10).fun


def test_a_group_of_copies_has_the_test_of_one():
    X, y = rows(200)
    X[:, 1] = X[:, 0]
    p = wald_linear(X, y, NAMES, MEMBERS, cov_type="nonrobust")
    model = sm.OLS(y, sm.add_constant(X[:, [0, 2, 3]])).fit()
    assert p[0] == pytest.approx(model.pvalues[1])
    X[:, :2] = 1.0
    assert np.isnan(wald_linear(X, y, NAMES, MEMBERS, cov_type="HC3")[0])


def test_clusters_of_classes_are_those_of_statsmodels_with_many_of_them():
    X, y = rows(8_000)
    y = (y > 0.5) * 1.0
    clusters = np.arange(len(y)) // 4
    options = {"cov_type": "cluster", "clusters": clusters}
    p = wald_logistic(X, y, NAMES, MEMBERS, **options)
    model = sm.Logit(y, sm.add_constant(X)).fit(
        disp=False, cov_type="cluster", cov_kwds={"groups": clusters}
    )
    plain = sm.Logit(y, sm.add_constant(X)).fit(disp=False)
    expected = max(by_statsmodels(model, False), by_statsmodels(plain, False))
    assert p[0] == pytest.approx(expected, rel=0.05)


def test_two_clusters_cannot_test_three_coefficients():
    X, y = rows(200)
    clusters = np.arange(200) % 2
    members = [np.array([0, 1, 2])]
    options = {"cov_type": "cluster", "clusters": clusters}
    assert np.isnan(wald_linear(X, y, NAMES, members, **options)[0])
