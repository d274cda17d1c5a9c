"""Phrases of texts: which ones may name a concept, and in which texts they occur.

A keyphrase concept is written "mentions waited, minutes, slow". The label is the
whole concept: whoever reads it knows what is looked for, and nothing else is.
"""

import re

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

from sklearn_hsae._labels import plain_label

LABEL_PREFIX = "mentions "
MAX_WORDS = 3
_MAX_CANDIDATES = 20_000

_NOT_WORDS = re.compile(r"(?:https?://|www\.)\S+|<[^>]{1,80}>|&\w+;")
_CLAUSE_END = re.compile(r"[.!?,;:()\[\]\"\n\t|/*]+|\s-+\s")
_WORD = re.compile(r"[^\W\d_](?:[\w'-]*\w)?")
_CONTRACTION = re.compile(r"'(?:s|re|ve|ll|d|m)$")
_NEGATION = re.compile(r"^(?:not|no|never|without|cannot|\w+n't)$")
# Words that scikit-learn's list leaves out and that name nothing by themselves.
_MORE_STOP_WORDS = frozenset(
    "actually anyway basically did didn does doesn doing don else especially gave "
    "getting given gives goes going gonna got gotten had has haven having honestly "
    "instead isn it's just know let let's like likely literally look looked looking "
    "lot lots make makes making maybe mean means oh ok okay probably quite really "
    "said say saying says simply sort sure thing things think thought took totally "
    "truly try trying used using want wanted wasn way went won yes".split()
)
_STOP_WORDS = ENGLISH_STOP_WORDS | _MORE_STOP_WORDS


def phrase_label(phrases):
    """The concept that `phrases` make up: ``"mentions waited, slow"``."""
    return LABEL_PREFIX + ", ".join(phrases)


def label_phrases(label):
    """The phrases of a concept label; any other wording is one single phrase."""
    label = plain_label(label)
    if not label.startswith(LABEL_PREFIX):
        return [label]
    phrases = [phrase.strip() for phrase in label[len(LABEL_PREFIX) :].split(",")]
    return [phrase for phrase in phrases if phrase]


def clauses(text):
    """The words of each clause in lower case, without web addresses and mark-up."""
    text = _NOT_WORDS.sub(" . ", text.lower().replace("\u2019", "'"))
    return [_WORD.findall(clause) for clause in _CLAUSE_END.split(text)]


def _phrases(text, longest):
    """All runs of up to `longest` words that do not cross the end of a clause."""
    return [
        " ".join(tokens[i : i + n])
        for tokens in clauses(text)
        for n in range(1, longest + 1)
        for i in range(len(tokens) - n + 1)
    ]


class PhraseOccurrence:
    """Says which texts contain which phrases, word for word.

    Parameters
    ----------
    phrases : sequence of str
        Each is split into words as texts are; a phrase matches where its words
        stand side by side, in any letter case.
    """

    def __init__(self, phrases):
        self.keys = [
            " ".join(word for clause in clauses(phrase) for word in clause)
            for phrase in phrases
        ]

    def transform(self, texts):
        """Return a csr matrix of shape (n_texts, n_phrases) of 0 and 1."""
        vocabulary = sorted({key for key in self.keys if key})
        if not vocabulary:
            raise ValueError(f"None of the phrases {self.keys} contains a word.")
        longest = max(key.count(" ") + 1 for key in vocabulary)
        vectorizer = CountVectorizer(
            analyzer=lambda text: _phrases(text, longest),
            vocabulary=vocabulary,
            binary=True,
        )
        found = vectorizer.transform(texts).tocsc()
        column = {key: j for j, key in enumerate(vocabulary)}
        blank = found.shape[1]  # a phrase without a word occurs nowhere
        found.resize(found.shape[0], blank + 1)
        return found[:, [column.get(key, blank) for key in self.keys]].tocsr()


def candidate_phrases(texts, *, min_count):
    """Phrases that could name a concept, and where they occur.

    A candidate has one to three words, starts and ends with a word of content, and
    is no fragment of a longer candidate that it nearly always stands in. It may stand
    in any number of texts: what it says of a neuron is for the caller to measure.

    Parameters
    ----------
    texts : sequence of str
    min_count : int
        In how many texts a phrase stands at least.

    Returns
    -------
    phrases : ndarray of str of shape (n_phrases,)
    occurrence : csr matrix of shape (n_texts, n_phrases) of 0 and 1
    """
    phrases, counts = _frequent_phrases(texts, min(min_count, len(texts)))
    n_texts_with = np.asarray(counts.sum(axis=0)).ravel()
    eligible = np.flatnonzero([_names_something(p.split(" ")) for p in phrases])
    fragment = _fragments(phrases[eligible], n_texts_with[eligible])
    eligible = eligible[~fragment]
    if len(eligible) > _MAX_CANDIDATES:
        order = np.argsort(-n_texts_with[eligible], kind="stable")[:_MAX_CANDIDATES]
        eligible = np.sort(eligible[order])
    return phrases[eligible], counts[:, eligible]


