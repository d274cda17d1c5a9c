"""Which phrases name a neuron: those that its activations go with."""

from typing import NamedTuple

import numpy as np

from sklearn_hsae._correlations import pearson
from sklearn_hsae._words import words_of
from sklearn_hsae.judges import (
    PhraseOccurrence,
    agreement_of,
    best_threshold,
    is_word_for_word,
    soft_maximum,
)

_PHRASES_PER_SHORTLIST = 40  # that are compared in detail
_LEAST_GAIN = 0.005  # smallest gain in correlation for one more phrase
_SHARE_OF_A_PART = 0.95  # of the gain of a phrase, for a part that replaces it


def shortlist_phrases(occurrence, activations, is_certain):
    """For each neuron, the phrases that are most over-represented where it fires.

    Parameters
    ----------
    occurrence : sparse matrix of shape (n_texts, n_phrases)
        1 where a phrase stands in a text.
    activations : ndarray of shape (n_texts, n_neurons)
    is_certain : bool or bool ndarray of shape (n_phrases,)
        A phrase that is not certain, because the embedder may not know it, is kept only
        when it is the very first.

    Returns
    -------
    list of int ndarray
        Columns of `occurrence` in ascending order, one array per neuron.
    """
    is_certain = np.broadcast_to(is_certain, occurrence.shape[1])
    n_rows = len(activations)
    share = np.asarray(occurrence.mean(axis=0)).ravel()
    spread = np.sqrt(np.maximum(share * (1 - share), 1e-12))
    shortlists = []
    for activation in activations.T:
        centred = activation - activation.mean()
        scale = np.linalg.norm(centred) * np.sqrt(n_rows)
        if scale == 0:
            shortlists.append(np.array([], dtype=int))
            continue
        correlation = occurrence.T @ centred / (scale * spread)
        best = np.argsort(-correlation, kind="stable")[:_PHRASES_PER_SHORTLIST]
        best = best[is_certain[best] | (best == best[:1])]
        shortlists.append(np.sort(best[correlation[best] > 0]))
    return shortlists


def choose_phrases(readings, activations, phrases, shortlists, n_per_label):
    """Choose the phrases that name each neuron; no phrase names two of them.

    Parameters
    ----------
    readings : list of ndarray of shape (n_texts, n_phrases)
        Agreement of each text with each phrase: word for word, and where there is a
        second array by meaning.
    activations : ndarray of shape (n_texts, n_neurons)
    phrases : ndarray of str of shape (n_phrases,)
    shortlists : list of int ndarray
        The phrases that may name each neuron.
    n_per_label : int
        Largest number of phrases per neuron.

    Returns
    -------
    list of list of str
        Empty for a neuron that no phrase goes with.
    """
    chosen, is_taken = [], np.zeros(len(phrases), dtype=bool)
    for activation, shortlist in zip(activations.T, shortlists, strict=True):
        columns = shortlist[~is_taken[shortlist]]
        labels = [
            _grow_label(
                agreement[:, columns], activation, phrases[columns], n_per_label
            )
            for agreement in readings
        ]
        picked = columns[_best_label(labels).chosen]
        is_taken[picked] = True
        chosen.append(list(phrases[picked]))
    return chosen


class _Label(NamedTuple):
    """Positions of the phrases, and agreement of their annotations with the neuron."""

    chosen: list
    agreement: float


def _grow_label(agreement, activation, phrases, n_per_label):
    """Choose phrases greedily.

    Each step adds the phrase that raises the correlation most: of the activation with
    the soft maximum of the agreements with all chosen phrases.
    """
    chosen, best = [], 0.0
    so_far = np.full((len(activation), 1), -np.inf, dtype=agreement.dtype)
    allowed = np.ones(len(phrases), dtype=bool)
    while len(chosen) < n_per_label and allowed.any():
        correlation = pearson(soft_maximum(so_far, agreement), activation)
        correlation[~allowed] = -1
        winner = int(np.argmax(correlation))
        if correlation[winner] < best + _LEAST_GAIN:
            break
        winner = _shortest_part(phrases, winner, correlation - best)
        best = correlation[winner]
        chosen.append(winner)
        so_far = soft_maximum(so_far, agreement[:, [winner]])
        allowed &= ~_shares_a_word(phrases, phrases[winner])
    scores = so_far.ravel()
    annotations = scores >= best_threshold(scores, activation)
    return _Label(chosen, agreement_of(annotations, activation))


def _best_label(labels):
    """The label by meaning when it is clearly better, else the one by words."""
    by_words, *by_meaning = labels
    for label in by_meaning:
        if not is_word_for_word(by_words.agreement, label.agreement):
            return label
    return by_words


def _shortest_part(phrases, winner, gain):
    """The shortest part of a phrase that gains nearly as much, or the phrase."""
    stands_in_winner = PhraseOccurrence(phrases).transform(phrases[[winner]])
    parts = stands_in_winner.indices
    parts = parts[gain[parts] >= _SHARE_OF_A_PART * gain[winner]]
    return int(min(parts, key=lambda part: (len(phrases[part]), -gain[part])))


def _shares_a_word(phrases, chosen):
    """Which phrases share a word with the chosen one ("wait", "waited")."""
    stems = _stems(chosen)
    return np.array([not stems.isdisjoint(_stems(phrase)) for phrase in phrases])


def _stems(phrase):
    return {word[:5] for word in words_of(phrase)}
