"""Similarity of texts and phrases: by their embeddings, and by their words."""

import re

import numpy as np
from sklearn.preprocessing import normalize

from sklearn_hsae._words import is_written_without_spaces, words_of
from sklearn_hsae.embedding import embed_as
from sklearn_hsae.judges._phrases import PhraseOccurrence, common_words

# Added to the cosine when a text contains the phrase itself. Among texts of the same
# meaning, those with the words then come first.
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

    A text has several subjects, and its embedding mixes them. So a phrase is compared
    with the whole text and with its nearest sentence, and the result is the mean of
    both cosines. The tone shows in the whole text, an incident in one sentence.

    Phrases are short and texts are long. In an embedding space they lie in different
    regions, so a plain cosine depends mostly on the length. Therefore texts, sentences
    and phrases are each centred by their own mean before the cosine is computed.

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
        self.text_mean_ = self._embed(reference, "texts").mean(axis=0)
        self.sentence_mean_ = self._embed(pieces, "sentences").mean(axis=0)
        self.phrase_mean_ = self._embed(words, "words").mean(axis=0)
        return self

    def transform(self, texts, phrases):
        """Return a float32 array of shape (n_texts, n_phrases)."""
        pieces = [sentences(text) for text in texts]
        distinct = sorted({piece for its_pieces in pieces for piece in its_pieces})
        row = {piece: i for i, piece in enumerate(distinct)}
        directions = normalize(self._embed(distinct, "sentences") - self.sentence_mean_)
        wanted = normalize(self._embed(phrases, "phrases") - self.phrase_mean_).T
        similarity = normalize(self._embed(texts, "texts") - self.text_mean_) @ wanted
        for i, its_pieces in enumerate(pieces):
            similarities = directions[[row[piece] for piece in its_pieces]] @ wanted
            similarity[i] = (similarity[i] + similarities.max(axis=0)) / 2
        occurrence = PhraseOccurrence(phrases).transform(texts).tocoo()
        similarity[occurrence.row, occurrence.col] += VERBATIM_BONUS
        return similarity

    def _embed(self, texts, kind):
        """Vectors; `kind` stands on the progress bar."""
        return embed_as(kind, self.embedder, texts).to_numpy()


def soft_maximum(first, second):
    """Combine the similarities with two phrases: near the larger, a smooth maximum.

    It is higher when both are large. The mean would demand similarity with all phrases;
    the plain maximum would accept one similarity by chance.
    """
    return _SOFTNESS * np.logaddexp(first / _SOFTNESS, second / _SOFTNESS)


def sentences(text):
    """Split a text into sentences; one of less than three words joins the next."""
    complete, pending = [], ""
    for piece in _SENTENCE_END.split(text):
        pending = f"{pending} {piece}".strip()
        if _n_words(pending) >= _WORDS_PER_SENTENCE:
            complete.append(pending)
            pending = ""
    if pending:
        last = complete.pop() if complete and _n_words(pending) == 1 else ""
        complete.append(f"{last} {pending}".strip())
    return complete


def _n_words(text):
    if is_written_without_spaces(text):
        return len(words_of(text))
    return len(text.split())
