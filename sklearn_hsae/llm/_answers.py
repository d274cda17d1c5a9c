"""From what a language model writes to the JSON object that was asked for."""

import json
import re

_THINKING = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_THINKING_BEGINS = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_THINKING_ENDS = re.compile(r"^.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)


class UnreadableAnswer(ValueError):
    """An answer that is not what was asked for; says why."""


def content_of(response):
    """The text of a response of litellm.

    Raises
    ------
    UnreadableAnswer
        When the model refuses, or was cut off.
    """
    choices = getattr(response, "choices", None)
    if not choices:
        raise UnreadableAnswer("the response holds no answer")
    message = choices[0].message
    refusal = (getattr(message, "provider_specific_fields", None) or {}).get("refusal")
    refusal = getattr(message, "refusal", None) or refusal
    if refusal:
        raise UnreadableAnswer(f"the model refuses: {refusal}")
    if choices[0].finish_reason == "length":
        raise UnreadableAnswer("the answer was cut off at the limit of tokens")
    return message.content or ""


def read_object(content):
    """Return the last JSON object in an answer: prose and fences may surround it.

    Raises
    ------
    UnreadableAnswer
    """
    if not content or not content.strip():
        raise UnreadableAnswer("the answer is empty")
    content = _THINKING.sub(" ", content)
    content = _THINKING_ENDS.sub(" ", content)  # a server may strip the opening tag
    if _THINKING_BEGINS.search(content):
        raise UnreadableAnswer("the answer ends before the reasoning does")
    found, decoder, position = None, json.JSONDecoder(strict=False), 0
    while (position := content.find("{", position)) >= 0:
        try:
            value, end = decoder.raw_decode(content, position)
        except json.JSONDecodeError:
            position += 1
            continue
        except RecursionError:
            raise UnreadableAnswer("the answer is nested too deeply") from None
        found, position = value, end
    if found is None:
        raise UnreadableAnswer("the answer holds no complete JSON object")
    return found
