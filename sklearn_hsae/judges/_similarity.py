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
_SENTENCES_PER_PART = 50_000  # 75 MB of vectors of 384 numbers are held at a time
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
        self.text_mean_ = self._embed(reference, "texts").mean(axis=0)
        self.sentence_mean_ = self._mean_sentence(reference)
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
        of_texts = self._embed(texts, "texts")
        similarity = normalize(of_texts - self.text_mean_) @ wanted
        similarity = (similarity + self._nearest_sentence(texts, of_texts, wanted)) / 2
        occurrence = PhraseOccurrence(phrases).transform(texts).tocoo()
        similarity[occurrence.row, occurrence.col] += VERBATIM_BONUS
        return similarity

    def _nearest_sentence(self, texts, of_texts, wanted):
        """The similarity of each phrase with the nearest sentence of each text."""
        text_row = {text: i for i, text in enumerate(texts)}
        nearest = np.full((len(texts), wanted.shape[1]), -np.inf, dtype=of_texts.dtype)
        parts = list(_in_parts([sentences(text) for text in texts]))
        for part, kind in zip(parts, _kinds(len(parts)), strict=True):
            row, of_pieces = self._embed_once(part, text_row, of_texts, kind)
            directions = normalize(of_pieces - self.sentence_mean_)
            for i, pieces in part:
                similarities = directions[[row[piece] for piece in pieces]] @ wanted
                nearest[i] = np.maximum(nearest[i], similarities.max(axis=0))
        return nearest

    def _embed_once(self, part, text_row, of_texts, kind):
        """The row of each sentence, and the vectors of these rows.

        A text that is one sentence is embedded once, also without a cache.
        """
        distinct = sorted({piece for _, pieces in part for piece in pieces})
        new = [piece for piece in distinct if piece not in text_row]
        known = [piece for piece in distinct if piece in text_row]
        vectors = [of_texts[[text_row[piece] for piece in known]]]
        if new:
            vectors.append(self._embed(new, kind))
        row = {piece: i for i, piece in enumerate(known + new)}
        return row, np.concatenate(vectors)

    def _mean_sentence(self, texts):
        distinct = sorted({piece for text in texts for piece in sentences(text)})
        total = 0.0
        parts = list(_in_parts([distinct]))
        for ((_, pieces),), kind in zip(parts, _kinds(len(parts)), strict=True):
            total += self._embed(pieces, kind).sum(axis=0, dtype=np.float64)
        return (total / len(distinct)).astype(self.text_mean_.dtype)

    def _embed(self, texts, kind):
        """Vectors; `kind` stands on the progress bar."""
        return embed_as(kind, self.embedder, texts).to_numpy()


def _in_parts(sentences_of_texts):
    """Yield lists of pairs: the number of a text, and all or some of its sentences."""
    part, n = [], 0
    for i, pieces in enumerate(sentences_of_texts):
        for start in range(0, len(pieces), _SENTENCES_PER_PART):
            some = pieces[start : start + _SENTENCES_PER_PART]
            if n + len(some) > _SENTENCES_PER_PART:
                yield part
                part, n = [], 0
            part.append((i, some))
            n += len(some)
    yield part


def _kinds(n_parts):
    """What the progress bar of each part says."""
    if n_parts == 1:
        return ["sentences"]
    return [f"sentences, part {n} of {n_parts}" for n in range(1, n_parts + 1)]


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
