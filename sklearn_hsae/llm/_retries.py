"""Which errors pass by themselves, and how long to wait for that."""

import email.utils
import random
import time

from sklearn_hsae.llm._provider import import_litellm

MAX_ATTEMPTS = 6
_FIRST_WAIT = 0.5  # seconds
_LONGEST_WAIT = 60.0
_jitter = random.Random()  # of its own: nobody's seed decides when we call again


def _import_openai():
    # litellm stands on it: its errors are subclasses of these, and where it only
    # passes files on, these are raised themselves.
    import openai

    return openai


def is_temporary(error):
    """Whether the same call may succeed later."""
    litellm, openai = import_litellm(), _import_openai()
    kinds = (
        openai.RateLimitError,
        openai.APIConnectionError,  # a time-out is one
        openai.InternalServerError,
        litellm.ServiceUnavailableError,
        litellm.BadGatewayError,
        OSError,  # includes TimeoutError
    )
    is_temporary = isinstance(error, kinds) and not _is_quota_spent(error)
    return is_temporary or _is_garbled(error)


def is_hopeless(error):
    """Whether no call to this model can succeed: key, permission, name or quota."""
    openai = _import_openai()
    kinds = (
        openai.AuthenticationError,
        openai.PermissionDeniedError,
        openai.NotFoundError,
    )
    return isinstance(error, kinds) or _is_quota_spent(error)


def is_rate_limit(error):
    """Whether the provider asks to go slower."""
    return isinstance(error, _import_openai().RateLimitError)


def is_refused_request(error):
    """Whether it is this request that the provider does not accept."""
    return getattr(error, "status_code", None) in (400, 413, 422)


def _is_garbled(error):
    """Whether what came back was no response at all, such as a proxy's error page."""
    kinds = (import_litellm().APIError, _import_openai().APIResponseValidationError)
    is_clients_fault = 400 <= (getattr(error, "status_code", None) or 0) < 500
    return isinstance(error, kinds) and not is_clients_fault


def _is_quota_spent(error):
    # OpenAI says so with the status of a rate limit; no waiting helps.
    return is_rate_limit(error) and "insufficient_quota" in str(error)


def seconds_to_wait(error, attempt):
    """What the provider asks for, else exponential back-off with jitter."""
    headers = getattr(error, "litellm_response_headers", None)
    if headers is None:  # raised by a provider that litellm treats otherwise
        headers = getattr(getattr(error, "response", None), "headers", None) or {}
    asked_for = _retry_after(headers)
    if asked_for is None:
        ceiling = min(_FIRST_WAIT * 2**attempt, _LONGEST_WAIT)
        return _jitter.uniform(ceiling / 2, ceiling)
    # A little more, and not the same for all, or they all come back at once.
    return min(asked_for, _LONGEST_WAIT) * _jitter.uniform(1.0, 1.2)


def _retry_after(headers):
    """Seconds, as a number or as a date (RFC 9110); None when not said."""
    if milliseconds := headers.get("retry-after-ms"):
        try:
            return float(milliseconds) / 1000
        except ValueError:
            return None
    value = headers.get("retry-after") or ""
    try:
        return max(float(value), 0.0)
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(moment.timestamp() - time.time(), 0.0)


def with_retries(call):
    """Return ``call()``; after a passing error call again, up to `MAX_ATTEMPTS`."""
    for attempt in range(MAX_ATTEMPTS):
        try:
            return call()
        except Exception as error:
            if not is_temporary(error) or attempt == MAX_ATTEMPTS - 1:
                raise
            time.sleep(seconds_to_wait(error, attempt))
