"""What the values of options are read as; a wrong one is named in one line."""

import argparse
import csv
import math
import re
from pathlib import Path


def positive(text):
    number = _whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def count(text):
    number = _whole(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number


def port(text):
    number = _whole(text)
    if not 0 <= number < 2**16:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 65535")
    return number


def seed(text):
    number = _whole(text)
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 2**32 - 1")
    return number


def _whole(text):
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def dollars(text):
    return _number(text, "a number of dollars such as 2.50", lambda x: x >= 0)


def seconds(text):
    return _number(text, "a number of seconds above 0", lambda x: x > 0)


def _number(text, wanted, is_allowed):
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and is_allowed(number)):
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return number


def prefixes(text):
    if text in ("auto", "none"):
        return None if text == "none" else text
    try:
        sizes = tuple(_prefix(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of sizes such as 32,256 or 0.125,1.0"
        ) from None
    if list(sizes) != sorted(set(sizes)) or not sizes[0] > 0:
        raise argparse.ArgumentTypeError(f"{text} does not grow from above 0")
    return sizes


def _prefix(text):
    if "." not in text:
        return int(text)
    share = float(text)
    if not 0 < share <= 1 or math.isnan(share):
        raise ValueError
    return share


def stop_words(text):
    if text in ("auto", "none"):
        return [] if text == "none" else text
    from sklearn_hsae.judges import stop_word_languages

    if text in stop_word_languages():
        return text
    try:
        return Path(text).read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a file in UTF-8 nor one of: auto, none, "
            f"{', '.join(stop_word_languages())}"
        ) from None


def controls(text):
    controls = {}
    for part in listed(text):
        code = re.fullmatch(r"C\((.+)\)", part)
        name = code[1] if code else part
        if name in controls:
            raise argparse.ArgumentTypeError(f"{name!r} is named twice")
        controls[name] = "classification" if code else "auto"
    return controls


def cleaned(text):
    from sklearn_hsae.cleaning import CLEANED

    parts = listed(text)
    for part in parts:
        if part not in CLEANED:
            raise argparse.ArgumentTypeError(
                f"{part!r} is none of {', '.join(CLEANED)}"
            )
    return parts


def listed(text):
    """The entries between the commas; one with a comma stands in double quotes."""
    entries = next(csv.reader([text], skipinitialspace=True), [])
    entries = [entry.strip() for entry in entries]
    if not entries or "" in entries:
        raise argparse.ArgumentTypeError(f"{text!r} has an empty entry")
    return entries


def cache_dir(text):
    return None if text == "none" else text
