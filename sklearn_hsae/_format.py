"""Format numbers as text, in the same way for the report and the terminal.

Numbers have a typographic minus sign and fixed decimals. A missing number is a dash,
never "nan".
"""

import math
import unicodedata

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
NOT_ABOVE = "\N{LESS-THAN OR EQUAL TO}"
_LEAST_P = 0.001
_KEPT_CONTROLS = "\n\t"


def is_number(value):
    """Whether `value` is a finite number (None, NaN and pandas.NA are not)."""
    try:
        return math.isfinite(value)
    except TypeError:
        return False


def number(value, digits=2, sign=False):
    """A number with fixed decimals, a dash when it is not finite."""
    if not is_number(value):
        return DASH
    text = f"{value:{'+' if sign else ''},.{digits}f}"
    if float(text.replace(",", "")) == 0:  # no "-0.00", no "+0.00"
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def effect_digits(values):
    """Number of decimals that shows typical effects with two or three digits."""
    sizes = sorted(abs(v) for v in values if is_number(v) and v)
    if not sizes:
        return 2
    typical = sizes[len(sizes) // 2]
    return min(max(2 - math.floor(math.log10(typical) + 1), 0), 6)


def p_value(p, decimals=2):
    """A p-value, never "0.00"; with `decimals` from 0.1 on, and three below.

    With 999 permutations 0.001 is the smallest p there is, so it says no more than "not
    above".
    """
    if not is_number(p):
        return DASH
    if math.isclose(p, _LEAST_P):
        return f"{NOT_ABOVE} {_LEAST_P}"
    if p < _LEAST_P:
        return f"< {_LEAST_P}"
    return f"{p:.3f}" if p < 0.1 else f"{p:.{decimals}f}"


def p_in_words(p):
    """A p-value in a sentence: "p < 0.001", or "p = 0.012"."""
    shown = p_value(p)
    return f"p {shown}" if shown[0] in f"<{NOT_ABOVE}" else f"p = {shown}"


def percent(share):
    """A share as a percentage; a small share is not rounded to 0."""
    if not is_number(share):
        return DASH
    if 0 < share < 0.01:
        return f"{100 * share:.1f} %" if share >= 0.001 else "< 0.1 %"
    return f"{100 * share:.0f} %"


def count(value):
    """A whole number with commas between thousands."""
    return f"{int(value):,}" if is_number(value) else DASH


def seconds(value):
    """A duration, such as "1.5 s" or "2 min 5 s"."""
    if not is_number(value):
        return DASH
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"


def printable(text):
    """Replace characters that would break a page or a terminal by spaces.

    Control characters could end a line of the table or move the cursor, and lone
    surrogates cannot be written as UTF-8.
    """
    return "".join(
        char
        if char in _KEPT_CONTROLS or unicodedata.category(char) not in ("Cc", "Cs")
        else " "
        for char in text
    )


def shorten(text, limit):
    """The first `limit` characters of a text, cut at a space, with " …" at the end."""
    text = printable(text[: limit + 1]).strip()
    if len(text) <= limit:
        return text
    head, _, tail = text[:limit].rpartition(" ")
    return (head if len(tail) < 40 else text[:limit]).rstrip() + " …"


def listed(words):
    """Words in a sentence: "a, b and c"."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def returned(line):
    """ "4 of 5" repeats in which a hypothesis came back; "" without repeats."""
    if not is_number(line.get("n_returned")):
        return ""
    return f"{line['n_returned']:.0f} of {line['n_repeats']:.0f}"
