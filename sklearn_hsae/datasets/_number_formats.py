"""Parse numbers in the formats of different countries and programs."""

import re
from typing import NamedTuple

import numpy as np

# The typographic minus sign and apostrophe.
_MINUS, _APOSTROPHE = "\u2212", "\u2019"
_CURRENCIES = "EUR|USD|GBP|CHF|JPY|CNY|INR|BRL|CAD|AUD|SEK|NOK|DKK|PLN|CZK|kr|zł|Kč|Fr"
_UNIT = rf"(?:[$¢£¤¥֏؋৲৳฿៛₠-⃀﷼]|(?:{_CURRENCIES})\.?|R\$|[A-Z]{{1,2}}\$|%|‰)"
_BLANKS = re.compile(r"[\s\u00a0\u202f\u2009\u2007]+")
_EXPONENT = r"(?:e[+-]?\d+)?"
_SHAPE = re.compile(
    rf"(?P<paren>\()?(?P<sign>[+-])? ?(?P<before>{_UNIT})? ?(?P<inner>[+-])?"
    rf"(?P<digits>[\d.,' ]*\d[.,]?{_EXPONENT}|inf(?:inity)?|∞)"
    rf" ?(?P<after>{_UNIT})? ?(?P<behind>-)?(?(paren)\))",
    re.IGNORECASE,
)
# One pattern per decimal sign. Thousands are groups of three digits with one separator;
# in India, groups of two come before the last group of three.
_DIGITS = {
    ".": re.compile(
        r"(?:[1-9]\d{0,2}(?P<gap>[, '])\d{3}(?:(?P=gap)\d{3})*"
        rf"|[1-9]\d?(?:,\d{{2}})+,\d{{3}}|\d+)?(?:\.\d*)?{_EXPONENT}",
        re.IGNORECASE,
    ),
    ",": re.compile(
        r"(?:[1-9]\d{0,2}(?P<gap>[. '])\d{3}(?:(?P=gap)\d{3})*"
        rf"|\d+)?(?:,\d*)?{_EXPONENT}",
        re.IGNORECASE,
    ),
}
_INFINITE = re.compile(r"inf(?:inity)?|∞", re.IGNORECASE)


class WrittenNumber(NamedTuple):
    """One number as it is written.

    Attributes
    ----------
    values : dict of str to float
        Its value when the decimal sign is "." and when it is ","; without the key when
        the number cannot be read with this sign.
    unit : str
        Sign of a currency or of per cent; "" for none.
    """

    values: dict
    unit: str


def parse_number(string):
    """Parse a string as a :class:`WrittenNumber`; None when it is not a number.

    Thousands separators, currencies and per cent signs are allowed. A minus sign may be
    before or after the digits, and parentheses mean a negative number. The unit does
    not change the value: ``"22.6%"`` is 22.6.

    Examples
    --------
    >>> from sklearn_hsae.datasets._number_formats import parse_number
    >>> parse_number("1.234,50 €")
    WrittenNumber(values={',': 1234.5}, unit='€')
    >>> parse_number("(1,234)")
    WrittenNumber(values={'.': -1234.0, ',': -1.234}, unit='')
    """
    string = _BLANKS.sub(" ", string).strip()
    string = string.replace(_MINUS, "-").replace(_APOSTROPHE, "'")
    match = _SHAPE.fullmatch(string)
    if match is None or (match["before"] and match["after"]):
        return None
    digits = match["digits"].strip()
    n_signs = sum(bool(match[group]) for group in ("paren", "sign", "inner", "behind"))
    if n_signs > 1:
        return None
    is_negative = (
        match["paren"] or match["behind"] or "-" in (match["sign"], match["inner"])
    )
    sign = -1.0 if is_negative else 1.0
    if _INFINITE.fullmatch(digits):
        values = {".": sign * np.inf, ",": sign * np.inf}
    else:
        values = {
            decimal: sign * float(_plain_digits(digits, decimal))
            for decimal, form in _DIGITS.items()
            if form.fullmatch(digits)
        }
    if not values:
        return None
    return WrittenNumber(values, match["before"] or match["after"] or "")


def _plain_digits(digits, decimal):
    thousands = "," if decimal == "." else "."
    for sign in (thousands, " ", "'"):
        digits = digits.replace(sign, "")
    return digits.replace(decimal, ".")
