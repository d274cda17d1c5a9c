"""The scores "fuzz" and "simulation" by single words, where the tokens are known."""

import re

import numpy as np

from sklearn_hsae._marks import excerpt, mark_spans
from sklearn_hsae.interpretation._naming import MARKS

_LEAST_SHARE = 0.3  # of the largest activation of a text: what is marked


def marked_texts(sample, tools):
    """One text per firing text of a sample, with true or with wrong marks.

    The true marks are around the tokens at which the neuron fires. The wrong marks are
    around as many tokens at which it is silent, drawn at random. A text in which it is
    silent nowhere is left out.

    Returns
    -------
    shown : list of str
    is_true : list of bool
        True for every second text.
    quantile : list of int
    """
    rng = np.random.default_rng(tools.seed)
    shown, is_true, quantile = [], [], []
    for text, values, spans, q in _firing(sample, tools):
        active = np.flatnonzero(values > _LEAST_SHARE * values.max(initial=0))
        silent = np.flatnonzero(values <= 0)
        if len(active) == 0 or len(silent) == 0:
            continue
        is_true.append(len(is_true) % 2 == 0)
        n_marks = min(len(active), len(silent))
        wrong = np.sort(rng.permutation(silent)[:n_marks])
        marked = mark_spans(text, spans[active if is_true[-1] else wrong], MARKS)
        shown.append(excerpt(marked, tools.judge.max_words, MARKS))
        quantile.append(q)
    return shown, is_true, quantile


def word_activations(sample, tools):
    """The words of the texts of a sample, and how active the neuron is at each.

    The activation of a word is the largest one of its tokens. Of a text longer than
    the judge reads, these are the first words.

    Returns
    -------
    words : list of list of str
    activations : list of ndarray of shape (n_words,)
    """
    max_words = tools.judge.max_words
    words, activations = [], []
    for text, values, spans, _ in _tokens(sample, tools):
        places = list(re.finditer(r"\S+", text))[:max_words]
        words.append([place[0] for place in places])
        largest = np.zeros(len(places))
        for i, place in enumerate(places):
            touches = (spans[:, 0] < place.end()) & (spans[:, 1] > place.start())
            largest[i] = values[touches].max(initial=0)
        activations.append(largest)
    return words, activations


def _tokens(sample, tools):
    """Yield what is shown of each text, its tokens' activations and spans, quantile."""
    shown = tools.tokens.shown(sample.texts, sample.feature)
    for (text, spans, values), quantile in zip(shown, sample.quantile, strict=True):
        yield text, values, spans, quantile


def _firing(sample, tools):
    return (entry for entry in _tokens(sample, tools) if entry[-1] > 0)
