"""Phrases of texts: which of them can name a concept, and in which texts they occur.

A keyphrase concept is written "mentions waited, minutes, slow". The label says
everything: the judge searches for these phrases and for nothing else.
"""

import re

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from sklearn_hsae._labels import plain_label
from sklearn_hsae._words import (
    clauses,
    closed_up,
    is_letter_alone,
    is_written_without_spaces,
    join_words,
    words_of,
)
from sklearn_hsae.judges._ignored_words import ignored_words
from sklearn_hsae.judges._stop_words import resolve_stop_words

LABEL_PREFIX = "mentions "
MAX_WORDS = 3
_MAX_CANDIDATES = 20_000
# A word in nearly all texts, such as "very", adds nothing at the end of a phrase.
_EVERYWHERE = 0.9
_NEARLY_ALWAYS = 0.75

_CONTRACTION = re.compile(r"'(?:s|re|ve|ll|d|m)$")
_NEGATION = re.compile(r"^(?:not|no|never|without|cannot|\w+n't)$")


def phrase_label(phrases):
    """The label of the concept of these phrases: ``"mentions waited, slow"``."""
    return LABEL_PREFIX + ", ".join(phrases)


def label_phrases(label):
    """The phrases in a label. A label in another form counts as one phrase."""
    label = plain_label(label)
    if not label.startswith(LABEL_PREFIX):
        return [label]
    phrases = [phrase.strip() for phrase in label[len(LABEL_PREFIX) :].split(",")]
    return [phrase for phrase in phrases if phrase]


def _phrases(text, longest):
    """All runs of up to `longest` words that do not cross the end of a clause."""
    phrases = [
        " ".join(words)
        for tokens in clauses(text)
        for n in range(1, longest + 1)
        for words in zip(*(tokens[start:] for start in range(n)), strict=False)
    ]
    if "".join(phrases).isascii():  # the usual case, much faster
        return phrases
    return [closed_up(phrase) for phrase in phrases]


class PhraseOccurrence:
    """Says which texts contain which phrases, word for word.

    Parameters
    ----------
    phrases : sequence of str
        Each phrase is split into words in the same way as texts. It occurs where its
        words follow each other, in upper or lower case.
    """

    def __init__(self, phrases):
        self.keys = [join_words(words_of(phrase)) for phrase in phrases]

    def transform(self, texts):
        """Return a csr matrix of shape (n_texts, n_phrases) of 0 and 1."""
        vocabulary = sorted({key for key in self.keys if key})
        if not vocabulary:
            raise ValueError(f"None of the phrases {self.keys} contains a word.")
        longest = max(key.count(" ") + 1 for key in vocabulary)
        if any(map(is_written_without_spaces, vocabulary)):
            # Where ICU cuts a run of letters depends on the letters around it.
            longest = max(longest, MAX_WORDS)
        vectorizer = CountVectorizer(
            analyzer=lambda text: _phrases(text, longest),
            vocabulary=vocabulary,
            binary=True,
        )
        occurrence = vectorizer.transform(texts).tocsc()
        column = {key: j for j, key in enumerate(vocabulary)}
        blank = occurrence.shape[1]  # an empty column, for phrases without a word
        occurrence.resize(occurrence.shape[0], blank + 1)
        return occurrence[:, [column.get(key, blank) for key in self.keys]].tocsr()


def candidate_phrases(texts, *, min_count, stop_words="auto", ignore=()):
    """Find the phrases that could name a concept, and the texts in which they occur.

    A candidate has one to three words, and starts and ends with a content word. A
    phrase is left out when it is nearly always a part of the same longer candidate.
    Frequent phrases are kept: the caller measures how well a phrase fits a neuron.

    Parameters
    ----------
    texts : sequence of str
    min_count : int
        Smallest number of texts with a phrase.
    stop_words : "auto", str or iterable of str
        Words that no phrase starts or ends with. "auto" are the stop words of the
        languages of the texts; another str is the code of one language.
    ignore : sequence of str
        Words and patterns that no phrase contains, see `ignored_words`.

    Returns
    -------
    phrases : ndarray of str of shape (n_phrases,)
    occurrence : csr matrix of shape (n_texts, n_phrases) of 0 and 1
    """
    words = _coded_words(texts)
    stop_words = resolve_stop_words(stop_words, *words)
    phrases, counts = _frequent_phrases(*words, len(texts), min_count)
    n_texts_with = np.asarray(counts.sum(axis=0)).ravel()
    everywhere = frozenset(phrases[n_texts_with > _EVERYWHERE * len(texts)])
    ignored = ignored_words(ignore, words[-1], texts) if len(ignore) else set()
    eligible = np.flatnonzero(
        [
            _names_something(tokens, stop_words, everywhere)
            and ignored.isdisjoint(tokens)
            for tokens in map(str.split, phrases)
        ]
    )
    eligible_phrases, n_texts_with_them = phrases[eligible], n_texts_with[eligible]
    is_dropped = _fragments(eligible_phrases, n_texts_with_them)
    is_dropped |= _cut_within_words(eligible_phrases, n_texts_with_them)
    eligible = eligible[~is_dropped]
    if len(eligible) > _MAX_CANDIDATES:
        order = np.argsort(-n_texts_with[eligible], kind="stable")[:_MAX_CANDIDATES]
        eligible = np.sort(eligible[order])
    return _as_written(phrases[eligible], counts[:, eligible])


