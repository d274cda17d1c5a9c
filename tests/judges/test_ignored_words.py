"""Words that stand in no label, and which words are handles."""

from sklearn_hsae.judges import candidate_phrases, handle_words, name_words
from sklearn_hsae.judges._ignored_words import ignored_words

TEXTS = ["@Delta lost my bag", "@delta late again, delta is late", "write a@united.com"]


def test_a_handle_mostly_stands_behind_an_at_sign():
    """An address is no handle, nor is a word that somebody once took for one."""
    assert handle_words(TEXTS) == {"delta"}
    assert handle_words(["@late", "late late", "so late"]) == set()
    assert handle_words(["mail me @ home", "x@y.org", "@y.org"]) == set()


def test_a_name_has_a_capital_in_the_middle_of_sentences():
    """The first word of a sentence has one anyway, and so has each noun in German."""
    texts = ["Thanks to Delta, and to my USA crew. Late again"] * 4 + ["late to Delta"]
    assert name_words(texts) == {"delta"}
    assert name_words([*texts, "so delta was late"]) == set()
    assert name_words(["der Koffer und die Tasche am Schalter"] * 9) == set()


def test_words_and_patterns_are_ignored():
    words = ["delta", "deltas", "late", "united"]
    assert ignored_words(["Late"], words, TEXTS) == {"late"}
    assert ignored_words(["delta*"], words, TEXTS) == {"delta", "deltas"}
    assert ignored_words(["@united"], words, TEXTS) == {"united"}
    assert ignored_words(["@*"], words, TEXTS) == {"delta"}


def test_no_phrase_contains_an_ignored_word():
    """What is left of a phrase may still name something."""
    texts = ["@delta lost luggage", "a fine view"] * 3
    phrases, occurrence = candidate_phrases(texts, min_count=3, ignore=["@*"])
    assert len(phrases) and not any("delta" in phrase for phrase in phrases)
    assert "lost luggage" in phrases
    assert occurrence.shape == (6, len(phrases))
