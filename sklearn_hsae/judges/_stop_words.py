"""Words that name nothing by themselves, in the languages that the texts are in."""

from functools import cache

import numpy as np
import stopwordsiso
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from sklearn_hsae._words import clauses

# Words that scikit-learn's list leaves out and that name nothing by themselves.
_MORE_ENGLISH = frozenset(
    "actually anyway basically did didn does doesn doing don else especially gave "
    "getting given gives goes going gonna got gotten had has haven having honestly "
    "instead isn it's just know let let's like likely literally look looked looking "
    "lot lots make makes making maybe mean means oh ok okay probably quite really "
    "said say saying says simply sort sure thing things think thought took totally "
    "truly try trying used using want wanted wasn way went won yes".split()
)
# In ordinary text every third word or more is a stop word of its language, and hardly
# one in ten is one of another language that is not closely related. A smaller share
# must be made up of several words, since names and nouns of one language stand in the
# lists of others.
_LEAST_SHARE = 0.2
_LEAST_SHARE_OF_SEVERAL = 0.1
_SEVERAL = 5
_LEAST_TEXTS = 0.05


def stop_word_languages():
    """The codes of the languages for which there is a list."""
    return sorted(stopwordsiso.langs())


@cache
def stop_words_of(language):
    """The stop words of a language, spelt as :func:`clauses` spells words."""
    if language == "en":  # the list of stopwordsiso holds words such as "home"
        return ENGLISH_STOP_WORDS | _MORE_ENGLISH
    listed = stopwordsiso.stopwords(language)
    return frozenset(word for entry in listed for word in _words_of(entry))


def _words_of(entry):
    """An entry as one word; entries of several words are left out."""
    words = [word for clause in clauses(entry) for word in clause]
    return words if len(words) == 1 else []


def resolve_stop_words(stop_words, words, texts_of, vocabulary):
    """The set of stop words that the parameter of this name stands for.

    Parameters
    ----------
    stop_words : "auto", str or iterable of str
        "auto", the code of a language, or the words themselves.
    words : ndarray of int
        Positions in `vocabulary`, one word of the texts after the other; -1 is none.
    texts_of : ndarray of int
        In which text each of them stands.
    vocabulary : ndarray of str
    """
    if not isinstance(stop_words, str):
        return frozenset(word for entry in stop_words for word in _words_of(entry))
    if stop_words == "auto":
        found = _languages_of(words, texts_of, vocabulary) or ["en"]
        return frozenset().union(*map(stop_words_of, found))
    if stop_words not in stop_word_languages():
        raise ValueError(
            f"stop_words={stop_words!r} is no language that has a list. Pass 'auto', "
            f"a list of words, or one of: {', '.join(stop_word_languages())}."
        )
    return stop_words_of(stop_words)


def _languages_of(words, texts_of, vocabulary):
    """The languages whose stop words the texts contain.

    The language of most stop words is the first. If it leaves enough texts nearly
    without stop words, the language of those texts is the next.
    """
    texts_of, words = texts_of[words >= 0], words[words >= 0]
    is_listed = {
        language: np.array([w in stop_words_of(language) for w in vocabulary], bool)
        for language in stop_word_languages()
    }
    found, n_texts = [], len(np.unique(texts_of))
    while len(np.unique(texts_of)) > _LEAST_TEXTS * n_texts:
        share = {
            language: listed[words].mean() for language, listed in is_listed.items()
        }
        best = max(share, key=share.get)
        n_different = np.count_nonzero(is_listed[best][np.unique(words)])
        least = _LEAST_SHARE_OF_SEVERAL if n_different >= _SEVERAL else _LEAST_SHARE
        if share[best] < least:
            break
        found.append(best)
        n_words = np.bincount(texts_of)
        n_stop_words = np.bincount(texts_of, weights=is_listed.pop(best)[words])
        is_left = (n_stop_words < _LEAST_SHARE * n_words)[texts_of]
        texts_of, words = texts_of[is_left], words[is_left]
    return found