def _frequent_phrases(texts, min_count):
    """All phrases of up to `MAX_WORDS` words in at least `min_count` texts.

    A phrase can only be frequent when it is without its last word (Agrawal & Srikant
    1994), so each length is counted among those that extend a frequent shorter one.
    """
    words, texts_of, vocabulary = _coded_words(texts)
    word_at, single, block = _keep_frequent(
        words, vocabulary, texts_of, len(texts), min_count
    )
    phrase_at, phrases, blocks = word_at, single, [(single, block)]
    for length in range(2, MAX_WORDS + 1):
        following = np.append(word_at[length - 1 :], np.full(length - 1, -1))
        both = np.flatnonzero((phrase_at >= 0) & (following >= 0))
        if len(both) == 0:
            break
        pairs, number = np.unique(
            phrase_at[both] * len(single) + following[both], return_inverse=True
        )
        longer = [
            f"{phrases[pair // len(single)]} {single[pair % len(single)]}"
            for pair in pairs
        ]
        phrase_at = np.full(len(words), -1)
        phrase_at[both] = number
        phrase_at, phrases, block = _keep_frequent(
            phrase_at, np.array(longer, dtype=object), texts_of, len(texts), min_count
        )
        blocks.append((phrases, block))
    all_phrases = np.concatenate([phrases for phrases, _ in blocks])
    return all_phrases, sparse.hstack([block for _, block in blocks], format="csr")


def _coded_words(texts):
    """Words as numbers, one after the other, with -1 at the end of each clause."""
    codes, texts_of, vocabulary = [], [], {}
    for i, text in enumerate(texts):
        for tokens in clauses(text):
            codes.extend(vocabulary.setdefault(t, len(vocabulary)) for t in tokens)
            codes.append(-1)
            texts_of.extend([i] * (len(tokens) + 1))
    words = np.array(list(vocabulary), dtype=object)
    return np.array(codes, dtype=np.int64), np.array(texts_of, dtype=np.int64), words


def _keep_frequent(phrase_at, phrases, texts_of, n_texts, min_count):
    """Drop rare phrases; renumber the others and say in which texts they are."""
    there = phrase_at >= 0
    in_text = sparse.csr_matrix(
        (np.ones(there.sum()), (texts_of[there], phrase_at[there])),
        shape=(n_texts, len(phrases)),
    )
    in_text.data[:] = 1.0  # however often it stands there
    kept = np.flatnonzero(np.asarray(in_text.sum(axis=0)).ravel() >= min_count)
    new_number = np.full(len(phrases) + 1, -1)  # the last entry serves number -1
    new_number[kept] = np.arange(len(kept))
    return new_number[phrase_at], phrases[kept], in_text[:, kept]


def common_words(texts, n_words):
    """The words of content that stand in most of the texts."""
    words, texts_of, vocabulary = _coded_words(texts)
    _, found, occurrence = _keep_frequent(words, vocabulary, texts_of, len(texts), 2)
    n_texts_with = np.asarray(occurrence.sum(axis=0)).ravel()
    order = np.argsort(-n_texts_with, kind="stable")
    return [found[j] for j in order if _is_content(found[j])][:n_words]


def _is_content(word):
    return (
        len(word) > 1
        and word not in _STOP_WORDS
        and not _CONTRACTION.search(word)
        and not _NEGATION.match(word)
    )


def _names_something(tokens):
    if not _is_content(tokens[-1]):
        return False
    return _is_content(tokens[0]) or (
        len(tokens) > 1 and bool(_NEGATION.match(tokens[0]))
    )


def _fragments(phrases, n_texts_with, share=0.75):
    """Mark those that stand inside a longer one of them in `share` of their texts."""
    column = {phrase: j for j, phrase in enumerate(phrases)}
    fragment = np.zeros(len(phrases), dtype=bool)
    for j, phrase in enumerate(phrases):
        tokens = phrase.split(" ")
        for shorter in {" ".join(tokens[1:]), " ".join(tokens[:-1])} - {""}:
            i = column.get(shorter)
            if i is not None and n_texts_with[j] >= share * n_texts_with[i]:
                fragment[i] = True
    return fragment
