"""Generate reviews for which the concepts and their effects are known."""

import re

import numpy as np
from sklearn.utils import Bunch, check_random_state

from sklearn_hsae.datasets._review_phrases import CONCEPTS, FILLERS, SLOTS

_MEAN_RATING = 3.2
_SLOT = re.compile(r"\{(\w+)\}")


def make_reviews(n_samples=1000, *, noise=0.5, random_state=None):
    """Generate restaurant reviews with known concepts.

    Each review mentions some of twelve concepts, with one to three sentences per
    concept, among sentences without a concept. Eight concepts change the rating, four
    do not. No single word identifies a concept: its sentences share few words, and
    sentences without the concept contain these words too ("I cannot wait to tell my
    sister").

    Parameters
    ----------
    n_samples : int, default=1000
        Number of reviews.
    noise : float, default=0.5
        Standard deviation, in stars, of the part of the rating that no concept
        explains.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same reviews in every call.

    Returns
    -------
    Bunch
        - `texts`: list of str;
        - `target`: ndarray of shape (n_samples,), ratings in stars, not rounded;
        - `concepts`: list of str of length 12, what each concept is;
        - `truth`: bool ndarray of shape (n_samples, 12), which review mentions which
          concept;
        - `effects`: ndarray of shape (12,), stars added by each concept.

    Examples
    --------
    >>> from sklearn_hsae import make_reviews
    >>> reviews = make_reviews(100, random_state=0)
    >>> len(reviews.texts), reviews.truth.shape
    (100, (100, 12))
    >>> reviews.concepts[0], float(reviews.effects[0])
    ('complains about a long wait', -0.9)
    """
    rng = check_random_state(random_state)
    names, effects, shares, wordings = zip(*CONCEPTS, strict=True)
    effects = np.array(effects)
    truth = rng.uniform(size=(n_samples, len(names))) < np.array(shares)
    texts = [
        _write_review([wordings[j] for j in np.flatnonzero(mentioned)], rng)
        for mentioned in truth
    ]
    target = _MEAN_RATING + truth @ effects + noise * rng.standard_normal(n_samples)
    return Bunch(
        texts=texts,
        target=target,
        concepts=list(names),
        truth=truth,
        effects=effects,
    )


def _write_review(wordings, rng):
    """Up to three sentences per concept, among fillers, in random order."""
    templates = [
        template
        for concept in wordings
        for template in _draw(concept, rng.randint(1, 4), rng)
    ]
    templates += _draw(FILLERS, rng.randint(1, 3) + (not wordings), rng)
    order = rng.permutation(len(templates))
    return " ".join(_fill(templates[i], rng) for i in order)


def _draw(templates, n_drawn, rng):
    return [templates[i] for i in rng.permutation(len(templates))[:n_drawn]]


def _fill(template, rng):
    sentence = _SLOT.sub(
        lambda slot: SLOTS[slot.group(1)][rng.randint(len(SLOTS[slot.group(1)]))],
        template,
    )
    return sentence[0].upper() + sentence[1:]
