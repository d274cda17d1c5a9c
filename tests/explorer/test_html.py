"""What comes from texts is shown, never executed."""

import numpy as np
from explorer_content import HOSTILE

from sklearn_hsae.explorer._colours import (
    colour_categories,
    colour_clusters,
    colour_numbers,
    colour_presence,
)
from sklearn_hsae.explorer._features import compare, hypothesis_features
from sklearn_hsae.explorer._html import comparison_table, text_list


def test_texts_and_labels_are_escaped(content):
    names = content.annotations.set_axis([HOSTILE, "b"], axis=1)
    mask = np.arange(120) < 60
    table = compare([hypothesis_features(names)], mask, ~mask)
    pages = [
        text_list([[HOSTILE]], [HOSTILE]),
        text_list([[HOSTILE, HOSTILE]], [HOSTILE]),
        comparison_table(table, str, ("a<b>", "b"), 9),
        colour_categories(np.array([HOSTILE, "x"]), HOSTILE).legend,
        colour_numbers([1.0, 2], HOSTILE, ["#000000", "#ffffff"]).legend,
        colour_presence([1.0, 0], HOSTILE).legend,
    ]
    for page in pages:
        assert "<img" not in page and "<b>" not in page and "&lt;b" in page


def test_a_megabyte_is_cut():
    page = text_list([["word " * 200_000]], ["long"])
    assert len(page) < 30_000 and "1,000,000 characters" in page


def test_the_second_text_of_a_pair_is_shown_beside_a_long_first_one():
    page = text_list([["word " * 200_000, "short"], ["", "a"]], ["", ""])
    before, whole, _ = page.split("B: short")
    assert "details" not in before and "1,000,005 characters" in whole
    assert 'A: <span class="none">(empty)</span>\nB: a' in page


def test_marks_become_elements_also_when_cut():
    page = text_list([["we <<waited>> for <<an <b>hour"]], [""])
    assert "<mark>waited</mark>" in page and "<mark>an &lt;b&gt;hour</mark>" in page


def test_constant_colours_and_unknown_values_have_a_legend():
    assert "3.00 everywhere" in colour_numbers([3.0, 3.0], "n", ["#000000"]).legend
    found = colour_numbers([np.nan, np.nan], "n", ["#000000", "#ffffff"])
    assert found.low < found.high
    assert "no cluster found" in colour_clusters(np.full(4, -1)).legend
    assert "> 1" in colour_clusters(np.zeros(4, dtype=int)).legend  # one cluster only
    found = colour_clusters(np.array([0, 0, -1]))
    assert np.isnan(found.values[2]) and found.values[0] == 0


def test_the_ten_most_frequent_values_have_a_colour():
    values = np.repeat([f"v{i}" for i in range(13)], np.arange(1, 14))
    found = colour_categories(values, "city")
    assert found.values[values == "v12"].max() == 0
    assert len(set(found.values[np.isin(values, ["v0", "v1", "v2"])])) == 1
    assert "3 others" in found.legend
