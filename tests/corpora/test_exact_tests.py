import numpy as np
import pytest
from scipy import stats

from sklearn_hsae.corpora._exact_tests import fisher_p, mcnemar_p


@pytest.mark.parametrize(("n_a", "n_b"), [(1, 1), (1, 30), (7, 7), (12, 5), (300, 41)])
def test_fisher_is_twice_the_smaller_tail_of_the_hypergeometric(n_a, n_b):
    a, b = (grid.ravel() for grid in np.mgrid[0 : n_a + 1, 0 : n_b + 1])
    law = stats.hypergeom(n_a + n_b, n_a, a + b)
    expected = np.minimum(2 * np.minimum(law.cdf(a), law.sf(a - 1)), 1)
    np.testing.assert_allclose(fisher_p(a, b, n_a, n_b), expected, rtol=1e-8)


def test_fisher_agrees_with_scipy_where_both_tails_are_equal():
    for a, b in [(0, 4), (3, 9), (10, 10), (25, 1)]:
        expected = stats.fisher_exact([[a, 25 - a], [b, 25 - b]]).pvalue
        assert fisher_p(np.array([a]), np.array([b]), 25, 25) == pytest.approx(expected)


def test_fisher_is_exact_in_the_far_tail_of_large_unequal_corpora():
    # 2e-53, where the usual test of two shares says 6e-199.
    p = fisher_p(np.array([60]), np.array([300]), 1_000, 100_000)
    expected = 2 * stats.hypergeom.sf(59, 101_000, 1_000, 360)
    assert p == pytest.approx(expected, rel=1e-6)


def test_mcnemar_is_a_binomial_test_of_the_pairs_that_differ():
    only_a, only_b = np.array([0, 5, 3, 12, 40]), np.array([0, 0, 3, 2, 61])
    expected = [1.0] + [
        stats.binomtest(int(a), int(a + b)).pvalue
        for a, b in zip(only_a[1:], only_b[1:], strict=True)
    ]
    np.testing.assert_allclose(mcnemar_p(only_a, only_b), expected)
