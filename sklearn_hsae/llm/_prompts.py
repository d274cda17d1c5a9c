"""Prompts: text files with places for what is asked about."""

import functools
import json
from importlib import resources
from string import Template

_ESCAPED = {ord(c): f"\\u{ord(c):04x}" for c in "<>\x7f\x85\u2028\u2029"}
PROMPTS = ("default", "contrastive", "reasoning")


@functools.lru_cache
def load_prompt(name):
    """The template in the file ``prompts/{name}.txt``."""
    file = resources.files("sklearn_hsae.llm") / "prompts" / f"{name}.txt"
    return Template(file.read_text(encoding="utf-8"))


def as_json(value):
    """JSON in which no text can end the block that it stands in.

    Angle brackets are escaped as JSON allows it, so that a text with the delimiter in
    it does not hold the delimiter. So are the line ends that JSON itself lets pass:
    no line of the prompt begins with words of a text.
    """
    encoded = json.dumps(value, ensure_ascii=False, indent=0)
    encoded = encoded.encode("utf-8", "replace").decode("utf-8")
    return encoded.translate(_ESCAPED)


def shortened(text, max_words):
    """The first `max_words` words of a text, and a sign that more follow."""
    words = text.split(None, max_words)
    if len(words) <= max_words:
        return text
    return " ".join(words[:max_words]) + " [...]"
