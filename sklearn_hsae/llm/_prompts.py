"""Prompts: text files with places for what is asked about."""

import functools
import json
from importlib import resources
from string import Template

PROMPTS = ("default", "contrastive", "reasoning")


@functools.lru_cache
def load_prompt(name):
    """The template in the file ``prompts/{name}.txt``."""
    file = resources.files("sklearn_hsae.llm") / "prompts" / f"{name}.txt"
    return Template(file.read_text(encoding="utf-8"))


def as_json(value):
    """JSON in which no text can end the block that it stands in.

    Angle brackets are escaped as JSON allows it, so that a text with the delimiter in
    it does not hold the delimiter.
    """
    encoded = json.dumps(value, ensure_ascii=False, indent=0)
    encoded = encoded.encode("utf-8", "replace").decode("utf-8")
    return encoded.replace("<", "\\u003c").replace(">", "\\u003e")


def shortened(text, max_words):
    """The first `max_words` words of a text, and a sign that more follow."""
    words = text.split(None, max_words)
    if len(words) <= max_words:
        return text
    return " ".join(words[:max_words]) + " [...]"
