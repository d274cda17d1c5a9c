"""Prompts: text files with ``$name`` placeholders."""

import functools
import json
from importlib import resources
from string import Template

_ESCAPED = {ord(c): f"\\u{ord(c):04x}" for c in "<>\x7f\x85\u2028\u2029"}
PROMPTS = ("default", "contrastive", "reasoning")


@functools.lru_cache
def load_prompt(name):
    """Return the template in the file ``prompts/{name}.txt``."""
    file = resources.files("sklearn_hsae.llm") / "prompts" / f"{name}.txt"
    return Template(file.read_text(encoding="utf-8"))


def as_json(value):
    """Encode a value as JSON that cannot end its block in the prompt.

    Angle brackets are escaped, so that a text cannot contain the delimiter of the
    block. The line ends that JSON does not escape are escaped too, so that no text
    begins a line of the prompt.
    """
    encoded = json.dumps(value, ensure_ascii=False, indent=0)
    encoded = encoded.encode("utf-8", "replace").decode("utf-8")
    return encoded.translate(_ESCAPED)


def shortened(text, max_words):
    """The first `max_words` words of a text, with "[...]" when words are left out."""
    words = text.split(None, max_words)
    if len(words) <= max_words:
        return text
    return " ".join(words[:max_words]) + " [...]"
