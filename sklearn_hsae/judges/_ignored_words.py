"""Words that say who writes or is written to, and words that a user lists."""

from collections import Counter
from fnmatch import fnmatchcase

import regex

from sklearn_hsae._words import words_of

HANDLES = "@*"
_HANDLE = regex.compile(r"(?<![\w.+-])@([\w-]+)(?![\w-]*\.\w)")
_LEAST_SHARE = 0.5  # of the occurrences of a handle that follow an @
# In the middle of a sentence: behind a small letter or a comma.
_INSIDE = regex.compile(r"(?<=[\p{Ll},] )\p{L}[\w'\u2019-]*")
_NAMES_AMONG_WORDS = 0.25  # a larger share of capitals is that of German or of titles
_SHARE_OF_A_NAME = 0.9
_LEAST_OCCURRENCES = 5
_N_TEXTS = 2000


def handle_words(texts):
    """The words that follow an @ in half of their occurrences or more.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    set of str, in lower case
    """
    behind = Counter()
    for text in texts:
        if "@" in text:
            behind.update(name.lower() for name in _HANDLE.findall(text))
    if not behind:
        return set()
    total = Counter()
    for text in texts:
        total.update(word for word in words_of(text) if word in behind)
    return {word for word, n in behind.items() if n >= _LEAST_SHARE * total[word]}


def name_words(texts):
    """The words that nearly always have a capital in the middle of a sentence.

    Acronyms do not count. Where many words have a capital, as in German and in
    headlines, it says nothing, and no word is a name.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    set of str, in lower case
    """
    total, as_name = Counter(), Counter()
    for text in texts[:_N_TEXTS]:
        for word in _INSIDE.findall(text):
            lower = word.lower()
            total[lower] += 1
            as_name[lower] += word[0].isupper() and word != word.upper()
    if as_name.total() > _NAMES_AMONG_WORDS * total.total():
        return set()
    return {
        word
        for word, n in as_name.items()
        if n >= _LEAST_OCCURRENCES and n >= _SHARE_OF_A_NAME * total[word]
    }


def ignored_words(patterns, words, texts):
    """Return the words that match one of the patterns.

    Parameters
    ----------
    patterns : sequence of str
        Words, or patterns in which ``*`` matches any letters; ``"@*"`` matches all
        handles.
    words : iterable of str
        In lower case.
    texts : sequence of str

    Returns
    -------
    set of str
    """
    patterns = [pattern.lower() for pattern in patterns]
    ignored = handle_words(texts) if HANDLES in patterns else set()
    # The words of a text have no @, so the patterns must have none.
    plain = {pattern.removeprefix("@") for pattern in patterns if pattern != HANDLES}
    exact = {pattern for pattern in plain if "*" not in pattern}
    wild = plain - exact
    return ignored | {
        word
        for word in words
        if word in exact or any(fnmatchcase(word, pattern) for pattern in wild)
    }
