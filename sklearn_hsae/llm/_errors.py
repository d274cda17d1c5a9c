"""What kind of error a call met, whatever litellm made of it for each provider.

litellm raises its own errors while it handles the first one, which Python keeps as the
context. What the provider really answered, its status, headers and body, is read there.
"""

import json
import re

from sklearn_hsae.llm._provider import without_keys

# Request time-out, conflict, locked, too early, too many requests, client gave up.
_TEMPORARY = frozenset({408, 409, 423, 425, 429, 449, 460, 499})
_NOT_TEMPORARY = frozenset({501, 505})
_TOO_SLOW = frozenset({408, 504, 524})
_SCHEMA = re.compile(
    r"response_?format|json.?(?:schema|mode|object)|schema|grammar|guided|structured"
    r"|no endpoints found",
    re.IGNORECASE,
)
_NO_MONEY = re.compile(
    r"insufficient_quota|insufficient (?:balance|credit|funds)"
    r"|credit balance is too low|billing_hard_limit|billing_not_active",
    re.IGNORECASE,
)
_CLASSES = re.compile(  # litellm and providers, by the names of their classes
    r"\A(?:litellm\.\w+: )?(?:\w+Error: )?(?:\w+Exception(?: -| \w+Error -) )?"
)
_INSIDE_LITELLM = re.compile(
    r"\s*(?:Traceback \(most recent|received_args=|Original Response:)"
)
_LONGEST_MESSAGE = 600  # characters


class UnreadableResponse(Exception):
    """A response that came with success and is none; what it cost is known or guessed.

    bill : as `Usage.record` takes it, or None when nothing was generated
    status : int or None, what the body says that the status should have been
    """

    def __init__(self, reason, bill=None, status=None):
        super().__init__(reason)
        self.bill = bill
        self.status = status


class NotSent(Exception):
    """litellm did not even begin the call: something that it needs is missing."""


def _import_httpx_and_openai():
    # litellm stands on both: what they raise is what happened.
    import httpx
    import openai

    return httpx, openai


def chain(error):
    """The error and those that it came from, the last one first."""
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return seen


def response_of(error):
    """The response of the provider to a call that failed; None when there was none."""
    httpx, openai = _import_httpx_and_openai()
    for each in chain(error):
        is_real = isinstance(each, httpx.HTTPStatusError) or (
            # litellm's errors are subclasses, and carry responses that it made up.
            isinstance(each, openai.APIStatusError)
            and type(each).__module__.startswith("openai")
        )
        if is_real:
            return each.response
    return None


def status_of(error):
    """The status of HTTP that tells what went wrong; None when none does."""
    if isinstance(error, UnreadableResponse):
        return error.status
    response = response_of(error)
    if response is not None:
        return response.status_code
    if is_time_out(error) or is_connection(error):
        return None
    # Said by litellm itself, for example about a key that is not there. Its 500 stands
    # for whatever it does not know.
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) and 400 <= status < 500 else None


def is_time_out(error):
    """Whether no answer came in time."""
    httpx, openai = _import_httpx_and_openai()
    kinds = (TimeoutError, httpx.TimeoutException, openai.APITimeoutError)
    is_answered = response_of(error) is not None
    return not is_answered and any(isinstance(each, kinds) for each in chain(error))


def is_too_slow(error):
    """Whether the provider could not keep up, by its own word or by our clock."""
    return is_time_out(error) or status_of(error) in _TOO_SLOW


def is_connection(error):
    """Whether the way to the provider failed, and not the call."""
    httpx, openai = _import_httpx_and_openai()
    if is_time_out(error) or _cannot_be_sent(error):
        return False
    return any(
        isinstance(each, httpx.TransportError | OSError)
        or type(each) is openai.APIConnectionError  # litellm's stands for all it can
        for each in chain(error)
    )


def _cannot_be_sent(error):
    httpx, _ = _import_httpx_and_openai()
    kinds = (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL)
    kinds = (*kinds, NotSent, UnicodeEncodeError)
    return any(isinstance(each, kinds) for each in chain(error))


def is_rate_limit(error):
    """Whether the provider asks to go slower."""
    _, openai = _import_httpx_and_openai()
    is_limit = status_of(error) == 429 or isinstance(error, openai.RateLimitError)
    return is_limit and not is_quota_spent(error)


def is_quota_spent(error):
    """Whether there is nothing left to pay with; no waiting helps."""
    # OpenAI says so with the status of a rate limit.
    return status_of(error) == 402 or bool(_NO_MONEY.search(text_of(error)))


def is_temporary(error):
    """Whether the same call may succeed later."""
    if is_quota_spent(error) or _cannot_be_sent(error):
        return False
    status = status_of(error)
    if status is None:
        return is_time_out(error) or is_connection(error) or is_unreadable(error)
    return (status >= 500 and status not in _NOT_TEMPORARY) or status in _TEMPORARY


def is_hopeless(error):
    """Whether no call to this model can succeed: key, permission, name or quota."""
    is_wrong = status_of(error) in (401, 403, 404)
    return is_quota_spent(error) or _cannot_be_sent(error) or is_wrong


def is_unreadable(error):
    """Whether a response came with success and could not be read."""
    if isinstance(error, UnreadableResponse):
        return error.status is None
    _, openai = _import_httpx_and_openai()
    is_way = is_time_out(error) or is_connection(error) or _cannot_be_sent(error)
    is_of_a_call = isinstance(error, openai.OpenAIError)  # and no mistake in a program
    return is_of_a_call and status_of(error) is None and not is_way


def is_about_schema(error):
    """Whether the provider says that it cannot do what the schema asks for."""
    return bool(_SCHEMA.search(text_of(error)))


def text_of(error):
    """All that is said about an error, its body among it."""
    parts = []
    for each in chain(error):
        parts.append(str(each))
        if getattr(each, "body", None):
            parts.append(json.dumps(each.body, default=str))
    response = response_of(error)
    if response is not None and response.is_closed:
        parts.append(response.text)
    return "\n".join(parts)


def _said_by_provider(error):
    """The message in the body; None when the body has another form."""
    response = response_of(error)
    try:
        said = json.loads(response.text)
        said = said.get("error", said)
        said = said if isinstance(said, str) else said.get("message")
    except Exception:  # no response, not read, no JSON, no object
        return None
    return said if isinstance(said, str) and said else None


def message_of(error):
    """What a user gets to read: no key, no traceback, and no names of classes."""
    message = _said_by_provider(error)
    if message is None:
        message, *_ = _INSIDE_LITELLM.split(_CLASSES.sub("", str(error)))
    message = without_keys(message).strip()
    if len(message) > _LONGEST_MESSAGE:
        message = message[:_LONGEST_MESSAGE] + " [...]"
    return message or type(error).__name__
