"""Pearson's correlation, against numpy's."""

import numpy as np
import pytest

from sklearn_hsae._correlations import annotation_correlations, pearson, phi


def test_one_column_and_several_columns_have_the_same_correlation():
    rng = np.random.default_rng(0)
    columns, values = rng.normal(size=(30, 3)), rng.normal(size=30)
    expected = [np.corrcoef(column, values)[0, 1] for column in columns.T]
    assert pearson(columns, values) == pytest.approx(expected)
    assert pearson(columns[:, 0], values) == pytest.approx(expected[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_correlation_with_a_constant_is_0(dtype):
    # 0.1 minus the mean of many 0.1 is a rounding error, not 0.
    constant, values = np.full(1000, 0.1, dtype), np.arange(1000, dtype=dtype)
    assert pearson(constant, values) == pearson(values, constant) == 0
    assert phi(np.array([3.0]), np.array([10.0]), np.array([3.0]), 10) == 0


def test_phi_is_the_correlation_of_two_columns_of_0_and_1():
    a, b = np.random.default_rng(0).random((2, 50)) < 0.3
    value = phi(np.sum(a & b), a.sum(), b.sum(), 50)
    assert value == pytest.approx(np.corrcoef(a, b)[0, 1])


def test_only_rows_where_all_were_judged_count_between_annotations():
    annotations = np.array(
        [[1, 0, 1], [0, 1, 1], [1, 1, 1], [0, 0, 1], [np.nan, 1, 0]], dtype=float
    )
    correlation = annotation_correlations(annotations)
    expected = np.corrcoef(annotations[:4, :2], rowvar=False)
    assert correlation[:2, :2] == pytest.approx(expected)
    assert np.isnan(correlation[2]).all()
    assert np.isnan(annotation_correlations(annotations[:0])).all()


def test_booleans_are_numbers_and_no_rows_are_a_constant():
    flags, values = np.array([True, False, True]), np.array([2.0, 1.0, 2.0])
    assert pearson(flags, values) == pytest.approx(1)
    assert pearson(flags[:0], values[:0]) == 0
