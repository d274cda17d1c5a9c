"""Generated reviews in which it is known what drives the rating."""

import re

import numpy as np
from sklearn.utils import Bunch, check_random_state

from sklearn_hsae.datasets._review_phrases import CONCEPTS, FILLERS, SLOTS

_MEAN_RATING = 3.2
_SLOT = re.compile(r"\{(\w+)\}")


def make_reviews(n_samples=1000, *, noise=0.5, random_state=None):
    """Generate restaurant reviews with planted concepts.

    Each review tells some of twelve concepts, each in one to three of many ways, among
    sentences that tell none of them. Eight of the concepts act on the rating, four
    do not. No single word gives a concept away: its wordings share few, and the
    other sentences use them too ("I cannot wait to tell my sister").

    Parameters
    ----------
    n_samples : int, default=1000
        Number of reviews.
    noise : float, default=0.5
        Standard deviation, in stars, of what no concept explains.
    random_state : int, RandomState instance or None, default=None
        Pass an int for the same reviews each time.

    Returns
    -------
    Bunch
        - `texts`: list of str;
        - `target`: ndarray of shape (n_samples,), ratings in stars, not rounded;
        - `concepts`: list of str of length 12, what each concept is;
        - `truth`: bool ndarray of shape (n_samples, 12), which review tells what;
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
    names, effects, shares, ways = zip(*CONCEPTS, strict=True)
    effects = np.array(effects)
    truth = rng.uniform(size=(n_samples, len(names))) < np.array(shares)
    texts = [_write([ways[j] for j in np.flatnonzero(told)], rng) for told in truth]
    target = _MEAN_RATING + truth @ effects + noise * rng.standard_normal(n_samples)
    return Bunch(
        texts=texts,
        target=target,
        concepts=list(names),
        truth=truth,
        effects=effects,
    )


def _write(told, rng):
    """One review: up to three sentences a concept, among fillers, in any order."""
    templates = [way for ways in told for way in _draw(ways, rng.randint(1, 4), rng)]
    templates += _draw(FILLERS, rng.randint(1, 3) + (not told), rng)
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
