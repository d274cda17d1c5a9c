import email.utils
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from sklearn_hsae.llm import import_litellm
from sklearn_hsae.llm._delays import asked_delay


def limit(message="slow down", **headers):
    """A rate limit as litellm raises it, with the headers of the provider."""
    error = import_litellm().RateLimitError(message, "openai", "m")
    error.litellm_response_headers = {
        k.replace("_", "-"): v for k, v in headers.items()
    }
    return error


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "3"}, 3),
        ({"retry_after": "0"}, 0),
        ({"retry_after_ms": "250", "retry_after": "3"}, 0.25),
        ({"x_ms_retry_after_ms": "1500"}, 1.5),  # Azure
        ({"retry_after": "1800"}, 1800),
        # OpenAI sends when each of its limits is lifted; one of them was reached.
        ({"x_ratelimit_reset_requests": "1s", "x_ratelimit_reset_tokens": "6m0s"}, 1),
        (
            {
                "x_ratelimit_reset_requests": "120ms",
                "x_ratelimit_remaining_requests": "59",
                "x_ratelimit_reset_tokens": "1m3.5s",
                "x_ratelimit_remaining_tokens": "0",
            },
            63.5,
        ),
        ({"x_ratelimit_reset": "7"}, 7),
        ({}, None),
        ({"retry_after": "soon"}, None),
    ],
)
def test_the_wait_that_headers_ask_for(headers, seconds):
    assert asked_delay(limit(**headers)) == seconds


def test_moments_are_read_as_http_iso_and_seconds_since_1970():
    in_ten = time.time() + 10
    date = datetime.now(UTC) + timedelta(seconds=10)
    for headers in (
        {"retry_after": email.utils.formatdate(in_ten, usegmt=True)},
        {"anthropic_ratelimit_requests_reset": date.isoformat().replace("+00:00", "Z")},
        {"x_ratelimit_reset": str(int(in_ten))},
        {"x_ratelimit_reset": str(int(in_ten * 1000))},
    ):
        assert 8 <= asked_delay(limit(**headers)) <= 10
    past = email.utils.formatdate(time.time() - 10, usegmt=True)
    assert asked_delay(limit(retry_after=past)) == 0


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit reached on requests. Please try again in 20s.", 20),
        ("Limit 10000, Used 9000. Please try again in 1m3.5s. Visit ...", 63.5),
        ("Please try again in 120ms.", 0.12),
        (
            "You exceeded your current quota. Please retry in 34.074824224s.",
            34.074824224,
        ),
        ("Please retry after 26 seconds.", 26),
        ("Please wait 2 minutes before you ask again", 120),
        ("Your limit resets in ~7s.", 7),
        ('{"details": [{"@type": "RetryInfo", "retryDelay": "30s"}]}', 30),
        ('{"retry_after": 12}', 12),
        ("Too many requests", None),
        ("Do not retry in vain", None),
    ],
)
def test_the_wait_that_the_body_asks_for(message, seconds):
    assert asked_delay(limit(message)) == pytest.approx(seconds)


def test_the_body_of_an_error_is_read_where_the_message_does_not_show_it():
    error = limit("quota exceeded")
    error.body = {"details": [{"retryDelay": "9s"}]}
    assert asked_delay(error) == 9


def test_limits_that_come_with_every_response_say_nothing_about_other_errors():
    error = import_litellm().InternalServerError("broken", "openai", "m")
    error.litellm_response_headers = {"x-ratelimit-reset-requests": "8.6s"}
    assert asked_delay(error) is None
    assert asked_delay(SimpleNamespace(__cause__=None, __context__=None)) is None
