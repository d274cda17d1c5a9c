"""Responses that report success, but that litellm cannot read.

Such a response is paid for. So this module reads it when it can, and otherwise reports
its tokens, so that their price is counted.
"""

import json
from types import SimpleNamespace

from sklearn_hsae.llm._errors import UnreadableResponse
from sklearn_hsae.llm._provider import import_litellm

_MAX_CHARACTERS_SHOWN = 200  # of a body that cannot be read


def rescue(body):
    """Make a litellm response from the raw body of a response.

    Raises
    ------
    UnreadableResponse
        When the body is an error, or has no message.
    """
    try:
        content = json.loads(body)
    except (TypeError, ValueError, RecursionError):
        content = body
    has_error = isinstance(content, dict) and content.get("error")
    if has_error and not content.get("choices"):
        raise _error_in(content["error"])
    usage = _usage_in(content)
    try:
        choice = content["choices"][0]
        message = choice.get("message") or {"content": choice["text"]}
        text = _text_of(message.get("content"))
    except (AttributeError, KeyError, IndexError, TypeError):
        raise UnreadableResponse(
            "the response of the provider is no chat completion: "
            f"{str(body)[:_MAX_CHARACTERS_SHOWN]}",
            SimpleNamespace(usage=SimpleNamespace(**usage), _hidden_params={}),
        ) from None
    reason = choice.get("finish_reason")
    fields = {"refusal": message["refusal"]} if message.get("refusal") else None
    return import_litellm().ModelResponse(
        choices=[
            {
                "index": 0,
                "finish_reason": reason if isinstance(reason, str) else "stop",
                "message": {"content": text, "provider_specific_fields": fields},
            }
        ],
        usage=usage,
    )


def _error_in(error):
    status, message = None, error
    if isinstance(error, dict):
        message = error.get("message") or error
        code = error.get("code", error.get("status"))
        status = int(code) if str(code).isdigit() else None
    return UnreadableResponse(
        f"the provider answered with an error: {message}", None, status
    )


def _usage_in(content):
    """Token counts of the provider; 0 where it gives none."""
    usage = content.get("usage") if isinstance(content, dict) else None
    usage = usage if isinstance(usage, dict) else {}

    def count(*names):
        counts = [usage.get(name) for name in names]
        return next((int(n) for n in counts if isinstance(n, int | float)), 0)

    prompt = count("prompt_tokens", "input_tokens")
    completion = count("completion_tokens", "output_tokens")
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _text_of(content):
    """The text of a message. Some servers send a list of parts, or an object."""
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, dict):
        return content["text"] if "text" in content else json.dumps(content)
    parts = [{"text": part} if isinstance(part, str) else part for part in content]
    # Parts with reasoning have another type, or no "text".
    return "".join(
        part["text"]
        for part in parts
        if part.get("type", "text") in ("text", "output_text") and part.get("text")
    )
