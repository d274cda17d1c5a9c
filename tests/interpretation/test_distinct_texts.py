# ruff: noqa: RUF001  (punctuation of other scripts)
import numpy as np
import pytest

from sklearn_hsae.interpretation._distinct_texts import DistinctTexts, plain_text

TWEET = "my flight from Denver was cancelled again and nobody at the desk could help me"


def chosen(texts, n=10, **options):
    options = {"max_words": 256, **options}
    distinct = DistinctTexts(np.array(texts, dtype=object), **options)
    return distinct.first(np.arange(len(texts)), n).tolist()


@pytest.mark.parametrize(
    "copy",
    [
        TWEET.upper(),
        f"RT @bob: {TWEET}!!! https://t.co/xyz",
        f"@united @abc {TWEET} :(",
        TWEET.replace(" was", ", was").replace(" and", " &amp; and"),
        f"{TWEET} 22:15",
        TWEET.replace("cancelled", "canceled"),
        TWEET.replace("Denver", "Boston"),
        f"so sad {TWEET}",
        "hallo",
        "我们的航班又取消了，没人帮忙",
    ],
)
def test_copies_with_small_edits_are_one_text(copy):
    first = {"hallo": "Hallo :-)"}.get(copy, TWEET)
    if not copy.isascii():
        first = f"{copy}！"
    assert chosen([first, copy, first]) == [0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TWEET, "my flight to Dallas was delayed and the staff could not help us"),
        (TWEET, "my flight from Denver was cancelled again"),
        ("42", "43"),
        ("🙂", "😠"),
        ("thank you", "thank you so much for the help at the gate today"),
        ("", "a"),
    ],
)
def test_other_texts_are_not(one, other):
    assert chosen([one, other]) == [0, 1]


def test_long_texts_of_few_words_differ_by_their_order():
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(30)]
    texts = [" ".join(rng.choice(words, 200)) for _ in range(10)]
    assert chosen(texts) == list(range(10))
    assert chosen([texts[0], f"{texts[0]} word1 word2"]) == [0]


def test_what_is_not_shown_makes_no_difference():
    texts = ["one two three four", "one two three five six seven eight nine"]
    assert chosen(texts, max_words=3) == [0]
    assert chosen(texts) == [0, 1]


def test_the_first_n_are_taken_in_order_and_apart_from_those_chosen():
    texts = np.array(["slow train", "Slow train!", "cold soup", "warm bread"], object)
    distinct = DistinctTexts(texts, 256)
    assert distinct.first(np.array([3, 1, 0, 2]), 2).tolist() == [3, 1]
    assert distinct.first(np.array([1, 2]), 2, chosen=[0]).tolist() == [2]
    assert distinct.first(np.array([], dtype=int), 2).dtype.kind == "i"


def test_plain_text_drops_what_copies_differ_in():
    tweet = "RT @bob: It’s 5.30, LATE! http://t.co/1 word3"
    assert plain_text(tweet) == "it s late word3"
    assert plain_text(" 12:30 ") == "12:30"
