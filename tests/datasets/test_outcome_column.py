"""The outcome: numbers or classes, and one way out of every message."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from sklearn_hsae.datasets._outcome_column import OutcomeReader


def read(values, task="auto", decimal=None, dtype=object):
    reader = OutcomeReader(
        "The column 'y' of f.csv",
        lambda i: f"row {i + 2}",
        task=task,
        decimal=decimal,
        as_classes="pass task='classification'",
    )
    column = values if isinstance(values, pd.Series) else pd.Series(values, dtype=dtype)
    y, is_missing = reader.read(column)
    return y, np.flatnonzero(is_missing).tolist()


@pytest.mark.parametrize(
    "strings, numbers",
    [
        (["2,5", "3", "4,25"], [2.5, 3, 4.25]),
        (["1.234,5", "2,25"], [1234.5, 2.25]),
        (["1.234", "12,5"], [1234, 12.5]),  # the second row tells what the point is
        (["1,234", "12.5"], [1234, 12.5]),
        (["22.6%", "3%", "0%"], [22.6, 3, 0]),
        (["$1,200.50", "$3"], [1200.5, 3]),
        (["12,50 €", "3 €"], [12.5, 3]),
        (["1\u202f234", "12"], [1234, 12]),
        (["(1.5)", "2.25"], [-1.5, 2.25]),
        (["1.234", "2.345"], [1.234, 2.345]),  # as Python and pandas read it
        ([Decimal("1.5"), Decimal("2")], [1.5, 2]),
        ([1.5, "2.5", Decimal("3")], [1.5, 2.5, 3]),
        ([10**25, 1], [1e25, 1]),
    ],
)
@pytest.mark.parametrize("task", ["auto", "regression"])
def test_numbers_are_numbers_however_they_are_written(strings, numbers, task):
    """Taken for words, each value would silently be a class of its own."""
    y, missing = read(strings, task)
    assert y.dtype.kind in "if" and y.tolist() == numbers and missing == []


def test_whole_numbers_stay_whole():
    """A class 1 must not be shown as 1.0."""
    assert read(["1", "2", "3"])[0].dtype == np.int64


@pytest.mark.parametrize("decimal, value", [(".", 1234), (",", 1.234)])
def test_the_decimal_sign_can_be_named(decimal, value):
    """Where every value has three digits behind a comma, nobody but the user knows."""
    with pytest.raises(
        ValueError, match=r"'1,234' in row 2.*decimal='\.' or decimal=','"
    ):
        read(["1,234", "5,678"])
    assert read(["1,234", "5,678"], decimal=decimal)[0][0] == value


def test_a_named_decimal_comma_makes_points_thousands():
    """Without it, "1.234" is what Python reads."""
    assert read(["1.234", "2.000"], decimal=",")[0].tolist() == [1234, 2000]
    with pytest.raises(
        ValueError, match=r"'2\.5' in row 3.*no number with decimal=','"
    ):
        read(["1", "2.5"], decimal=",")


@pytest.mark.parametrize(
    "values, message",
    [
        (
            ["2,5", "2.5"],
            r"mixes decimal commas and points: '2,5' in row 2, '2.5' in row 3",
        ),
        (["5%", "6%", "0.5"], r"mixes units: '5%' in row 2, '0.5' in row 4"),
        (["$5", "€6", "$7"], r"mixes units: '\$5' in row 2, '€6' in row 3"),
        (
            ["2024-01-05", "2024-02-05", "2024-03-05"],
            "holds dates or times: '2024-01-05'",
        ),
        (["2024-01-05T10:00:00+02:00", "2024-02-05T10:00:00Z", "2023-01-01"], "dates"),
        (["5.1.2024", "6.1.2024", "17.1.2024"], "dates"),
        (["1/5/24", "1/6/24", "1/7/24"], "dates"),
        (["5 Jan 2024", "6 Feb 2024", "7 März 2024"], "dates"),
        (["January 5, 2024", "May 6, 2024", "May 7, 2024"], "dates"),
        (["2024-01", "2024-02", "2024-03"], "dates"),
        (["12:30", "12:31", "12:32"], "dates or times"),
        (["1 star", "2 stars", "3 stars"], "a unit or a scale: '1 star' in row 2"),
        (["5mg", "7.5mg", "8mg"], "a unit or a scale"),
        (["4/5", "3/5", "2.5/5"], "a unit or a scale"),
        (["4 out of 5", "3 out of 5", "1 out of 5"], "a unit or a scale"),
        (["1", "2", "3", "good"], "'good' in row 5 is none, as in 1 of 4 rows"),
    ],
)
@pytest.mark.parametrize("task", ["auto", "regression"])
def test_an_unclear_format_is_named_with_its_row(values, message, task):
    """One message with the way out, for the default and for a regression alike."""
    with pytest.raises(ValueError, match=f"The column 'y' of f.csv .*{message}"):
        read(values, task)


@pytest.mark.parametrize(
    "values",
    [
        ["2024-01", "2024-02", "2024-03"],
        ["1 star", "2 stars", "3 stars"],
        ["1", "2", "3", "good"],
        ["1,5", "2,5", "3,5"],
        ["NA", "1", "2"],
    ],
)
def test_what_looks_like_numbers_can_be_classes(values):
    """The way out that the messages name leads out."""
    y, missing = read(values, "classification")
    assert y.tolist() == values and missing == []


@pytest.mark.parametrize(
    "dtype", ["datetime64[ns]", "datetime64[ns, UTC]", "timedelta64[ns]"]
)
def test_typed_times_are_named(dtype):
    """Parquet and Excel hold dates as such."""
    column = pd.Series([0, 10**15, 2 * 10**15]).astype("int64").astype("datetime64[ns]")
    column = column - column[0] if "delta" in dtype else column
    column = column.dt.tz_localize("UTC") if "UTC" in dtype else column
    with pytest.raises(ValueError, match="dates or times"):
        read(column)


@pytest.mark.parametrize(
    "word", ["NA", "None", "null", "n/a", "N/A", "nan", "-", "unknown"]
)
def test_words_for_nothing_are_classes_among_words(word):
    """A country is called NA, and a harm None: a whole class would be lost."""
    y, missing = read([word, "DE", word, "FR"])
    assert y.tolist() == [word, "DE", word, "FR"] and missing == []


@pytest.mark.parametrize(
    "word", ["NA", "None", "null", "n/a", "#N/A", "#DIV/0!", "-", "."]
)
def test_words_for_nothing_are_missing_among_numbers(word):
    """No rating is called NA, and no class of its own."""
    y, missing = read(["1,5", word, "2,5", word, "3"])
    assert y.tolist() == [1.5, 2.5, 3] and missing == [1, 3]


@pytest.mark.parametrize("empty", [None, np.nan, pd.NA, pd.NaT, "", "  ", "\u00a0"])
def test_an_empty_cell_is_missing(empty):
    """Whatever kind of file it comes from."""
    assert read(["a", empty, "b", "c"])[1] == [1]
    assert read(["1", empty, "2", "3"])[1] == [1]


@pytest.mark.parametrize(
    "values", [[True, False, None], ["TRUE", "FALSE", ""], ["true", "False", None]]
)
def test_true_and_false_are_booleans(values):
    """Spreadsheets write them in capitals."""
    y, missing = read(values)
    assert y.dtype == bool and y.tolist() == [True, False] and missing == [2]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([1.0, np.nan, 3.0]),
        pd.Series([1.5, None, 3.5], dtype="Float32"),
    ],
)
def test_typed_numbers_keep_their_values(column):
    """The nullable types of pandas, and NumPy's."""
    y, missing = read(column)
    assert y.tolist() == column.dropna().tolist() and missing == [1]


@pytest.mark.parametrize(
    "values", [["1e999", "1", "2"], ["inf", "1", "2"], [10**400, 1, 2]]
)
def test_infinite_numbers_are_numbers(values):
    """So that they are refused as infinite, and are no classes."""
    assert np.isinf(read(values)[0]).tolist() == [True, False, False]


def test_words_for_a_regression_are_named():
    """The message leads to classes, and classes are then taken."""
    with pytest.raises(
        ValueError, match=r"'bad' in row 2.*needs numbers.*'classification'"
    ):
        read(["bad", "good", "fair"], "regression")
    assert read(["bad", "good", "fair"])[0].tolist() == ["bad", "good", "fair"]


def test_labels_with_digits_are_labels():
    """Age bands, grades and codes are no numbers."""
    for values in (
        ["20-29", "30-39", "40+"],
        ["1st", "2nd", "3rd"],
        ["2020_1", "2020_2", "2020_3"],
    ):
        assert read(values)[0].tolist() == values


def test_two_dates_are_two_classes():
    """Before and after: that is what two distinct values mean elsewhere."""
    values = ["2024-01-01", "2024-07-01", "2024-01-01"]
    assert read(values)[0].tolist() == values