def _frequent_phrases(words, texts_of, vocabulary, n_texts, min_count):
    """Find all phrases of up to `MAX_WORDS` words in at least `min_count` texts.

    A phrase cannot be frequent when the same phrase without its last word is not. So
    only extensions of frequent phrases are counted (Agrawal & Srikant 1994).
    """
    min_count = min(min_count, n_texts)
    word_at, single, block = _keep_frequent(
        words, vocabulary, texts_of, n_texts, min_count
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
            phrase_at, np.array(longer, dtype=object), texts_of, n_texts, min_count
        )
        blocks.append((phrases, block))
    all_phrases = np.concatenate([phrases for phrases, _ in blocks])
    return all_phrases, sparse.hstack([block for _, block in blocks], format="csr")


def _as_written(phrases, occurrence):
    """Remove spaces that a script does not have; merge phrases that become equal."""
    written = np.array([closed_up(phrase) for phrase in phrases], dtype=object)
    distinct, number = np.unique(written, return_inverse=True)
    if len(distinct) == len(written):
        return written, occurrence
    n_old, n_new = len(written), len(distinct)
    same = sparse.csr_matrix(
        (np.ones(n_old), (np.arange(n_old), number)), shape=(n_old, n_new)
    )
    merged = (occurrence @ same).tocsr()
    merged.data[:] = 1.0
    return distinct, merged


def _coded_words(texts):
    """Code all words of all texts as one array of numbers; -1 ends each clause."""
    codes, texts_of, vocabulary = [], [], {}
    for i, text in enumerate(texts):
        for tokens in clauses(text):
            codes.extend(vocabulary.setdefault(t, len(vocabulary)) for t in tokens)
            codes.append(-1)
            texts_of.extend([i] * (len(tokens) + 1))
    words = np.array(list(vocabulary), dtype=object)
    return np.array(codes, dtype=np.int64), np.array(texts_of, dtype=np.int64), words


def _keep_frequent(phrase_at, phrases, texts_of, n_texts, min_count):
    """Drop rare phrases, renumber the others, and return the texts that have them."""
    there = phrase_at >= 0
    in_text = sparse.csr_matrix(
        (np.ones(there.sum()), (texts_of[there], phrase_at[there])),
        shape=(n_texts, len(phrases)),
    )
    in_text.data[:] = 1.0  # 1 per text, also when the phrase is repeated
    kept = np.flatnonzero(np.asarray(in_text.sum(axis=0)).ravel() >= min_count)
    new_number = np.full(len(phrases) + 1, -1)  # the last entry serves number -1
    new_number[kept] = np.arange(len(kept))
    return new_number[phrase_at], phrases[kept], in_text[:, kept]


def common_words(texts, n_words):
    """The `n_words` content words that occur in the largest numbers of texts."""
    words, texts_of, vocabulary = _coded_words(texts)
    stop_words = resolve_stop_words("auto", words, texts_of, vocabulary)
    _, frequent, occurrence = _keep_frequent(words, vocabulary, texts_of, len(texts), 2)
    n_texts_with = np.asarray(occurrence.sum(axis=0)).ravel()
    order = np.argsort(-n_texts_with, kind="stable")
    ordered = frequent[order]
    return [word for word in ordered if _is_content(word, stop_words)][:n_words]


def _is_content(word, stop_words):
    return (
        not is_letter_alone(word)
        and word not in stop_words
        and not _CONTRACTION.search(word)
        and not _NEGATION.match(word)
    )


def _names_something(tokens, stop_words, everywhere):
    if len(tokens) > 1 and not everywhere.isdisjoint((tokens[0], tokens[-1])):
        return False
    if not _is_content(tokens[-1], stop_words):
        return False
    return _is_content(tokens[0], stop_words) or (
        len(tokens) > 1 and bool(_NEGATION.match(tokens[0]))
    )


def _fragments(phrases, n_texts_with):
    """Mark phrases that are part of the same longer phrase in most of their texts."""
    column = {phrase: j for j, phrase in enumerate(phrases)}
    fragment = np.zeros(len(phrases), dtype=bool)
    for j, phrase in enumerate(phrases):
        tokens = phrase.split(" ")
        for shorter in {" ".join(tokens[1:]), " ".join(tokens[:-1])} - {""}:
            i = column.get(shorter)
            if i is not None and n_texts_with[j] >= _NEARLY_ALWAYS * n_texts_with[i]:
                fragment[i] = True
    return fragment


def _cut_within_words(phrases, n_texts_with):
    """Mark phrases that begin or end within a word that ICU has cut in two.

    In scripts without spaces, two pieces that nearly always occur side by side count
    as two parts of one word.
    """
    column = {phrase: j for j, phrase in enumerate(phrases)}
    second_parts, first_parts = set(), set()
    for j, phrase in enumerate(phrases):
        if phrase.count(" ") == 1 and is_written_without_spaces(phrase):
            first, second = phrase.split(" ")
            n_enough = n_texts_with[j] / _NEARLY_ALWAYS
            if first in column and n_texts_with[column[first]] <= n_enough:
                first_parts.add(first)
            if second in column and n_texts_with[column[second]] <= n_enough:
                second_parts.add(second)
    is_cut = np.zeros(len(phrases), dtype=bool)
    for j, phrase in enumerate(phrases):
        first, *_, last = phrase.split(" ") if " " in phrase else ("", "")
        is_cut[j] = first in second_parts or last in first_parts
    return is_cut
