"""Judge by meaning: a text has a concept when it is close enough to its phrases."""

from functools import reduce

import numpy as np

from sklearn_hsae.judges._judge import FreeJudge
from sklearn_hsae.judges._phrases import label_phrases
from sklearn_hsae.judges._similarity import PhraseSimilarity, soft_maximum
from sklearn_hsae.judges._threshold import best_threshold


class EmbeddingJudge(FreeJudge):
    """Compares texts with the phrases of each concept in an embedding space.

    How close is close enough differs from concept to concept, so each has a
    threshold of its own: the one at which the annotations of the training texts
    agree best with the activations of the neuron that the concept names.
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
        return self

    def judge(self, texts):
        """Return annotations; see `Judge`."""
        return (self._scores(texts) >= self.thresholds_).astype(np.float64)

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
