"""Numbers as people write them, against values written by hand."""

import numpy as np
import pytest

from sklearn_hsae.datasets._number_formats import parse_number

POINT, COMMA, BOTH = ".", ",", ".,"


@pytest.mark.parametrize(
    "string, decimals, value",
    [
        ("12", BOTH, 12),
        (" 12 ", BOTH, 12),
        ("-0.5", POINT, -0.5),
        (".5", POINT, 0.5),
        ("5.", POINT, 5),
        ("0.125", POINT, 0.125),  # no thousands: they never begin with 0
        ("2,5", COMMA, 2.5),
        ("1e-5", BOTH, 1e-5),
        ("1,234.5", POINT, 1234.5),
        ("1.234,5", COMMA, 1234.5),
        ("1,234,567", POINT, 1234567),
        ("12,34,567.5", POINT, 1234567.5),  # India
        ("1 234 567", BOTH, 1234567),
        ("1\u202f234,5", COMMA, 1234.5),  # France: narrow no-break space
        ("1\u00a0234", BOTH, 1234),
        ("1'234.5", POINT, 1234.5),  # Switzerland
        ("1\u2019234.5", POINT, 1234.5),
        ("\u22123", BOTH, -3),  # a typographer's minus
        ("3-", BOTH, -3),  # accountants
        ("(1,234.50)", POINT, -1234.5),
        ("($5)", BOTH, -5),
        ("-$5", BOTH, -5),
        ("$-5", BOTH, -5),
        ("22.6%", POINT, 22.6),
        ("22,6 %", COMMA, 22.6),
        ("\u20ac 12,50", COMMA, 12.5),
        ("12,50\u00a0\u20ac", COMMA, 12.5),
        ("R$ 10,00", COMMA, 10),
        ("USD 1,000.00", POINT, 1000),
        ("1000 kr", BOTH, 1000),
        ("\u0663", BOTH, 3),  # an Arabic digit
        ("inf", BOTH, np.inf),
        ("-Infinity", BOTH, -np.inf),
        ("1e999", BOTH, np.inf),
    ],
)
def test_a_written_number_is_read(string, decimals, value):
    """Exports hold what the spreadsheet showed, not what the cell held."""
    assert parse_number(string).values == dict.fromkeys(decimals, value)


@pytest.mark.parametrize(
    "string, point, comma", [("1,234", 1234, 1.234), ("1.234", 1.234, 1234)]
)
def test_three_digits_behind_one_sign_have_two_meanings(string, point, comma):
    """Only the other rows, or the user, can tell thousands from decimals."""
    assert parse_number(string).values == {".": point, ",": comma}


@pytest.mark.parametrize(
    "string, unit", [("3 %", "%"), ("$3", "$"), ("3 EUR", "EUR"), ("3", "")]
)
def test_the_unit_is_kept_apart(string, unit):
    """A column that mixes units must be found out."""
    assert parse_number(string).unit == unit


@pytest.mark.parametrize(
    "string",
    ["", "NA", "nan", ".", "-", "%", "2 stars", "12:30", "2024-01-05", "1.2.3", "1,2,3"]
    + ["1 2", "12 34", "(5", "5)", "-5-", "(-5)", "$5%", "3%5", "0x10", "1_000", "5k"],
)
def test_what_is_no_number_is_not_read(string):
    """Versions, dates, identifiers and sizes must not become quantities."""
    assert parse_number(string) is None
