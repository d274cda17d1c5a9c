"""Texts that nearly repeat each other: retweets, copies with small edits, forms."""

import re
from difflib import SequenceMatcher

import numpy as np

_LINK_OR_HANDLE = re.compile(r"https?://\S+|www\.\S+|@\w+|\brt\b|&#?\w+;")
_NO_LETTERS = re.compile(r"\b\d[\d.,:/-]*\b|[\W_]+")
_LEAST_TRIGRAMS = 0.7  # shared by two texts that are one, of the characters
_LEAST_ORDER = 0.5  # and of their words, in the same order
_MOST_TRIED = 1000  # rows looked at for one list of examples
_MOST_CHARACTERS_PER_WORD = 15  # on average; more are a script without spaces


class DistinctTexts:
    """Chooses rows whose texts do not nearly repeat each other.

    Two texts are one when they are equal up to case, handles, links, numbers and
    punctuation, or when they share 70 % of their character trigrams and half of their
    words in the same order.

    Parameters
    ----------
    texts : ndarray of str of shape (n_rows,)
    max_words : int
        What is shown of each: texts that are equal as shown are one.
    """

    def __init__(self, texts, max_words):
        self.texts = texts
        self.max_words = max_words
        self._seen = {}

    def first(self, rows, n, chosen=()):
        """The first `n` of `rows` that repeat none before them and none of `chosen`."""
        found = []
        for row in rows[:_MOST_TRIED]:
            if len(found) == n:
                break
            if not any(self._repeats(row, other) for other in [*chosen, *found]):
                found.append(row)
        return np.array(found, dtype=int)

    def _repeats(self, row, other):
        a, b = self._read(row), self._read(other)
        return a.plain == b.plain or (
            _share(a.trigrams, b.trigrams) >= _LEAST_TRIGRAMS
            and SequenceMatcher(None, a.words, b.words, autojunk=False).ratio()
            >= _LEAST_ORDER
        )

    def _read(self, row):
        if row not in self._seen:
            words = self.texts[row].split(None, self.max_words)[: self.max_words]
            self._seen[row] = _Reading(plain_text(" ".join(words)))
        return self._seen[row]


class _Reading:
    """The parts of a text that are compared."""

    def __init__(self, plain):
        self.plain = plain
        self.trigrams = {plain[i : i + 3] for i in range(max(len(plain) - 2, 1))}
        self.words = plain.split()
        if len(plain) > _MOST_CHARACTERS_PER_WORD * len(self.words):
            self.words = list(plain)


def plain_text(text):
    """A text without case, handles, links, numbers and punctuation.

    A text that consists of nothing else stays as it is.
    """
    lowered = text.casefold()
    letters = _NO_LETTERS.sub(" ", _LINK_OR_HANDLE.sub(" ", lowered))
    return " ".join(letters.split()) or lowered.strip()


def _share(a, b):
    """How much of two sets is in both."""
    smaller, larger = sorted((len(a), len(b)))
    if smaller < _LEAST_TRIGRAMS * larger:
        return 0.0  # they cannot share enough
    common = len(a & b)
    return common / (smaller + larger - common)
