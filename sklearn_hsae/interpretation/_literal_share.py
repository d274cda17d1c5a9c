"""How often a keyphrase label holds word for word where its judge says yes."""

import numpy as np

from sklearn_hsae.judges import PhraseOccurrence, label_phrases


def literal_shares(concepts, texts, annotations):
    """Of the texts judged to have a concept, the share that contain one of its phrases.

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
    flat = [phrase for of_concept in phrases for phrase in of_concept]
    occurrence = PhraseOccurrence(flat).transform(texts).tocsc()
    shares, start = np.full(len(phrases), np.nan), 0
    for j, of_concept in enumerate(phrases):
        end = start + len(of_concept)
        has = annotations[:, j] == 1
        if has.any():
            found = occurrence[:, start:end].sum(axis=1)
            shares[j] = (np.asarray(found).ravel()[has] > 0).mean()
        start = end
    return shares
