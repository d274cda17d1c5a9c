"""Classify the errors of calls: rate limit, time-out, connection, wrong key, ...

litellm raises its own errors while it handles the original one, and translates them
differently per provider. Python keeps the original error as the context. This module
reads the provider's real status, headers and body there.
"""

import json
import re

from sklearn_hsae.llm._provider import without_keys

# Request time-out, conflict, locked, too early, too many requests, retry with (449),
# client closed the connection (460, 499).
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
_CLASS_NAMES = re.compile(  # of errors, which litellm and providers put first
    r"\A(?:litellm\.\w+: )?(?:\w+Error: )?(?:\w+Exception(?: -| \w+Error -) )?"
)
_INSIDE_LITELLM = re.compile(
    r"\s*(?:Traceback \(most recent|received_args=|Original Response:)"
)
_LONGEST_MESSAGE = 600  # characters


class UnreadableResponse(Exception):
    """A response that reports success, but contains no readable reply.

    Parameters
    ----------
    reason : str
    bill : object or None
        The tokens, in the form that `Usage.record` takes; None when the model has
        generated nothing.
    status : int or None
        The status of an error that the body reports.
    """

    def __init__(self, reason, bill=None, status=None):
        super().__init__(reason)
        self.bill = bill
        self.status = status


class NotSent(Exception):
    """litellm did not send the call, because something that it needs is missing."""


def _import_httpx_and_openai():
    # litellm calls providers through both: their errors are the original ones.
    import httpx
    import openai

    return httpx, openai


def chain(error):
    """The error and its causes, the latest error first."""
    errors = []
    while error is not None and error not in errors:
        errors.append(error)
        error = error.__cause__ or error.__context__
    return errors


def response_of(error):
    """The provider's response to a failed call; None when there was none."""
    httpx, openai = _import_httpx_and_openai()
    for cause in chain(error):
        is_real = isinstance(cause, httpx.HTTPStatusError) or (
            # litellm's own errors are subclasses with an invented response.
            isinstance(cause, openai.APIStatusError)
            and type(cause).__module__.startswith("openai")
        )
        if is_real:
            return cause.response
    return None


def status_of(error):
    """The HTTP status of an error; None when it has none."""
    if isinstance(error, UnreadableResponse):
        return error.status
    response = response_of(error)
    if response is not None:
        return response.status_code
    if is_time_out(error) or is_connection(error):
        return None
    # A status of litellm itself, for example for a missing key. It uses 500 for every
    # error that it does not know.
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) and 400 <= status < 500 else None


def is_time_out(error):
    """Whether no response came in time."""
    httpx, openai = _import_httpx_and_openai()
    kinds = (TimeoutError, httpx.TimeoutException, openai.APITimeoutError)
    has_response = response_of(error) is not None
    return not has_response and any(isinstance(c, kinds) for c in chain(error))


def is_too_slow(error):
    """Whether the provider was too slow: by its own status, or by our time-out."""
    return is_time_out(error) or status_of(error) in _TOO_SLOW


def is_connection(error):
    """Whether the network connection failed, not the call itself."""
    httpx, openai = _import_httpx_and_openai()
    if is_time_out(error) or _cannot_be_sent(error):
        return False
    return any(
        isinstance(cause, httpx.TransportError | OSError)
        # The exact class: litellm uses its own subclass for many other errors.
        or type(cause) is openai.APIConnectionError
        for cause in chain(error)
    )


def _cannot_be_sent(error):
    httpx, _ = _import_httpx_and_openai()
    kinds = (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL)
    kinds = (*kinds, NotSent, UnicodeEncodeError)
    return any(isinstance(cause, kinds) for cause in chain(error))


def is_rate_limit(error):
    """Whether the provider reports a rate limit."""
    _, openai = _import_httpx_and_openai()
    is_limit = status_of(error) == 429 or isinstance(error, openai.RateLimitError)
    return is_limit and not is_quota_spent(error)


def is_quota_spent(error):
    """Whether the credit of the account is used up, so that waiting does not help."""
    # OpenAI reports it with the status of a rate limit.
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
    """Whether no call to this model can succeed: wrong key or name, no credit, ..."""
    is_wrong = status_of(error) in (401, 403, 404)
    return is_quota_spent(error) or _cannot_be_sent(error) or is_wrong


def is_unreadable(error):
    """Whether a response reported success, but could not be read."""
    if isinstance(error, UnreadableResponse):
        return error.status is None
    _, openai = _import_httpx_and_openai()
    has_no_response = (
        is_time_out(error) or is_connection(error) or _cannot_be_sent(error)
    )
    is_of_a_call = isinstance(error, openai.OpenAIError)  # not a programming error
    return is_of_a_call and status_of(error) is None and not has_no_response


def is_about_schema(error):
    """Whether the provider does not support the schema."""
    return bool(_SCHEMA.search(text_of(error)))


def text_of(error):
    """All messages and bodies of an error and its causes."""
    parts = []
    for cause in chain(error):
        parts.append(str(cause))
        if getattr(cause, "body", None):
            parts.append(json.dumps(cause.body, default=str))
    response = response_of(error)
    if response is not None and response.is_closed:
        parts.append(response.text)
    return "\n".join(parts)


def _provider_message(error):
    """The message in the body; None when the body has another form."""
    response = response_of(error)
    try:
        body = json.loads(response.text)
        message = body.get("error", body)
        message = message if isinstance(message, str) else message.get("message")
    except Exception:  # no response, not read, no JSON, no object
        return None
    return message if isinstance(message, str) and message else None


def _address_of(error):
    """Where a call went that found no server; None for other errors."""
    if not is_connection(error):
        return None
    httpx, openai = _import_httpx_and_openai()
    for cause in chain(error):
        # litellm's own errors are subclasses with an invented request.
        if isinstance(cause, httpx.TransportError) or (
            type(cause) is openai.APIConnectionError
        ):
            try:
                return str(cause.request.url.copy_with(query=None, userinfo=None))
            except (RuntimeError, AttributeError):  # no request was made
                continue
    return None


def message_of(error):
    """The message for the user, without keys, tracebacks and names of classes."""
    message = _provider_message(error)
    if message is None:
        message, *_ = _INSIDE_LITELLM.split(_CLASS_NAMES.sub("", str(error)))
    address = _address_of(error)
    if address is not None and address not in message:
        message = f"{message.strip()} (no connection to {address})"
    message = without_keys(message).strip()
    if len(message) > _LONGEST_MESSAGE:
        message = message[:_LONGEST_MESSAGE] + " [...]"
    return message or type(error).__name__
