"""How much a text agrees with a phrase, by an embedding model and word for word."""

import re

import numpy as np
from sklearn.preprocessing import normalize

from sklearn_hsae._words import clauses, is_written_without_spaces
from sklearn_hsae.judges._phrases import PhraseOccurrence, common_words

# A phrase that stands in the text weighs as much as a tenth of a perfect cosine:
# enough to prefer the texts that say it among those that mean it.
VERBATIM_BONUS = 0.1
_SOFTNESS = 0.2
_N_COMMON_WORDS = 1000
_MAX_REFERENCE_TEXTS = 10_000
_WORDS_PER_SENTENCE = 3
_SENTENCE_END = re.compile(
    r"(?<=[.!?\u061F\u06D4\u0964])\s+|(?<=[\u3002\uFF01\uFF1F])\s*|\n+"
)


class PhraseSimilarity:
    """Centred cosine of phrases with text and sentence, plus a bonus for the words.

    A text speaks of several things, and its embedding of all of them at once. A
    phrase is compared with the text and with its nearest sentence, and the mean of
    the two cosines counts: tone belongs to the text, an incident to a sentence.

    Phrases are short and texts are long, so in an embedding space each kind lies in a
    corner of its own, and plain cosines mostly tell how phrase-like a text is. Each
    kind is therefore centred by its own mean in the training texts, before the cosine
    is taken.

    Parameters
    ----------
    embedder : EmbeddingTransformer or LSAEmbedder
        Embeds texts, sentences and phrases alike. Is fitted here.

    Attributes
    ----------
    text_mean_, sentence_mean_, phrase_mean_ : ndarray of shape (n_dimensions,)
        Mean embedding of the training texts, of their sentences, and of their common
        words.
    """

    def __init__(self, embedder):
        self.embedder = embedder

    def fit(self, texts):
        reference = texts[:_MAX_REFERENCE_TEXTS]
        self.embedder.fit(list(reference))
        words = common_words(reference, _N_COMMON_WORDS)
        if not words:
            raise ValueError(
                f"None of the words of the {len(reference)} texts stands in two of "
                "them: there are too few texts to compare them with phrases."
            )
        pieces = sorted({piece for text in reference for piece in sentences(text)})
        self.text_mean_ = self._embed(reference).mean(axis=0)
        self.sentence_mean_ = self._embed(pieces).mean(axis=0)
        self.phrase_mean_ = self._embed(words).mean(axis=0)
        return self

    def transform(self, texts, phrases):
        """Return a float32 array of shape (n_texts, n_phrases)."""
        pieces = [sentences(text) for text in texts]
        distinct = sorted({piece for of_text in pieces for piece in of_text})
        row = {piece: i for i, piece in enumerate(distinct)}
        directions = normalize(self._embed(distinct) - self.sentence_mean_)
        wanted = normalize(self._embed(phrases) - self.phrase_mean_).T
        similarity = normalize(self._embed(texts) - self.text_mean_) @ wanted
        for i, of_text in enumerate(pieces):
            nearness = directions[[row[piece] for piece in of_text]] @ wanted
            similarity[i] = (similarity[i] + nearness.max(axis=0)) / 2
        occurrence = PhraseOccurrence(phrases).transform(texts).tocoo()
        similarity[occurrence.row, occurrence.col] += VERBATIM_BONUS
        return similarity

    def _embed(self, texts):
        return self.embedder.transform(list(texts)).to_numpy()


def soft_maximum(first, second):
    """Agreement with either of two phrases, given the agreement with each.

    Close to the larger, plus something when both are large. With the mean of several
    phrases a text would have to be near all of them, with the plain maximum one chance
    likeness would do.
    """
    return _SOFTNESS * np.logaddexp(first / _SOFTNESS, second / _SOFTNESS)


def sentences(text):
    """The sentences of a text; one of less than three words joins the next."""
    found, pending = [], ""
    for piece in _SENTENCE_END.split(text):
        pending = f"{pending} {piece}".strip()
        if _n_words(pending) >= _WORDS_PER_SENTENCE:
            found.append(pending)
            pending = ""
    if pending:
        last = found.pop() if found and _n_words(pending) == 1 else ""
        found.append(f"{last} {pending}".strip())
    return found


def _n_words(text):
    if is_written_without_spaces(text):
        return sum(map(len, clauses(text)))
    return len(text.split())
