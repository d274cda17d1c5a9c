"""Groups, filters and marks, without a browser."""

import numpy as np
import pandas as pd
import pytest

from sklearn_hsae.explorer._features import compare, hypothesis_features
from sklearn_hsae.explorer._filters import filter_kind, passes
from sklearn_hsae.explorer._groups import (
    groupings,
    groups_by,
    scatter_shares,
    spread_out,
)
from sklearn_hsae.explorer._phrase_marks import mark_phrases, phrases_in


def test_each_grouping_can_be_asked_for(content):
    for key in set(groupings(content)) - {"selection"}:
        groups = groups_by(content, key)
        assert groups and all(mask.any() for mask in groups.values()), key
        assert sum(mask.astype(int) for mask in groups.values()).max() == 1
    assert len(groups_by(content, "outcome")) == 2  # below and above the median
    assert set(groups_by(content, "column:city")) == {"A", "B"}


@pytest.mark.parametrize(
    "y", [[1, 1, 1, 2, 3.0], [0, 2, 2, 2, 1.0], [np.nan, 1, 2, 3], [1, 2, 3, 4.0]]
)
def test_a_quantity_is_cut_into_two_groups_that_are_not_empty(content, y):
    values = np.resize(np.array(y, dtype=float), 120)
    content.columns["n"] = values
    groups = groups_by(content, "column:n")
    known = ~np.isnan(values)
    assert (sum(mask.astype(int) for mask in groups.values()) == known).all()
    assert len(groups) == 2 and all(mask.any() for mask in groups.values())


def test_a_share_of_none_has_a_place_on_a_logarithmic_axis():
    X = pd.DataFrame({"a": [1.0, 1, 0, 0]})
    first = np.array([True, True, False, False])
    table = compare([hypothesis_features(X)], first, ~first)
    assert [list(s) for s in scatter_shares(table, 2, 2)] == [[1.0], [0.25]]
    table = compare([hypothesis_features(X)], first, first & ~first)
    assert [list(s) for s in scatter_shares(table, 2, 0)] == [[1.0], [0.5]]


def test_labels_do_not_cover_each_other():
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 300))
    chosen = spread_out(x, y, range(300), 20, 0.2, 0.05)
    assert chosen[0] == 0 and len(chosen) == 20
    for i in chosen:
        for j in set(chosen) - {i}:
            assert abs(x[i] - x[j]) > 0.2 or abs(y[i] - y[j]) > 0.05


@pytest.mark.parametrize(
    ("values", "kind", "wanted", "expected"),
    [
        ([1, 2, 3, 4], "range", (2, 3), [False, True, True, False]),
        ([1.0, np.nan, 3], "range", (1, 3), [True] * 3),  # nothing is left out
        ([1.0, np.nan, 3], "range", (2, 3), [False, False, True]),
        (["a", "b", None], "choice", ["a"], [True, False, False]),
        (["a", "b", "c"], "choice", [], [True] * 3),
        ([True, False, True], "choice", ["True"], [True, False, True]),
        (["Mr 5.", "mr 55"], "words", "MR 5.", [True, False]),
    ],
)
def test_filters(values, kind, wanted, expected):
    assert passes(pd.Series(values), kind, wanted).tolist() == expected


def test_a_filter_suits_its_column():
    for values, kind in (
        ([1.0, 2, 3], "range"),
        ([0, 1, 1], "choice"),
        ([True, False], "choice"),
        (["a", "b", "c"], "choice"),
        ([f"Mr {i}" for i in range(60)], "words"),
    ):
        assert filter_kind(pd.Series(values)) == kind


def test_phrases_are_marked_word_for_word():
    marked = mark_phrases(
        ["So SLOW. The slow-cooked beef, slowly. Main\n course!", "nothing <<here"],
        ["slow", "main course"],
    )
    assert marked == [
        "So <<SLOW>>. The <<slow>>-cooked beef, slowly. <<Main\n course>>!",
        "nothing < <here",
    ]
    assert mark_phrases(["a"], []) == ["a"]
    assert phrases_in("mentions slow, main course") == ["slow", "main course"]
    assert phrases_in("complains about the service") == []
