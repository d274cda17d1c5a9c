"""How long a provider asks to wait, in whatever way it says so."""

import email.utils
import re
import time
from datetime import datetime

from sklearn_hsae.llm._errors import chain, is_rate_limit, response_of, text_of

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(
    r"([\d.]+)\s*(ms|milliseconds?|s|sec\w*|m|min\w*|h|hours?|d|days?)(?![a-z])",
    re.IGNORECASE,
)
_DURATION = r"~?(\d[\d.]*\s*[a-z]*(?:\s*\d[\d.]*\s*[a-z]+)*)"
_IN_WORDS = re.compile(
    rf"""
      \b(?:retry|try\ again|wait|resets?|available|come\ back)\b[^.\n"{{}}]{{0,40}}?
      \b(?:in|after|for|within)\s+(?:about\ )?{_DURATION}
    | \bwait\s+(?:about\ )?{_DURATION}
    | \bretry.?delay["']?\s*:\s*["']?{_DURATION}
    | \bretry.?after(?:.?seconds)?["']?\s*:\s*["']?{_DURATION}
    | \bestimated.?time["']?\s*:\s*["']?{_DURATION}
    """,
    re.IGNORECASE | re.VERBOSE,
)
_RESET = re.compile(r"rate-?limit(?:-[\w-]+)?-reset", re.IGNORECASE)
_EPOCH = 1e9  # seconds; a larger number is a moment and no duration


def asked_delay(error):
    """Seconds that the provider asks to wait; None when it does not say."""
    headers = headers_of(error)
    for name, unit in (
        ("retry-after-ms", "ms"),
        ("x-ms-retry-after-ms", "ms"),
        ("retry-after", ""),
        ("x-retry-after", ""),
    ):
        seconds = _seconds(f"{headers.get(name) or ''}{unit}")
        if seconds is not None:
            return seconds
    in_words = _IN_WORDS.search(text_of(error))
    if in_words:
        seconds = _seconds(next(filter(None, in_words.groups())))
        if seconds is not None:
            return seconds
    # Sent with every response, and of meaning when a limit was reached.
    return _until_reset(headers) if is_rate_limit(error) else None


def headers_of(error):
    """The headers of the response, by their names in lower case."""
    response = response_of(error)
    found = getattr(response, "headers", None)
    for each in chain(error):
        found = found or getattr(each, "litellm_response_headers", None)
        found = found or getattr(each, "headers", None)
    return {str(k).lower(): str(v) for k, v in dict(found or {}).items()}


def _until_reset(headers):
    """Seconds until the limit that was reached is lifted."""
    reached, all_of_them = [], []
    for name, value in headers.items():
        seconds = _seconds(value) if _RESET.search(name) else None
        if seconds is not None:
            all_of_them.append(seconds)
            if headers.get(name.replace("reset", "remaining")) in ("0", "0.0"):
                reached.append(seconds)
    if reached:
        return max(reached)
    # Which of them it was is not said: to ask too early costs nothing.
    return min(all_of_them, default=None)


def _seconds(value):
    """A number, a duration such as "1m3.5s", or a moment, as seconds from now."""
    value = value.strip()
    try:
        number = float(value)
    except ValueError:
        parts = _PART.findall(value)
        if parts and _PART.sub("", value).strip(" ,.") == "":
            return sum(float(n.strip(".")) * _UNITS[_unit(unit)] for n, unit in parts)
        return _until(value)
    if number > _EPOCH:
        number = (number / 1000 if number > 1000 * _EPOCH else number) - time.time()
    return max(number, 0.0)


def _unit(word):
    word = word.lower()
    return "ms" if word.startswith(("ms", "milli")) else word[0]


def _until(value):
    """Seconds until a moment in the form of HTTP or of ISO; None when it is neither."""
    for read in (email.utils.parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(value)
        except ValueError:
            continue
        return max(moment.timestamp() - time.time(), 0.0)
    return None
