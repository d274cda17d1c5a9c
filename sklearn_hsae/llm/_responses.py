"""What a provider answered with success and litellm could not read.

It is paid for. So what stands in it is read all the same where it can be, and put on
the bill where it cannot.
"""

import json
from types import SimpleNamespace

from sklearn_hsae.llm._errors import UnreadableResponse
from sklearn_hsae.llm._provider import import_litellm

_SHOWN = 200  # characters of a body that nothing can be made of


def rescue(body):
    """A response of litellm from the body of one, as far as it has what is needed.

    Raises
    ------
    UnreadableResponse
    """
    try:
        found = json.loads(body)
    except (TypeError, ValueError, RecursionError):
        found = body
    if isinstance(found, dict) and found.get("error") and not found.get("choices"):
        raise _error_in(found["error"])
    usage = _usage_in(found)
    try:
        choice = found["choices"][0]
        message = choice.get("message") or {"content": choice["text"]}
        content = _text_of(message.get("content"))
    except (AttributeError, KeyError, IndexError, TypeError):
        raise UnreadableResponse(
            f"what the provider answered is no chat completion: {str(body)[:_SHOWN]}",
            SimpleNamespace(usage=SimpleNamespace(**usage), _hidden_params={}),
        ) from None
    reason = choice.get("finish_reason")
    fields = {"refusal": message["refusal"]} if message.get("refusal") else None
    return import_litellm().ModelResponse(
        choices=[
            {
                "index": 0,
                "finish_reason": reason if isinstance(reason, str) else "stop",
                "message": {"content": content, "provider_specific_fields": fields},
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


def _usage_in(found):
    """Tokens as a provider counts them; 0 for what it does not say."""
    usage = found.get("usage") if isinstance(found, dict) else None
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
    """The text of a content; some servers send a list of parts, or an object."""
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, dict):
        return content["text"] if "text" in content else json.dumps(content)
    parts = [{"text": part} if isinstance(part, str) else part for part in content]
    # What a part of reasoning holds has other names, or another type.
    return "".join(
        part["text"]
        for part in parts
        if part.get("type", "text") in ("text", "output_text") and part.get("text")
    )
