"""Marks in texts: nothing else in a marked text reads as one."""

import numpy as np
import pytest

from sklearn_hsae._marks import excerpt, mark_spans, token_window


@pytest.mark.parametrize(
    ("text", "spans", "expected"),
    [
        ("a cold soup", [(1, 6)], "a <<cold>> soup"),
        ("a cold soup", [(1, 6), (6, 11)], "a <<cold soup>>"),
        ("a cold soup", [(0, 1), (6, 11)], "<<a>> cold <<soup>>"),
        ("a  b", [(1, 2)], "a  b"),  # white space alone
        ("é!", [(0, 1), (0, 1)], "<<é>>!"),  # two tokens of one character
        ("x << y >>> z", [(5, 6)], "x < < <<y>> > > > z"),
        ("<b>", [(1, 2)], "< <<b>> >"),
        ("a <b> c", [(2, 5)], "a << <b> >> c"),
        ("plain", [], "plain"),
    ],
)
def test_marks_and_signs_of_the_text_are_told_apart(text, spans, expected):
    assert mark_spans(text, spans) == expected


def test_brackets_as_marks():
    text = "a [[b]] cold[ soup"
    marked = mark_spans(text, [(8, 12)], ("[[", "]]"))
    assert marked == "a [ [b] ] [[cold]][ soup"


def test_a_long_text_is_cut_around_its_first_mark():
    words = [f"w{i}" for i in range(100)]
    words[60] = "<<w60"
    words[70] = "w70>>"
    shown = excerpt(" ".join(words), 8)
    assert shown == "[...] w58 w59 <<w60 w61 w62 w63 w64 w65>> [...]"
    assert excerpt("a <<b>>  c", 3) == "a <<b>>  c"
    assert excerpt("a b c", 2) == "a b [...]"


def test_a_window_has_the_most_active_token_in_its_middle():
    text = " ".join(f"w{i}" for i in range(10))
    spans = np.array([(3 * i, 3 * i + 2) for i in range(10)])
    values = np.zeros(10)
    values[[1, 6]] = 1, 3
    shown, inner, kept = token_window(text, spans, values, 3)
    assert shown == "[...] w5 w6 w7 [...]"
    assert [shown[a:b] for a, b in inner] == ["w5", "w6", "w7"]
    assert kept.tolist() == [0, 3, 0]
    values[6] = 0
    assert token_window(text, spans, values, 4)[0] == "w0 w1 w2 w3 [...]"
    assert token_window(text, spans, values * 0, 4)[0] == "[...] w3 w4 w5 w6 [...]"
    assert token_window(text, spans, values, 10)[0] == text
