"""Stop words, such as "the" and "really", in the languages of the texts."""

from functools import cache

import numpy as np
import stopwordsiso
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from sklearn_hsae._words import words_of

# Words without a meaning of their own that are missing in scikit-learn's list.
_MORE_ENGLISH = frozenset(
    "actually anyway basically did didn does doesn doing don else especially gave "
    "getting given gives goes going gonna got gotten had has haven having honestly "
    "instead isn it's just know let let's like likely literally look looked looking "
    "lot lots make makes making maybe mean means oh ok okay probably quite really "
    "said say saying says simply sort sure thing things think thought took totally "
    "truly try trying used using want wanted wasn way went won yes".split()
)
# In ordinary text, at least one word in three is a stop word of its language, and fewer
# than one in ten are stop words of another language that is not closely related. A
# share below 0.2 counts only when it consists of several different words, because one
# frequent name or noun can be a stop word of another language.
_LEAST_SHARE = 0.2
_LEAST_SHARE_OF_SEVERAL = 0.1
_SEVERAL = 5
_LEAST_TEXTS = 0.05


def stop_word_languages():
    """The codes of the languages for which there is a list."""
    return sorted(stopwordsiso.langs())


@cache
def stop_words_of(language):
    """The stop words of a language, in the spelling of :func:`clauses`."""
    if language == "en":  # the list of stopwordsiso holds words such as "home"
        return ENGLISH_STOP_WORDS | _MORE_ENGLISH
    listed = stopwordsiso.stopwords(language)
    return frozenset(word for entry in listed for word in _single_word(entry))


def _single_word(entry):
    """The word of an entry as a list; empty when the entry has several words."""
    words = words_of(entry)
    return words if len(words) == 1 else []


def resolve_stop_words(stop_words, words, texts_of, vocabulary):
    """Turn the value of a parameter ``stop_words=`` into a set of words.

    Parameters
    ----------
    stop_words : "auto", str or iterable of str
        "auto", the code of a language, or the words themselves.
    words : ndarray of int
        All words of the texts in order, as positions in `vocabulary`; -1 is no word.
    texts_of : ndarray of int
        Number of the text of each word.
    vocabulary : ndarray of str
    """
    if not isinstance(stop_words, str):
        return frozenset(word for entry in stop_words for word in _single_word(entry))
    if stop_words == "auto":
        languages = _languages_of(words, texts_of, vocabulary) or ["en"]
        return frozenset().union(*map(stop_words_of, languages))
    if stop_words not in stop_word_languages():
        raise ValueError(
            f"stop_words={stop_words!r} is no language that has a list. Pass 'auto', "
            f"a list of words, or one of: {', '.join(stop_word_languages())}."
        )
    return stop_words_of(stop_words)


def _languages_of(words, texts_of, vocabulary):
    """Find the languages of the texts by their stop words.

    The first language is the one with the most stop words in the texts. When enough
    texts have nearly none of its stop words, the search is repeated on those texts.
    """
    texts_of, words = texts_of[words >= 0], words[words >= 0]
    is_listed = {
        language: np.array([w in stop_words_of(language) for w in vocabulary], bool)
        for language in stop_word_languages()
    }
    languages, n_texts = [], len(np.unique(texts_of))
    while len(np.unique(texts_of)) > _LEAST_TEXTS * n_texts:
        share = {
            language: listed[words].mean() for language, listed in is_listed.items()
        }
        best = max(share, key=share.get)
        n_different = np.count_nonzero(is_listed[best][np.unique(words)])
        least = _LEAST_SHARE_OF_SEVERAL if n_different >= _SEVERAL else _LEAST_SHARE
        if share[best] < least:
            break
        languages.append(best)
        n_words = np.bincount(texts_of)
        n_stop_words = np.bincount(texts_of, weights=is_listed.pop(best)[words])
        is_left = (n_stop_words < _LEAST_SHARE * n_words)[texts_of]
        texts_of, words = texts_of[is_left], words[is_left]
    return languages
