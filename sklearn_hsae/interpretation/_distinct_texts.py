"""Find texts that nearly repeat each other: retweets, edited copies, forms."""

import re
from difflib import SequenceMatcher

import numpy as np

_LINK_OR_HANDLE = re.compile(r"https?://\S+|www\.\S+|@\w+|\brt\b|&#?\w+;")
_NO_LETTERS = re.compile(r"\b\d[\d.,:/-]*\b|[\W_]+")
_LEAST_TRIGRAMS = 0.7  # share of common character trigrams in two repeated texts
_LEAST_ORDER = 0.5  # and share of their words in the same order
_MOST_TRIED = 1000  # rows that are read for one list of examples
_MOST_CHARACTERS_PER_WORD = 15  # on average; above, the script has no spaces


class DistinctTexts:
    """Chooses rows whose texts do not nearly repeat each other.

    A text repeats another when both are equal without case, handles, links, numbers and
    punctuation. It also repeats the other when 70 % of their character trigrams are
    common, and half of their words in the same order.

    Parameters
    ----------
    texts : ndarray of str of shape (n_rows,)
    max_words : int
        Only the first words are shown to a model, so only they are compared.
    """

    def __init__(self, texts, max_words):
        self.texts = texts
        self.max_words = max_words
        self._seen = {}

    def first(self, rows, n, chosen=()):
        """The first `n` rows that repeat no row before them and no row of `chosen`."""
        distinct = []
        for row in rows[:_MOST_TRIED]:
            if len(distinct) == n:
                break
            if not any(self._repeats(row, other) for other in [*chosen, *distinct]):
                distinct.append(row)
        return np.array(distinct, dtype=int)

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

    A text of which nothing would be left is returned in lower case.
    """
    lowered = text.casefold()
    letters = _NO_LETTERS.sub(" ", _LINK_OR_HANDLE.sub(" ", lowered))
    return " ".join(letters.split()) or lowered.strip()


def _share(a, b):
    """Size of the intersection of two sets, relative to their union."""
    smaller, larger = sorted((len(a), len(b)))
    if smaller < _LEAST_TRIGRAMS * larger:
        return 0.0  # too different in size to reach the limit
    common = len(a & b)
    return common / (smaller + larger - common)
