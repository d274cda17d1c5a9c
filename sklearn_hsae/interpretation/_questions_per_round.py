"""The questions of each round: first labels, revisions, and distinctions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_hsae.interpretation._distinct_texts import DistinctTexts
from sklearn_hsae.interpretation._sampling import firing_rows, random_silent_rows

_SPARE = 5  # silent rows drawn per row that is shown, as some are repetitions


@dataclass(frozen=True)
class Examples:
    """Which texts a first question shows.

    n_candidates : int
        Questions per neuron.
    n : int
        Number of firing texts, and of silent texts.
    sampling : "top", "quantiles" or (low, high)
        See `firing_rows`.
    silent_rows : callable
        One of the functions in `_sampling`.
    """

    n_candidates: int
    n: int
    sampling: Any
    silent_rows: Callable


def first_questions(questions, texts, activations, rows, examples, rng):
    """Yield the questions that ask for the first labels of each neuron.

    Texts that nearly repeat another example are left out. Otherwise ten copies of one
    text would get a label that describes this text only.
    """
    n = examples.n
    for column, activation in enumerate(activations.T):
        distinct = DistinctTexts(texts, questions.max_words)
        for _ in range(examples.n_candidates):
            firing = firing_rows(
                activation, rows, n, examples.sampling, rng, distinct.first
            )
            if len(firing) == 0:
                continue  # a neuron that never fires gets no label
            arguments = (column, firing, activations, rows)
            silent = examples.silent_rows(*arguments, _SPARE * n, rng)
            silent = distinct.first(silent, n)
            if len(silent) < n:  # nearly all drawn rows repeat each other
                others = random_silent_rows(*arguments, len(rows), rng)
                others = distinct.first(others, n - len(silent), silent)
                silent = np.concatenate([silent, others])
            yield questions.name(texts[firing], texts[silent], column)


def revisions(questions, candidates, n, rng):
    """Yield one question per neuron, which shows where its best label is wrong.

    It shows `n` firing and `n` silent texts of those on which the candidates are
    compared. Wrongly judged texts come first.
    """
    distinct = DistinctTexts(candidates.texts, questions.max_words)
    for column, label in enumerate(candidates.best()):
        if label is None or len(candidates.texts) == 0:
            continue
        annotations = candidates.annotations(label)
        fires = candidates.activations[:, column] > 0
        order = rng.permutation(np.flatnonzero(~np.isnan(annotations)))
        is_right = (annotations == fires)[order]
        order = order[np.argsort(is_right, kind="stable")]
        firing = distinct.first(order[fires[order]], n)
        silent = distinct.first(order[~fires[order]], n)
        if not is_right.all():
            yield questions.revise(
                label,
                [(candidates.texts[i], annotations[i]) for i in firing],
                [(candidates.texts[i], annotations[i]) for i in silent],
                column,
            )


def distinctions(questions, candidates, texts, activations, rows, n):
    """Yield questions for neurons whose labels agree: how do they differ?

    The model sees texts on which only the neuron fires, and texts on which only the
    others fire. When the neuron never fires alone, the model sees all of its texts.
    """
    labels = candidates.best()
    columns = np.array([j for j, label in enumerate(labels) if label is not None])
    agreement = candidates.agreement([labels[column] for column in columns])
    for column, agrees in zip(columns, agreement, strict=True):
        others = columns[agrees & (columns != column)]
        if len(others) == 0:
            continue
        this = activations[rows, column]
        theirs = activations[np.ix_(rows, others)].max(axis=1)
        distinct = DistinctTexts(texts, questions.max_words)
        alone = this * (theirs <= 0)
        if not alone.any():
            alone = this
        firing = distinct.first(rows[_by_strength(alone)], n)
        silent = distinct.first(rows[_by_strength(theirs * (this <= 0))], n)
        if len(firing) and len(silent):
            yield questions.tell_apart(texts[firing], texts[silent], column)


def _by_strength(activation):
    order = np.argsort(-activation, kind="stable")
    return order[activation[order] > 0]
