"""Marks around the phrases of a label, for readers who look for the reason."""

import re
from functools import partial

import numpy as np

from sklearn_hsae._marks import mark_spans
from sklearn_hsae.judges import label_phrases

_BETWEEN_WORDS = r"[\W_]+"


def mark_phrases(texts, phrases):
    """Put marks around phrases in texts, in upper or lower case.

    Parameters
    ----------
    texts : sequence of str
    phrases : sequence of str

    Returns
    -------
    list of str
    """
    words = [[re.escape(w) for w in phrase.split()] for phrase in phrases]
    found = "|".join(_BETWEEN_WORDS.join(w) for w in sorted(words, key=len)[::-1] if w)
    if not found:
        return [mark_spans(text, []) for text in texts]
    pattern = re.compile(rf"(?<!\w)(?:{found})(?!\w)", re.IGNORECASE)
    return [
        mark_spans(text, np.array([m.span() for m in pattern.finditer(text)]))
        for text in texts
    ]


def phrase_marker(phrases):
    """A function that marks phrases in texts; None where there is no phrase."""
    return partial(mark_phrases, phrases=phrases) if phrases else None


def phrases_in(name):
    """The phrases of a label of keyphrases; [] for other labels."""
    phrases = label_phrases(name)
    return [] if phrases == [name] else phrases
