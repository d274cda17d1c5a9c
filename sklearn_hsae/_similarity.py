"""How much a text agrees with a phrase, by an embedding model and word for word."""

import numpy as np

from sklearn_hsae._keyphrases import PhraseOccurrence, common_words
from sklearn_hsae.embedding import EmbeddingTransformer

# A phrase that stands in the text weighs as much as a tenth of a perfect cosine:
# enough to prefer the texts that say it among those that mean it.
VERBATIM_BONUS = 0.1
_N_COMMON_WORDS = 1000
_MAX_REFERENCE_TEXTS = 10_000


class PhraseSimilarity:
    """Centred cosine of texts and phrases, plus a bonus for phrases in the text.

    Phrases are short and texts are long, so in an embedding space each kind lies in
    a corner of its own, and plain cosines mostly tell how phrase-like a text is.
    Texts and phrases are therefore centred, each by the mean of their own kind in
    the training texts, before the cosine is taken.

    Parameters
    ----------
    embedder : EmbeddingTransformer
        Embeds texts and phrases alike; its cache makes repeated calls cheap.

    Attributes
    ----------
    text_mean_, phrase_mean_ : ndarray of shape (n_dimensions,)
        Mean embedding of the training texts, and of their common words.
    """

    def __init__(self, embedder):
        self.embedder = embedder

    def fit(self, texts):
        reference = texts[:_MAX_REFERENCE_TEXTS]
        common = common_words(reference, _N_COMMON_WORDS)
        self.text_mean_ = self._embed(reference).mean(axis=0)
        if not common:
            raise ValueError(
                f"None of the words of the {len(texts)} texts stands in two of them: "
                "there are too few texts to compare them with phrases."
            )
        self.phrase_mean_ = self._embed(common).mean(axis=0)
        return self

    def transform(self, texts, phrases):
        """Return a float32 array of shape (n_texts, n_phrases)."""
        text_directions = _unit_rows(self._embed(texts) - self.text_mean_)
        phrase_directions = _unit_rows(self._embed(phrases) - self.phrase_mean_)
        similarity = text_directions @ phrase_directions.T
        occurrence = PhraseOccurrence(phrases).transform(texts).tocoo()
        similarity[occurrence.row, occurrence.col] += VERBATIM_BONUS
        return similarity

    def _embed(self, texts):
        return self.embedder.fit_transform(list(texts)).to_numpy()


def embedder_like(estimator):
    """The embedder that an estimator's own parameters describe."""
    return EmbeddingTransformer(
        estimator.embedding_model,
        cache_dir=estimator.cache_dir,
        device=estimator.device,
        verbose=estimator.verbose,
    )


def _unit_rows(X):
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    return np.divide(X, norms, out=np.zeros_like(X), where=norms > 0)
