"""Generated reviews whose truth is known."""

import itertools
import re

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from sklearn_hsae.datasets import make_reviews
from sklearn_hsae.datasets._review_phrases import CONCEPTS, FILLERS, SLOTS

TEMPLATES = [way for *_, ways in CONCEPTS for way in ways] + FILLERS


@pytest.fixture(scope="module")
def reviews():
    return make_reviews(3000, random_state=0)


def all_sentences():
    """Each template with every combination of what fits in its slots."""
    for template in TEMPLATES:
        parts = re.split(r"\{(\w+)\}", template)
        for fillers in itertools.product(*[SLOTS[name] for name in parts[1::2]]):
            yield "".join(
                itertools.chain(
                    *itertools.zip_longest(parts[::2], fillers, fillvalue="")
                )
            )


def test_reviews_are_decided_by_the_seed():
    """Examples and benchmarks quote numbers, so a seed must give the same rows."""
    first, again = (make_reviews(50, random_state=3) for _ in range(2))
    assert first.texts == again.texts
    np.testing.assert_array_equal(first.target, again.target)
    np.testing.assert_array_equal(first.truth, again.truth)
    assert first.texts != make_reviews(50, random_state=4).texts


def test_a_global_seed_is_neither_needed_nor_disturbed():
    """Data that draws from the global generator would change a user's later draws."""
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    make_reviews(20, random_state=0)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_least_squares_on_the_truth_recovers_the_effects(reviews):
    """What is said to drive the rating does: each effect within 4.5 of its errors."""
    n, n_concepts = reviews.truth.shape
    A = np.column_stack([np.ones(n), reviews.truth])
    found, *_ = np.linalg.lstsq(A, reviews.target, rcond=None)
    errors = 0.5 * np.sqrt(np.diag(np.linalg.inv(A.T @ A)))  # the default noise
    assert (np.abs(found[1:] - reviews.effects) < 4.5 * errors[1:]).all()
    assert n_concepts == len(reviews.concepts) == len(reviews.effects) == 12
    assert (reviews.effects != 0).sum() == 8
    noise = reviews.target - A @ found
    assert noise.std() == pytest.approx(0.5, rel=0.05)


def test_without_noise_the_rating_is_a_sum(reviews):
    """`noise=0` gives exact data, on which a test can ask for exact answers."""
    exact = make_reviews(100, noise=0.0, random_state=0)
    rest = exact.target - exact.truth @ exact.effects
    np.testing.assert_allclose(rest, rest[0], atol=1e-12)


def test_each_concept_has_about_its_share(reviews):
    """The truth is as common as the list of concepts says."""
    shares = np.array([share for _, _, share, _ in CONCEPTS])
    assert np.abs(reviews.truth.mean(axis=0) - shares).max() < 0.04


def test_truth_says_what_the_text_tells(reviews):
    """A text of fillers alone has no concept; each concept adds sentences."""
    slots = re.compile(r"\\{\w+\\}")
    ways = [
        re.compile(
            "|".join(slots.sub(".+?", re.escape(way)) for way in told), re.IGNORECASE
        )
        for *_, told in CONCEPTS
    ]
    for text, told in zip(reviews.texts[:500], reviews.truth, strict=False):
        for j in np.flatnonzero(told):
            assert ways[j].search(text), (text, reviews.concepts[j])


def test_no_word_gives_a_concept_away(reviews):
    """Otherwise a search for the word would do, and nothing would be shown."""
    vectorizer = CountVectorizer(
        ngram_range=(1, 2), binary=True, token_pattern=r"\b\w+\b"
    )
    has_word = vectorizer.fit_transform(reviews.texts)
    both = has_word.T @ reviews.truth.astype(float)
    n_word = np.asarray(has_word.sum(axis=0)).ravel()[:, None]
    f1 = 2 * both / (n_word + reviews.truth.sum(axis=0))
    assert f1.max() <= 0.6, vectorizer.get_feature_names_out()[f1.max(axis=1).argmax()]


def test_few_reviews_are_alike(reviews):
    """A held-out text that was trained on is no held-out text."""
    assert len(set(reviews.texts)) > 0.995 * len(reviews.texts)


def test_every_slot_is_filled(reviews):
    """A slot with a typing error would reach the reader as {slot}."""
    for sentence in [*all_sentences(), *reviews.texts]:
        assert not set("{}") & set(sentence)


def test_articles_go_with_every_filler():
    """No "a hour" and no "an fork", whatever is drawn."""
    wrong = re.compile(r"\b(a [aeiou]|a hour|an (?!hour\b)[^aeiou])", re.IGNORECASE)
    assert [s for s in all_sentences() if wrong.search(s)] == []


def test_templates_and_slots_are_used_once():
    """A template that stands twice is drawn twice as often."""
    assert len(set(TEMPLATES)) == len(TEMPLATES)
    used = set(re.findall(r"\{(\w+)\}", " ".join(TEMPLATES)))
    assert used == set(SLOTS)
