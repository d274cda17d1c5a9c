"""Judge by exact matching: a text has a concept when it contains one of its phrases."""

import numpy as np

from sklearn_hsae.judges._judge import FreeJudge
from sklearn_hsae.judges._phrases import PhraseOccurrence, label_phrases


class KeyphraseJudge(FreeJudge):
    """A text has a concept when it contains at least one of its phrases."""

    def fit(self, concepts, texts, activations=None):
        """Read the phrases in the labels; texts and activations are not used."""
        self.phrases_ = [label_phrases(concept) for concept in concepts]
        return self

    def judge(self, texts):
        """Return annotations; see `Judge`."""
        phrases = sorted({p for concept in self.phrases_ for p in concept})
        column = {phrase: j for j, phrase in enumerate(phrases)}
        occurrence = PhraseOccurrence(phrases).transform(texts).tocsc()
        annotations = np.zeros((len(texts), len(self.phrases_)))
        for j, concept in enumerate(self.phrases_):
            columns = [column[phrase] for phrase in concept]
            annotations[:, j] = occurrence[:, columns].max(axis=1).toarray().ravel()
        return annotations

    def _keep(self, columns):
        self.phrases_ = [self.phrases_[j] for j in columns]
