"""Names of columns: unique, and such that other libraries take them."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from sklearn_hsae import safe_names, with_texts
from sklearn_hsae._labels import plain_label, same_label, unique_labels


def test_labels_become_unique_and_keep_their_order():
    labels = ["price", "price", "view", "price"]
    assert unique_labels(labels).tolist() == [
        "price",
        "price (2)",
        "view",
        "price (3)",
    ]
    assert unique_labels([]).shape == (0,)


# Labels that look as if they had been made unique before are the hard ones.
LABEL = st.one_of(
    st.sampled_from(["price", "price (2)", "price (2) (2)", "price (3)", "view"]),
    st.text(max_size=4),
)


@given(st.lists(LABEL, max_size=12))
def test_any_labels_become_unique_and_show_what_they_were(labels):
    unique = unique_labels(labels).tolist()
    assert len(set(unique)) == len(unique) == len(labels)
    for i, (old, new) in enumerate(zip(labels, unique, strict=True)):
        count = re.fullmatch(r"(?: \((\d+)\))?", new.removeprefix(old))
        assert new.startswith(old) and count
        # A label keeps its name unless an earlier column has it.
        assert (new == old) == (old not in unique[:i])
        if new != old:
            assert plain_label(new) == old
            # No count is left out.
            earlier = [old, *(f"{old} ({j})" for j in range(2, int(count.group(1))))]
            assert set(earlier) <= set(unique[:i])
    assert unique_labels(unique).tolist() == unique


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (['says "slow", "late"', "price"], ["says_slow_late", "price"]),
        (["a, b", "a b", "a_b"], ["a_b", "a_b_2", "a_b_3"]),
        (["[x] < {y}: z", "हिन्दी, शब्द"], ["x_y_z", "हिन्दी_शब्द"]),
        (['"', ","], ["_", "__2"]),
    ],
)
def test_safe_names_are_unique_and_keep_their_words(columns, expected):
    numbers = np.zeros((3, len(columns)))
    frame = with_texts(pd.DataFrame(numbers, columns=columns), ["a", "b", "c"])
    renamed = safe_names(frame)
    assert renamed.columns.tolist() == expected
    assert renamed.index.equals(frame.index)
    assert frame.columns.tolist() == columns
    assert safe_names(numbers) is numbers


def test_the_same_label_in_other_letters():
    assert same_label('Says  "Thank-you".') == same_label("says thank you")
    assert same_label("Cafe\u0301") == same_label("caf\u00e9")


@pytest.mark.parametrize(
    "labels",
    [("mentions \U0001f642", "mentions \U0001f621"), ("\u0915\u093f", "\u0915\u0940")],
)
def test_labels_that_differ_in_an_emoji_or_a_vowel_sign_are_others(labels):
    assert same_label(labels[0]) != same_label(labels[1])
