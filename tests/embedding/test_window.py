"""Texts of which a model reads only the head: who hears of them, and how often."""

import warnings

import numpy as np
import pytest
from embedding_texts import TEXTS

from sklearn_hsae.embedding import _window as window
from sklearn_hsae.embedding._window import warn_of_lost_text

LONG = "The committee met in the large hall and went through the list of points. " * 20


@pytest.fixture(autouse=True)
def nothing_counted(monkeypatch):
    """No test sees the texts that another one has counted."""
    monkeypatch.setattr(window, "_counted_keys", set())


def messages(function, *args):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*args)
    return [str(warning.message) for warning in caught]


def test_one_warning_counts_the_rows_that_were_cut(fresh):
    # Two of five rows have the same long text; it is embedded once and counted twice.
    texts = [*TEXTS[:3], LONG, LONG]
    embed = fresh()
    (message,) = messages(embed.fit_transform, texts)
    assert message.startswith("2 of 5 texts (40%) are longer than 'sentence-trans")
    assert "chunk='model' (command: --chunk)" in message
    # The judges of a pipeline embed the same texts again, in part.
    assert messages(embed.transform, texts[1:]) == []
    assert messages(fresh().fit_transform, texts) == []
    (message,) = messages(embed.transform, ["New. " + LONG])
    assert message.startswith("1 of 1 texts (100%) is longer than")


def test_texts_in_the_cache_are_counted_too(fresh, calls, monkeypatch):
    texts = [*TEXTS, LONG]
    first = messages(fresh().fit_transform, texts)
    n_calls = len(calls)
    monkeypatch.setattr(window, "_counted_keys", set())
    assert messages(fresh().fit_transform, texts) == first
    assert len(calls) == n_calls


def test_fit_alone_is_silent(fresh):
    # It embeds the first text only, of which a share would say nothing.
    assert messages(fresh().fit, [LONG, "x"]) == []


def test_texts_that_begin_alike_and_are_cut_are_called_alike(fresh):
    texts = [LONG + "The plan was approved.", LONG + "The plan was rejected."]
    (message,) = messages(fresh().fit_transform, texts)
    assert message.startswith("All 2 texts have nearly the same vector")
    assert "2 of 2 texts (100%) are longer" in message


def test_equal_vectors_of_short_texts_are_named(fresh):
    # An uncased model cannot tell these apart.
    texts = ["".join(letters) for letters in np.array([["g", "G"], ["o", "O"]]).T]
    words = [f"{a}{b}{c}{d}" for a in "gG" for b in "oO" for c in "oO" for d in "dD"]
    (message,) = messages(fresh().fit_transform, words)
    assert message.startswith("All 16 texts have nearly the same vector, though")
    assert messages(fresh().fit_transform, texts) == []  # two texts may be alike


def test_different_vectors_of_short_texts_need_no_word():
    vectors = np.eye(12, dtype=np.float32)
    keys, counts = [str(i) for i in range(12)], np.ones(12, dtype=int)
    cut = np.zeros(12, dtype=bool)
    assert messages(warn_of_lost_text, "m", vectors, keys, cut, counts) == []


def test_a_small_share_is_not_called_zero():
    vectors = np.eye(2, dtype=np.float32)
    cut, counts = np.array([True, False]), np.array([1, 999])
    (message,) = messages(warn_of_lost_text, "m", vectors, ["a", "b"], cut, counts)
    assert message.startswith("1 of 1000 texts (less than 1%)")
