"""Numbers as people and their programs write them."""

import re
from typing import NamedTuple

import numpy as np

# Signs that look like others: a minus, and the apostrophe of typographers.
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
# Per decimal sign. Thousands come in threes, behind one sign; in India, twos precede.
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

    values : dict of float, its value with a decimal point and with a decimal comma;
        the key is absent where it cannot be read so
    unit : str, a sign of money or per cent, "" without one
    """

    values: dict
    unit: str


def parse_number(string):
    """The :class:`WrittenNumber` of a string, None when it is no number.

    Read are thousands separators, currencies, per cent, and minus signs before, behind,
    or as the parentheses of accountants. A unit is set apart, not calculated with:
    ``"22.6%"`` is 22.6.

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
