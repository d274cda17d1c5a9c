"""One rule for what y is: the same answer for the same values in any container."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, strategies as st

from sklearn_hsae._target import read_target, refuse_constant

STARS = [1, 2, 3, 4, 5, 5]
FLAGS = [True, False, True]


@pytest.mark.parametrize(
    "y",
    [
        STARS,
        np.array(STARS, dtype=">i4"),
        np.array(STARS, dtype=">f8"),
        np.array(STARS, dtype=object),
        [float(star) for star in STARS],
        [Decimal(star) for star in STARS],
        [Fraction(star) for star in STARS],
        [str(star) for star in STARS],
        np.array(STARS).astype(str),
        pd.Series(STARS, dtype="Int64"),
        pd.Series(STARS, dtype="Float32"),
        pd.Series([str(star) for star in STARS], dtype="string"),
        pd.Series(STARS, index=list("abcdef")),
        pl.Series(STARS),
    ],
    ids=lambda y: f"{type(y).__name__}-{getattr(y, 'dtype', '')}",
)
def test_numbers_in_any_container_are_a_quantity_or_classes_as_asked(y):
    quantity = read_target(y)
    assert not quantity.is_classification
    np.testing.assert_array_equal(quantity.values, np.array(STARS, dtype=float))
    assert quantity.values.dtype == np.float64
    classes = read_target(y, "classification")
    assert [float(label) for label in classes.classes] == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(classes.values, [0, 1, 2, 3, 4, 4])


@pytest.mark.parametrize(
    "y",
    [
        FLAGS,
        np.array(FLAGS),
        np.array(FLAGS, dtype=object),
        pd.Series(FLAGS, dtype="boolean"),
        pl.Series(FLAGS),
    ],
    ids=lambda y: type(y).__name__,
)
def test_booleans_are_classes_unless_a_regression_is_asked_for(y):
    target = read_target(y)
    assert target.classes.tolist() == [False, True]
    assert target.classes.dtype == bool
    np.testing.assert_array_equal(target.values, [1, 0, 1])
    np.testing.assert_array_equal(read_target(y, "regression").values, [1.0, 0.0, 1.0])


def test_two_numbers_are_classes_and_a_quantity_on_request():
    assert read_target([0.0, 1.0, 1.0]).is_classification
    assert not read_target([0.0, 1.0, 1.0], "regression").is_classification
    # scikit-learn's classifiers and metrics refuse fractions as classes.
    assert not read_target([1.5, 2.5, 2.5]).is_classification


def test_words_and_categories_are_classes():
    assert read_target(["b", "a", "b"]).classes.tolist() == ["a", "b"]
    stars = pd.Series([3, 1, 2], dtype="category")  # the user said that they are
    assert read_target(stars).classes.tolist() == [1, 2, 3]
    # Words that Python's float would read are no numbers.
    assert read_target(["nan", "inf", "1"]).is_classification


def test_classes_have_a_native_byte_order():
    # Numba and torch refuse big-endian arrays, long after y was read.
    target = read_target(np.array([2, 1, 2], dtype=">i4"), "classification")
    assert target.classes.dtype.isnative


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1.0, np.nan], "1 of 2 rows, at row position 1"),
        (["a", None], "1 of 2 rows, at row position 1"),
        ([np.inf, 1.0], "infinity in 1 of 2 rows, at row position 0"),
        ([Decimal("Infinity"), Decimal(1)], "infinity in 1 of 2"),
        (pd.Series([1, None], dtype="Int64"), "at row position 1"),
        (pd.to_timedelta([1, 2], unit="D"), "time differences"),
        (np.array(pd.to_timedelta([1, 2]).to_pytimedelta()), "time differences"),
        (pd.to_datetime(["2020-01-01", "2021-01-01"]), "holds dates"),
        (pd.period_range("2020", periods=2, freq="Y"), "holds dates"),
        (["a", 1, 2], "mixes numbers and words: 1 and 'a'"),
        (np.ones((3, 2)), "1d array"),
        (np.array([1j, 2j]), "Complex"),
        (None, "one value per row"),
        ("words", "one value per row"),
    ],
)
@pytest.mark.parametrize("task", ["auto", "regression", "classification"])
def test_what_is_neither_a_number_nor_a_class_is_refused(y, message, task):
    with pytest.raises(ValueError, match=message):
        read_target(y, task)


def test_a_task_that_does_not_fit_is_refused_with_the_other_one():
    with pytest.raises(ValueError, match="task='classification'"):
        read_target(["a", "b"], "regression")
    with pytest.raises(ValueError, match="task='regression'"):
        read_target([0.5, 1.5, 2.5], "classification")


def test_a_constant_target_is_refused():
    with pytest.raises(ValueError, match="constant: each of its 2 values is 'a'"):
        refuse_constant(read_target(["a", "a"]))
    with pytest.raises(ValueError, match=r"constant: each of its 2 values is 3\.0"):
        refuse_constant(read_target([3, 3], "regression"))
    refuse_constant(read_target([1, 2, 3]))


# scikit-learn takes whole floats beyond 2**63 for no classes.
FINITE = st.one_of(st.integers(-3, 3).map(float), st.floats(-(2.0**53), 2.0**53))
CONTAINERS = [
    list,
    tuple,
    np.array,
    pd.Series,
    pl.Series,
    lambda y: np.array(y, dtype=">f8"),
    lambda y: np.array(y, dtype=object),
    lambda y: np.array(y).reshape(-1, 1)[:, 0],
    lambda y: [repr(value) for value in y],
    lambda y: [Fraction(value) for value in y],
    lambda y: pd.Series(y, dtype="Float64", index=range(len(y), 0, -1)),
]


@given(st.lists(FINITE, min_size=1, max_size=6), st.sampled_from(CONTAINERS))
def test_any_numbers_are_read_by_the_rule_in_any_container(y, container):
    are_whole = all(value.is_integer() for value in y)
    target = read_target(container(y))
    assert target.is_classification == (len(set(y)) == 2 and are_whole)
    if target.is_classification:
        found = [float(target.classes[code]) for code in target.values]
    else:
        found = target.values.tolist()
    assert found == y
    quantity = read_target(container(y), "regression")
    assert quantity.values.tolist() == y and quantity.classes is None
    if are_whole:
        classes = read_target(container(y), "classification")
        assert [float(label) for label in classes.classes] == sorted(set(y))


# NumPy drops NUL at the end of a string.
WORD = st.text(st.characters(exclude_characters="\0"), max_size=3)


@given(st.lists(WORD, min_size=1, max_size=6))
def test_any_words_are_classes_and_come_back(y):
    target = read_target(y)
    if not target.is_classification:
        assert target.values.tolist() == [float(word) for word in y]
    else:
        assert [target.classes[code] for code in target.values] == y
        assert target.classes.tolist() == sorted(set(y))


@given(st.lists(st.sampled_from(["b", "a", "1", "é", "true"]), min_size=1, max_size=6))
def test_words_mean_the_same_in_any_container(y):
    expected = read_target(y, "classification")
    for container in (np.array, pd.Series, pl.Series, pd.Categorical):
        target = read_target(container(y), "classification")
        assert target.classes.tolist() == expected.classes.tolist()
        np.testing.assert_array_equal(target.values, expected.values)
