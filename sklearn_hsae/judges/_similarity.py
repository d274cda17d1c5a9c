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

    def directions(self, phrases):
        """The centred embeddings of phrases, scaled to length 1: one per column."""
        return normalize(self._embed(phrases, "phrases") - self.phrase_mean_).T

    def transform(self, texts, phrases, directions=None):
        """Compare texts with phrases.

        Parameters
        ----------
        texts : sequence of str of length n_texts
        phrases : sequence of str of length n_phrases
        directions : ndarray of shape (n_dimensions, n_phrases), default=None
            What `directions` returned for these phrases; None computes it.

        Returns
        -------
        float32 ndarray of shape (n_texts, n_phrases)
        """
        wanted = self.directions(phrases) if directions is None else directions
        pieces = [sentences(text) for text in texts]
        of_texts, row, of_pieces = self._embed_once(texts, pieces)
        directions = normalize(of_pieces - self.sentence_mean_)
        similarity = normalize(of_texts - self.text_mean_) @ wanted
        for i, its_pieces in enumerate(pieces):
            similarities = directions[[row[piece] for piece in its_pieces]] @ wanted
            similarity[i] = (similarity[i] + similarities.max(axis=0)) / 2
        occurrence = PhraseOccurrence(phrases).transform(texts).tocoo()
        similarity[occurrence.row, occurrence.col] += VERBATIM_BONUS
        return similarity

    def _embed_once(self, texts, pieces):
        """Vectors of texts, the row of each sentence, and the vectors of these rows.

        A text that is one sentence is embedded once, also without a cache.
        """
        of_texts = self._embed(texts, "texts")
        text_row = {text: i for i, text in enumerate(texts)}
        distinct = sorted({piece for its_pieces in pieces for piece in its_pieces})
        new = [piece for piece in distinct if piece not in text_row]
        known = [piece for piece in distinct if piece in text_row]
        parts = [of_texts[[text_row[piece] for piece in known]]]
        if new:
            parts.append(self._embed(new, "sentences"))
        row = {piece: i for i, piece in enumerate(known + new)}
        return of_texts, row, np.concatenate(parts)

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
