import email.utils
import time
from types import SimpleNamespace

import pytest

from sklearn_hsae.llm import import_litellm, with_retries
from sklearn_hsae.llm._retries import (
    is_hopeless,
    is_temporary,
    seconds_to_wait,
)


def error_with(**headers):
    return SimpleNamespace(litellm_response_headers=headers)


def test_the_wait_that_the_provider_asks_for_is_kept():
    for headers, seconds in (
        ({"retry-after": "3"}, 3),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after": "100000"}, 60),  # nobody waits for a day
    ):
        wait = seconds_to_wait(error_with(**headers), attempt=0)
        assert seconds <= wait <= 1.2 * seconds
    in_ten = email.utils.formatdate(time.time() + 10, usegmt=True)
    assert 8 <= seconds_to_wait(error_with(**{"retry-after": in_ten}), 0) <= 12


def test_otherwise_the_wait_doubles_and_is_not_the_same_for_all():
    for attempt, ceiling in enumerate((0.5, 1, 2, 4, 8)):
        waits = {seconds_to_wait(error_with(), attempt) for _ in range(20)}
        assert ceiling / 2 <= min(waits) < max(waits) <= ceiling
    assert seconds_to_wait(error_with(**{"retry-after": "soon"}), 0) <= 0.5


def test_a_spent_quota_is_no_rate_limit():
    # The status is the same, but backing off would wait for ever.
    litellm = import_litellm()
    limit = litellm.RateLimitError("slow down", "openai", "m")
    quota = litellm.RateLimitError("insufficient_quota: pay", "openai", "m")
    assert is_temporary(limit) and not is_hopeless(limit)
    assert is_hopeless(quota) and not is_temporary(quota)


def test_with_retries_raises_what_does_not_pass():
    def call():
        calls.append(1)
        raise ValueError("wrong")

    calls = []
    with pytest.raises(ValueError, match="wrong"):
        with_retries(call)
    assert len(calls) == 1
