import pytest

from sklearn_hsae.llm import import_litellm, with_retries
from sklearn_hsae.llm._errors import UnreadableResponse
from sklearn_hsae.llm._retries import LONGEST_LIMIT, MAX_ATTEMPTS, Tries


def limit(**headers):
    error = import_litellm().RateLimitError("slow down", "openai", "m")
    error.litellm_response_headers = {
        k.replace("_", "-"): v for k, v in headers.items()
    }
    return error


def waits(error, n):
    tries = Tries()
    return [tries.seconds_to_next(error) for _ in range(n)]


def test_the_wait_doubles_and_is_not_the_same_for_all():
    for n, ceiling in enumerate((0.5, 1, 2, 4, 8), start=1):
        found = {waits(ConnectionError(), n)[-1] for _ in range(20)}
        assert ceiling / 2 <= min(found) < max(found) <= ceiling
    assert waits(ConnectionError(), MAX_ATTEMPTS)[-1] is None


def test_a_rate_limit_uses_up_time_and_no_attempts():
    found = waits(limit(retry_after="30"), 200)
    n_waits = found.index(None)
    assert all(30 <= seconds <= 33 for seconds in found[:n_waits])
    assert sum(found[:n_waits]) <= LONGEST_LIMIT < 33 * (n_waits + 1)
    assert waits(limit(retry_after="1800"), 1)[0] >= 1800
    assert waits(limit(retry_after="100000"), 1) == [None]  # more than a day


def test_at_once_is_believed_three_times():
    found = waits(limit(retry_after="0"), 8)
    assert found[:3] == [0, 0, 0] and found[3] >= 0.25 and found[7] >= 4


def test_after_a_time_out_and_an_unreadable_response_one_call_follows():
    # Both were paid for.
    assert waits(TimeoutError(), 2) == [0, None]
    assert waits(UnreadableResponse("no JSON"), 2) == [0, None]


def test_an_error_in_the_body_counts_as_its_status():
    busy = UnreadableResponse("the provider answered with an error", status=502)
    assert None not in waits(busy, MAX_ATTEMPTS - 1)
    wrong = UnreadableResponse("the provider answered with an error", status=400)
    assert waits(wrong, 1) == [None]


def test_with_retries_raises_what_does_not_pass():
    def call():
        calls.append(1)
        raise ValueError("wrong")

    calls = []
    with pytest.raises(ValueError, match="wrong"):
        with_retries(call)
    assert len(calls) == 1


def test_with_retries_calls_again_after_what_passes():
    def call():
        calls.append(1)
        if len(calls) < 4:
            raise limit(retry_after="0.01")
        return "done"

    calls = []
    assert with_retries(call) == "done"
