"""Judge by meaning: a text has a concept when it is similar enough to its phrases."""

from functools import reduce

import numpy as np

from sklearn_hsae.judges._judge import FreeJudge
from sklearn_hsae.judges._keyphrase_judge import KeyphraseJudge
from sklearn_hsae.judges._phrases import label_phrases
from sklearn_hsae.judges._similarity import PhraseSimilarity, soft_maximum
from sklearn_hsae.judges._threshold import agreement_of, best_threshold

# A reader takes a label word for word. Reading it by meaning must therefore agree with
# the neuron much better.
_LEAST_RATIO = 1.2
# A threshold is the score of a training text, and a score rounds in another way when
# fewer texts are judged together, by up to 2.4e-7.
_ROUNDING = 1e-6


def is_word_for_word(by_words, by_meaning):
    """Whether to judge a concept by its words and not by its meaning.

    Parameters
    ----------
    by_words, by_meaning : float or ndarray of float
        Agreement of the annotations of each way with the neuron, by
        :func:`agreement_of`.
    """
    return by_meaning < _LEAST_RATIO * by_words


class EmbeddingJudge(FreeJudge):
    """Compares texts with the phrases of each concept in an embedding space.

    Each concept has its own threshold: the one at which the annotations of the training
    texts agree best with the activations of the neuron of the concept.

    Some concepts depend on words. The embeddings of "the soup was cold" and "the soup
    was warm" are nearly the same, and in a language that the model does not know, many
    embeddings are. So a concept is judged by its words, unless the annotations by
    meaning agree with the neuron better by a fifth.
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
        self.distinct_phrases_ = sorted({p for of in self.phrases_ for p in of})
        self.directions_ = self.similarity_.directions(self.distinct_phrases_)
        scores = self._scores(texts, range(len(concepts)))
        thresholds = [
            best_threshold(scores[:, j], activations[:, j])
            for j in range(len(concepts))
        ]
        self.thresholds_ = np.array(thresholds) - _ROUNDING
        self.words_ = KeyphraseJudge().fit(concepts, texts)
        by_words = self._agreements(self.words_.judge(texts), activations)
        by_meaning = self._agreements(scores >= self.thresholds_, activations)
        self.is_word_for_word_ = is_word_for_word(by_words, by_meaning)
        return self

    def judge(self, texts):
        """Return annotations; see `Judge`."""
        annotations = self.words_.judge(texts)
        by_meaning = np.flatnonzero(~self.is_word_for_word_)
        if len(by_meaning):  # else no text needs to be embedded
            scores = self._scores(texts, by_meaning)
            annotations[:, by_meaning] = scores >= self.thresholds_[by_meaning]
        return annotations

    def _keep(self, columns):
        self.phrases_ = [self.phrases_[j] for j in columns]
        self.thresholds_ = self.thresholds_[columns]
        self.is_word_for_word_ = self.is_word_for_word_[columns]
        self.words_ = self.words_.restricted(columns)

    @staticmethod
    def _agreements(annotations, activations):
        columns = zip(annotations.T, activations.T, strict=True)
        return np.array([agreement_of(*pair) for pair in columns])

    def _scores(self, texts, concepts):
        """The similarity of each text with some of the concepts, given by number."""
        wanted = {p for j in concepts for p in self.phrases_[j]}
        rows = [i for i, p in enumerate(self.distinct_phrases_) if p in wanted]
        phrases = [self.distinct_phrases_[i] for i in rows]
        column = {phrase: j for j, phrase in enumerate(phrases)}
        directions = self.directions_[:, rows]
        similarity = self.similarity_.transform(texts, phrases, directions)
        return np.column_stack(
            [
                reduce(
                    soft_maximum, similarity.T[[column[p] for p in self.phrases_[j]]]
                )
                for j in concepts
            ]
        )
