import time
import unicodedata

import pytest

from sklearn_hsae._words import clauses, is_mostly_latin, join_words


@pytest.mark.parametrize(
    "text, expected",
    [
        ("O'Neil doesn't like wi-fi", [["o'neil", "doesn't", "like", "wi-fi"]]),
        ("didn\u2019t", [["didn't"]]),  # curly apostrophes
        ("l'entr\u00e9e d\u2019\u00e9t\u00e9", [["entr\u00e9e", "\u00e9t\u00e9"]]),
        ("स्वादिष्ट मेज़। दरवाज़ा", [["स्वादिष्ट", "मेज़"], ["दरवाज़ा"]]),
        ("مُمتازٌ، جميـــل", [["مُمتازٌ"], ["جميل"]]),  # marks stay, stretching goes
        ("می\u200cخواهم", [["می\u200cخواهم"]]),  # a joiner
        ("İADE", [["iade"]]),  # two code points in lower case
        ("Donau\u00addampf", [["donaudampf"]]),  # a soft hyphen
        ("col\u00b7legi", [["col\u00b7legi"]]),
        ("菜非常美味。iPhone手机", [["菜", "非常", "美味"], ["iphone", "手机"]]),
        ("店のスープ", [["店", "の", "スープ"]]),
        ("อาหารอร่อย", [["อาหาร", "อร่อย"]]),
        ("맛있는 국", [["맛있는", "국"]]),
        ("good 😀😀 food", [["good"], ["😀"], ["😀"], ["food"]]),
        ("👍🏽 🇩🇪 ❤\ufe0f", [["👍"], ["🇩🇪"], ["❤"]]),  # skin tone and style go
        ("👨\u200d👩\u200d👧", [["👨\u200d👩\u200d👧"]]),
        ("x\u200e y\ufeff", [["x", "y"]]),  # invisible signs
    ],
)
def test_words_are_those_of_the_language(text, expected):
    assert clauses(text) == expected
    assert clauses(unicodedata.normalize("NFD", text)) == expected


BASE64 = "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4"


@pytest.mark.parametrize(
    "markup",
    [
        "<p style=\"font-family: Arial, 'x > y'; color: rgb(3,4,5); margin: 0\">",
        "<a title='a > b'>",
        "<script type='x'>var gaq = []; if (a < b) gaq.push('t');</script>",
        "<SCRIPT>var gaq = []",  # a text cut off
        "<style>.promo { display: none }</style>",
        "<!-- a comment -- with <tags> -->",
        f'<img alt="{"x" * 500}" src="data:image/png;base64,{BASE64 * 99}">',
        f"data:image/png;base64,{BASE64 * 99}",
        BASE64,
        "d41d8cd98f00b204e9800998ecf8427e",
        "<img src='data:image/png",
        "p.promo { display: none; color: red }",
        "https://example.com/slow?q=service",
        "www.slow.com",
        "t.co/slow",
        "some.one@mail.example.com",
        "&nbsp;&#160;&lt;b&gt;",
    ],
)
def test_markup_addresses_and_encoded_data_are_no_words(markup):
    words = [word for clause in clauses(f"soup {markup}") for word in clause]
    assert words == ["soup"]


def test_what_only_looks_like_markup_stays():
    text = "I <3 this: prices < 5 and caf&eacute; & bar are > 4 {sic}, and/or not"
    words = {word for clause in clauses(text) for word in clause}
    assert {"prices", "and", "caf\u00e9", "bar", "sic", "or", "not"} <= words


def test_words_are_joined_as_they_are_written():
    assert join_words(["slow", "service"]) == "slow service"
    assert join_words(["服务", "员"]) == "服务员"
    assert join_words(["iphone", "手机"]) == "iphone 手机"


@pytest.mark.parametrize("sign", ["<", "<a ", "<a b='", "{", "@", "a.", "data:", "1a"])
def test_hostile_texts_take_linear_time(sign):
    start = time.process_time()
    clauses(sign * 20_000)
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "text, expected",
    [
        ("slow", True),
        ("12 345", True),
        ("d\u00e9j\u00e0 vu", True),
        ("Nguy\u1ec5n", True),
        ("मेज़ था", False),
        ("iPhone 手机非常好用的东西", False),
        ("iPhone 手机", True),
        ("😀🥲👍🏽", False),
        ("great 😀", True),
    ],
)
def test_the_script_of_most_letters_counts(text, expected):
    assert is_mostly_latin([text, text]) is expected
