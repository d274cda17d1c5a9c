"""How long a provider asks to wait: read from headers, body or message."""

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
_EPOCH = 1e9  # seconds; a larger number is a point in time, not a duration


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
    # These headers come with every response, but only matter at a rate limit.
    return _until_reset(headers) if is_rate_limit(error) else None


def headers_of(error):
    """The headers of the response, with names in lower case."""
    response = response_of(error)
    headers = getattr(response, "headers", None)
    for cause in chain(error):
        headers = headers or getattr(cause, "litellm_response_headers", None)
        headers = headers or getattr(cause, "headers", None)
    return {str(k).lower(): str(v) for k, v in dict(headers or {}).items()}


def _until_reset(headers):
    """Seconds until the end of the limit that was reached."""
    reached, all_of_them = [], []
    for name, value in headers.items():
        seconds = _seconds(value) if _RESET.search(name) else None
        if seconds is not None:
            all_of_them.append(seconds)
            if headers.get(name.replace("reset", "remaining")) in ("0", "0.0"):
                reached.append(seconds)
    if reached:
        return max(reached)
    # Unknown which limit it was. Take the shortest: a call that is too early is free.
    return min(all_of_them, default=None)


def _seconds(value):
    """Seconds from now, of a number, a duration such as "1m3.5s", or a date."""
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
    """Seconds until an HTTP or ISO date; None when `value` is neither."""
    for read in (email.utils.parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(value)
        except ValueError:
            continue
        return max(moment.timestamp() - time.time(), 0.0)
    return None
