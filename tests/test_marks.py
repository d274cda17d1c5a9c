"""Marks in texts: nothing else in a marked text reads as one."""

import pytest

from sklearn_hsae._marks import excerpt, mark_spans


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
