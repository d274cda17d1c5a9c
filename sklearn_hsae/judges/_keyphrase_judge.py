"""Judge by exact matching: a text has a concept when it contains one of its phrases."""

import numpy as np

from sklearn_hsae.judges._phrases import PhraseOccurrence, label_phrases


class KeyphraseJudge:
    """Says yes where a text contains a phrase of the concept, word for word."""

    def fit(self, concepts, texts, activations):
        """Read the phrases from the labels; texts and activations are not needed."""
        self.phrases_ = [label_phrases(concept) for concept in concepts]
        return self

    def judge(self, texts):
        """Return a float array of shape (n_texts, n_concepts) of 0 and 1."""
        phrases = sorted({p for concept in self.phrases_ for p in concept})
        column = {phrase: j for j, phrase in enumerate(phrases)}
        occurrence = PhraseOccurrence(phrases).transform(texts).tocsc()
        answers = np.zeros((len(texts), len(self.phrases_)))
        for j, concept in enumerate(self.phrases_):
            columns = [column[phrase] for phrase in concept]
            answers[:, j] = occurrence[:, columns].max(axis=1).toarray().ravel()
        return answers
