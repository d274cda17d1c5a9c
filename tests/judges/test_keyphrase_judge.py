"""The judge by exact matching, against a search word by word."""

import numpy as np
from hypothesis import given, strategies as st

from sklearn_hsae.judges import KeyphraseJudge


def judge(concepts, texts):
    return KeyphraseJudge().fit(concepts, texts, None).judge(texts)


def says(clauses, phrase):
    """Whether the words of the phrase stand side by side within one clause."""
    words = phrase.split()
    return any(
        clause[i : i + len(words)] == words
        for clause in clauses
        for i in range(len(clause))
    )


def test_a_concept_is_there_when_one_of_its_phrases_is():
    concepts = ["mentions slow service, waited", "mentions view", "Cold Soup"]
    annotations = judge(
        concepts,
        [
            "Slow service!",
            "The service was slow, and we waited.",
            "The service was slow. A view of the sea",
            "Previews, interviews",  # a part of a word is no word
            "cold soup, warm VIEW",
            "cold, soup",  # the phrase would cross the end of a clause
            "",
        ],
    )
    assert annotations.dtype == np.float64
    assert annotations.tolist() == [
        [1, 0, 0],
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 0],
        [0, 1, 1],
        [0, 0, 0],
        [0, 0, 0],
    ]


def test_the_count_of_a_repeated_label_is_no_part_of_its_phrases():
    texts = ["the price", "the price (2)", "nothing"]
    annotations = judge(["mentions price", "mentions price (2)"], texts)
    np.testing.assert_array_equal(annotations[:, 0], annotations[:, 1])


def test_the_texts_of_the_fit_do_not_matter():
    texts = ["slow service", "lovely view"]
    by_others = KeyphraseJudge().fit(["mentions view"], ["soup"], None).judge(texts)
    np.testing.assert_array_equal(by_others, judge(["mentions view"], texts))


WORDS = st.sampled_from(["slow", "service", "view", "sea", "not"])
PHRASES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
CONCEPTS = st.lists(PHRASES, min_size=1, max_size=3)


@given(
    texts=st.lists(st.lists(st.lists(WORDS, max_size=5), max_size=3), min_size=1),
    concepts=st.lists(CONCEPTS, min_size=1, max_size=4),
)
def test_any_texts_against_a_search_word_by_word(texts, concepts):
    # `texts` are lists of clauses, so that the search needs no rule for their ends.
    labels = ["mentions " + ", ".join(phrases) for phrases in concepts]
    written = [", ".join(map(" ".join, clauses)) for clauses in texts]
    expected = [
        [any(says(clauses, phrase) for phrase in phrases) for phrases in concepts]
        for clauses in texts
    ]
    np.testing.assert_array_equal(judge(labels, written), np.array(expected))
