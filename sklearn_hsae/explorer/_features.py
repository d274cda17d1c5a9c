"""Which texts have which hypothesis, neuron and phrase; and how groups differ."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from sklearn_hsae.judges import candidate_phrases

HYPOTHESIS, NEURON, PHRASE = "hypothesis", "neuron", "phrase"
_MAX_PHRASE_TEXTS = 10_000  # counted within seconds
_MAX_PHRASE_CHARACTERS = 20_000  # of one text
_MAX_PHRASES = 3_000
_MIN_PHRASE_TEXTS = 5


class Features(NamedTuple):
    """Features of one kind, and the texts that have them.

    Attributes
    ----------
    kind : {"hypothesis", "neuron", "phrase"}
    names : object ndarray of str of shape (n_features,)
    presence : csc array of shape (n_known, n_features)
        1 where a text has a feature.
    judged : csc array of shape (n_known, n_features) or None
        1 where it is known whether a text has a feature. None: it is everywhere. Of
        pairs, 1 where one of the texts has it: the others say nothing.
    rows : int ndarray of shape (n_known,) or None
        The texts that the rows are for. None: all of them, in order.
    """

    kind: str
    names: np.ndarray
    presence: sparse.csc_array
    judged: sparse.csc_array | None = None
    rows: np.ndarray | None = None

    def counts(self, mask):
        """How many texts of `mask` have each feature, and of how many that is known."""
        if self.rows is not None:
            mask = mask[self.rows]
        weights = mask.astype(np.float64)
        have = self.presence.T @ weights
        if self.judged is None:
            return have, np.full(len(have), weights.sum())
        return have, self.judged.T @ weights

    def texts_with(self, j, has=True):
        """Positions of the texts that have feature `j`, or that do not."""
        found = self.presence[:, [j]].toarray()[:, 0] > 0
        if not has:
            known = self.judged
            is_known = True if known is None else known[:, [j]].toarray()[:, 0] > 0
            found = ~found & is_known
        positions = np.flatnonzero(found)
        return positions if self.rows is None else self.rows[positions]


def hypothesis_features(annotations, *, are_pairs=False):
    """The features of a frame of annotations (1, 0 or NaN; of pairs, also -1)."""
    values = annotations.to_numpy(dtype=np.float64)
    names = np.array([str(name) for name in annotations.columns], dtype=object)
    if are_pairs:
        return _features_of_pairs(HYPOTHESIS, names, np.nan_to_num(values))
    is_judged = ~np.isnan(values)
    return Features(
        HYPOTHESIS,
        names,
        sparse.csc_array((values > 0).astype(np.float64)),
        None if is_judged.all() else sparse.csc_array(is_judged.astype(np.float64)),
    )


def neuron_features(activations, names, *, are_pairs=False):
    """The features of activations: a neuron is present where it is above 0."""
    if are_pairs:
        return _features_of_pairs(NEURON, names, activations)
    presence = sparse.csc_array(activations, copy=True)
    presence.data = (presence.data > 0).astype(np.float64)
    presence.eliminate_zeros()
    return Features(NEURON, names, presence)


def _features_of_pairs(kind, names, differences, rows=None):
    """The features of what the first text of a pair has more of than the second."""
    differences = sparse.csc_array(differences)
    sides = []
    for values in (differences.data > 0, differences.data != 0):
        side = differences.copy()
        side.data = values.astype(np.float64)
        side.eliminate_zeros()
        sides.append(side)
    return Features(kind, names, *sides, rows)


def phrase_features(texts):
    """The most frequent phrases, counted in at most 10,000 random texts.

    Parameters
    ----------
    texts : ndarray of str of shape (n_texts,), or (n_texts, 2) for pairs
    """
    rows = None
    if len(texts) > _MAX_PHRASE_TEXTS:
        rng = np.random.default_rng(0)
        rows = np.sort(rng.choice(len(texts), _MAX_PHRASE_TEXTS, replace=False))
        texts = texts[rows]
    n_rows, are_pairs = len(texts), texts.ndim == 2
    # Of pairs, first all first texts.
    read = [text[:_MAX_PHRASE_CHARACTERS] for text in texts.ravel(order="F")]
    least = max(_MIN_PHRASE_TEXTS, len(read) // 500)
    if not any(text.strip() for text in read):
        return _no_phrases(n_rows, rows)
    phrases, occurrence = candidate_phrases(read, min_count=least)
    n_texts_with = np.asarray(occurrence.sum(axis=0)).ravel()
    frequent = np.argsort(-n_texts_with, kind="stable")[:_MAX_PHRASES]
    presence = sparse.csc_array(occurrence, dtype=np.float64)[:, frequent]
    if are_pairs:
        differences = presence[:n_rows] - presence[n_rows:]
        return _features_of_pairs(PHRASE, phrases[frequent], differences, rows)
    return Features(PHRASE, phrases[frequent], presence, None, rows)


def _no_phrases(n_texts, rows):
    return Features(
        PHRASE, np.array([], dtype=object), sparse.csc_array((n_texts, 0)), None, rows
    )


def compare(features, inside, outside):
    """Compare how many texts of two groups have each feature.

    Parameters
    ----------
    features : sequence of Features
    inside, outside : bool ndarray of shape (n_texts,)

    Returns
    -------
    DataFrame
        One row per feature that a text of either group has: `kind`, `name`,
        `position` among the features of its kind, `share_in`, `share_out` (NaN for a
        group of no text), `difference`, and `z`: the difference divided by its standard
        error, with each count increased by 1/2 so that it is finite. The table is
        sorted by `z`, the largest first. It describes; no p-value is given, since the
        groups may be chosen by what is compared.
    """
    tables = [_compare_one(part, inside, outside) for part in features]
    table = pd.concat(tables, ignore_index=True)
    return table.sort_values("z", ascending=False, kind="stable", ignore_index=True)


def _compare_one(part, inside, outside):
    with_in, n_in = part.counts(inside)
    with_out, n_out = part.counts(outside)
    p_in, p_out = (with_in + 0.5) / (n_in + 1), (with_out + 0.5) / (n_out + 1)
    error = np.sqrt(p_in * (1 - p_in) / (n_in + 1) + p_out * (1 - p_out) / (n_out + 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        share_in, share_out = with_in / n_in, with_out / n_out
    table = pd.DataFrame(
        {
            "kind": part.kind,
            "name": part.names,
            "position": np.arange(len(part.names)),
            "share_in": share_in,
            "share_out": share_out,
            "difference": share_in - share_out,
            "z": (p_in - p_out) / error,
        }
    )
    return table[with_in + with_out > 0]
