"""Judge by meaning: a text has a concept when it is close enough to its phrases."""

from functools import reduce

import numpy as np

from sklearn_hsae.judges._judge import FreeJudge
from sklearn_hsae.judges._keyphrase_judge import KeyphraseJudge
from sklearn_hsae.judges._phrases import label_phrases
from sklearn_hsae.judges._similarity import PhraseSimilarity, soft_maximum
from sklearn_hsae.judges._threshold import agreement_of, best_threshold

# A label says its words: another reading of it must say much better when the neuron
# fires.
_LEAST_RATIO = 1.2


def is_word_for_word(by_words, by_meaning):
    """Whether a concept is to be read word for word, given how well both readings do.

    Parameters
    ----------
    by_words, by_meaning : float or ndarray of float
        What :func:`agreement_of` says of the annotations of each reading.
    """
    return by_meaning < _LEAST_RATIO * by_words


class EmbeddingJudge(FreeJudge):
    """Compares texts with the phrases of each concept in an embedding space.

    How close is close enough differs from concept to concept, so each has a
    threshold of its own: the one at which the annotations of the training texts
    agree best with the activations of the neuron that the concept names.

    Some concepts are a matter of words: an embedding hardly tells "the soup was cold"
    from "the soup was warm", and in a language that its model has not learnt it tells
    little apart. Such a concept is read word for word, unless nearness in meaning
    agrees with the neuron better by a fifth.
    """

    def __init__(self, embedder):
        self.embedder = embedder

    def fit(self, concepts, texts, activations=None):
        """Embed the phrases and set the threshold of each concept; see `Judge`."""
        if activations is None:
            raise ValueError(
                "judge='embedding' calibrates each concept on the activations of its "
                "neuron, but concepts= were given by hand. Leave concepts=None behind "
                "an interpreter, or use judge='keyphrase' or judge='llm'."
            )
        self.phrases_ = [label_phrases(concept) for concept in concepts]
        self.similarity_ = PhraseSimilarity(self.embedder).fit(texts)
        scores = self._scores(texts)
        self.thresholds_ = np.array(
            [
                best_threshold(scores[:, j], activations[:, j])
                for j in range(len(concepts))
            ]
        )
        self.words_ = KeyphraseJudge().fit(concepts, texts)
        by_words = self._agreements(self.words_.judge(texts), activations)
        by_meaning = self._agreements(scores >= self.thresholds_, activations)
        self.is_word_for_word_ = is_word_for_word(by_words, by_meaning)
        return self

    def judge(self, texts):
        """Return annotations; see `Judge`."""
        by_meaning = self._scores(texts) >= self.thresholds_
        by_words = self.words_.judge(texts)
        return np.where(self.is_word_for_word_, by_words, by_meaning).astype(np.float64)

    @staticmethod
    def _agreements(annotations, activations):
        columns = zip(annotations.T, activations.T, strict=True)
        return np.array([agreement_of(*pair) for pair in columns])

    def _scores(self, texts):
        phrases = sorted({p for concept in self.phrases_ for p in concept})
        column = {phrase: j for j, phrase in enumerate(phrases)}
        similarity = self.similarity_.transform(texts, phrases)
        return np.column_stack(
            [
                reduce(soft_maximum, similarity.T[[column[p] for p in concept]])
                for concept in self.phrases_
            ]
        )
