"""What a language model is asked, round by round, until each neuron has its label."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_hsae.interpretation._distinct_texts import DistinctTexts
from sklearn_hsae.interpretation._sampling import firing_rows, random_silent_rows

_SPARE = 5  # silent rows drawn for each one shown: some repeat others


@dataclass(frozen=True)
class Examples:
    """Which texts a first question shows.

    n_candidates : int, questions for each neuron
    n : int, texts of each kind
    sampling : see `firing_rows`
    silent_rows : callable, one of those in `_sampling`
    """

    n_candidates: int
    n: int
    sampling: Any
    silent_rows: Callable


def first_questions(questions, texts, activations, rows, examples, rng):
    """Yield the questions that ask for the first labels of each neuron.

    No example nearly repeats another of its kind: ten copies of one text would be
    named after that text.
    """
    n = examples.n
    for column, activation in enumerate(activations.T):
        distinct = DistinctTexts(texts, questions.max_words)
        for _ in range(examples.n_candidates):
            firing = firing_rows(
                activation, rows, n, examples.sampling, rng, distinct.first
            )
            if len(firing) == 0:
                continue  # a neuron that never fires has nothing to be named by
            known = (column, firing, activations, rows)
            silent = examples.silent_rows(*known, _SPARE * n, rng)
            silent = distinct.first(silent, n)
            if len(silent) < n:  # nearly all of them repeat each other
                others = random_silent_rows(*known, len(rows), rng)
                others = distinct.first(others, n - len(silent), silent)
                silent = np.concatenate([silent, others])
            yield questions.name(texts[firing], texts[silent], column)


def revisions(questions, candidates, n, rng):
    """For each neuron, a question that shows where its best label fails.

    The texts are those on which the candidates are compared, `n` of each kind,
    the misjudged ones first.
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
    """Questions for neurons whose labels agree: what sets each apart from the others?

    The model sees texts on which the neuron fires and the others do not, and the
    reverse. Where the others fire on all texts of the neuron, it sees those.
    """
    labels = candidates.best()
    columns = np.array([j for j, label in enumerate(labels) if label is not None])
    agreement = candidates.agreement([labels[column] for column in columns])
    for column, agrees in zip(columns, agreement, strict=True):
        others = columns[agrees & (columns != column)]
        if len(others) == 0:
            continue
        own = activations[rows, column]
        theirs = activations[np.ix_(rows, others)].max(axis=1)
        distinct = DistinctTexts(texts, questions.max_words)
        alone = own * (theirs <= 0)
        if not alone.any():  # the others fire wherever it does, and elsewhere
            alone = own
        firing = distinct.first(rows[_by_strength(alone)], n)
        silent = distinct.first(rows[_by_strength(theirs * (own <= 0))], n)
        if len(firing) and len(silent):
            yield questions.tell_apart(texts[firing], texts[silent], column)


def _by_strength(activation):
    order = np.argsort(-activation, kind="stable")
    return order[activation[order] > 0]
