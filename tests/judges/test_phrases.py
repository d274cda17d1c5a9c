import numpy as np
import pytest

from sklearn_hsae.judges._phrases import (
    PhraseOccurrence,
    candidate_phrases,
    label_phrases,
    phrase_label,
)


def test_a_label_is_its_phrases():
    assert phrase_label(["waited", "slow service"]) == "mentions waited, slow service"
    assert label_phrases("mentions waited, slow service") == ["waited", "slow service"]
    # Two neurons may get one label; the count that tells them apart is no phrase.
    assert label_phrases("mentions waited (2)") == ["waited"]
    # A label that a person or an LLM wrote is one phrase.
    assert label_phrases("complains about waiting, rudely") == [
        "complains about waiting, rudely"
    ]


@pytest.mark.parametrize(
    "text, phrase, expected",
    [
        ("We WAITED an hour", "waited", 1),
        ("the waiters", "wait", 0),  # words, not pieces of words
        ("slow. Service was fine", "slow service", 0),  # not across a clause
        ("so slow service!", "slow service", 1),
        ("didn\u2019t return", "didn't return", 1),  # curly apostrophes
        ("see http://slow.com/service", "slow", 0),  # no words of addresses
        ("Caf\u00e9 \U0001f600 cr\u00e8me", "cr\u00e8me", 1),
        ("\x00\x07 slow \x00", "slow", 1),  # control characters
    ],
)
def test_a_phrase_occurs_word_for_word(text, phrase, expected):
    assert PhraseOccurrence([phrase]).transform([text]).toarray() == [[expected]]


def test_phrases_without_words_and_repeated_ones_keep_their_columns():
    found = PhraseOccurrence(["slow", "!!!", "Slow", "view"]).transform(["slow"])
    assert found.toarray().tolist() == [[1, 0, 1, 0]]


def test_candidates_are_content_words_and_no_fragments():
    texts = [
        "The gift card was not worth the money we paid",
        "A gift card is never bad; not worth it they said",
        "My gift card, not worth mentioning again",
        "Soup of the day",
        "We paid for soup",
        "They paid, and soup was the best",
    ] + [f"filler sentence number {i} here" for i in range(20)]
    phrases, occurrence = candidate_phrases(texts, min_count=3)
    assert "gift card" in phrases
    assert "gift" not in phrases and "card" not in phrases  # only ever in "gift card"
    assert "not worth" in phrases  # a negation belongs to what it denies
    assert "soup" in phrases and "paid" in phrases
    assert not {"the", "was", "not", "a gift", "card was"} & set(phrases)
    counts = dict(zip(phrases, np.asarray(occurrence.sum(axis=0)).ravel(), strict=True))
    assert counts["gift card"] == 3


def test_a_phrase_in_many_texts_is_a_candidate():
    # Whether it says anything of a neuron is measured, not guessed from its frequency.
    texts = ["great pizza"] * 30 + ["great soup"] * 30 + ["great pasta"] * 40
    phrases, _ = candidate_phrases(texts, min_count=3)
    # At the end of a phrase, a word of all texts adds nothing.
    assert sorted(phrases) == ["great", "pasta", "pizza", "soup"]


@pytest.mark.parametrize("lead", ["the ", "", "my own "])
def test_a_phrase_is_no_fragment_of_one_that_cannot_be_a_name(lead):
    # All stand in longer phrases that are no candidates: "the soup", "soup was".
    texts = [f"{lead}{noun} was cold" for noun in ("soup", "bread")] * 3
    texts += ["nothing else"] * 2
    phrases, _ = candidate_phrases(texts, min_count=3)
    assert set(phrases) == {"soup was cold", "bread was cold", "soup", "bread", "cold"}


def test_texts_without_a_common_phrase_have_no_candidates():
    phrases, occurrence = candidate_phrases(["one", "other"], min_count=2)
    assert len(phrases) == 0 and occurrence.shape == (2, 0)


def test_a_megabyte_of_text_is_read():
    text = "slow service, " * 75_000
    assert PhraseOccurrence(["slow service"]).transform([text]).sum() == 1


def test_chinese_phrases_are_written_without_spaces_and_found_again():
    # ICU cuts 服务员 in two; a phrase is found however it is cut.
    texts = ["服务员热情。", "服务员缓慢。", "房间干净。", "价格贵。", "服务员热情。"]
    phrases, occurrence = candidate_phrases(texts, min_count=2)
    assert sorted(phrases) == ["服务员", "服务员热情"]  # and not 员热情
    column = occurrence[:, list(phrases).index("服务员")]
    assert column.toarray().ravel().tolist() == [1, 1, 0, 0, 1]
    found = PhraseOccurrence(["服务员", "干净"]).transform(texts).toarray()
    assert found.T.tolist() == [[1, 1, 0, 0, 1], [0, 0, 1, 0, 0]]


def test_an_emoji_is_a_candidate():
    texts = ["\U0001f600\U0001f600", "x \U0001f600"]
    phrases, _ = candidate_phrases(texts, min_count=2)
    assert phrases.tolist() == ["\U0001f600"]
