"""How many of the texts with a concept contain its phrases word for word."""

import numpy as np

from sklearn_hsae.judges import PhraseOccurrence, label_phrases


def literal_shares(concepts, texts, annotations):
    """Share of the texts with a concept that contain one of its phrases.

    Parameters
    ----------
    concepts : sequence of str of length n_concepts
    texts : sequence of str of length n_texts
    annotations : ndarray of shape (n_texts, n_concepts)

    Returns
    -------
    ndarray of shape (n_concepts,)
        NaN where no text has the concept.
    """
    phrases = [label_phrases(concept) for concept in concepts]
    flat = [phrase for its_phrases in phrases for phrase in its_phrases]
    occurrence = PhraseOccurrence(flat).transform(texts).tocsc()
    shares, start = np.full(len(phrases), np.nan), 0
    for j, its_phrases in enumerate(phrases):
        end = start + len(its_phrases)
        has_concept = annotations[:, j] == 1
        if has_concept.any():
            counts = np.asarray(occurrence[:, start:end].sum(axis=1)).ravel()
            shares[j] = (counts[has_concept] > 0).mean()
        start = end
    return shares
