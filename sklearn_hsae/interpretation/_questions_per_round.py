"""What a language model is asked, round by round, until each neuron has its label."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_hsae.interpretation._candidates import same_label
from sklearn_hsae.interpretation._sampling import firing_rows


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
    """Yield the questions that ask for the first labels of each neuron."""
    n = examples.n
    for column, activation in enumerate(activations.T):
        for _ in range(examples.n_candidates):
            firing = firing_rows(activation, rows, n, examples.sampling, rng)
            if len(firing) == 0:
                continue  # a neuron that never fires has nothing to be named by
            silent = examples.silent_rows(column, firing, activations, rows, n, rng)
            yield questions.name(texts[firing], texts[silent], column)


def revisions(questions, candidates, n, rng):
    """For each neuron, a question that shows where its best label fails.

    The texts are those on which the candidates are compared, `n` of each kind,
    the misjudged ones first.
    """
    for column, label in enumerate(candidates.best()):
        if label is None or len(candidates.texts) == 0:
            continue
        answers = candidates.answers(label)
        fires = candidates.activations[:, column] > 0
        order = rng.permutation(np.flatnonzero(~np.isnan(answers)))
        is_right = (answers == fires)[order]
        order = order[np.argsort(is_right, kind="stable")]
        firing, silent = order[fires[order]][:n], order[~fires[order]][:n]
        if not is_right.all():
            yield questions.revise(
                label,
                [(candidates.texts[i], answers[i]) for i in firing],
                [(candidates.texts[i], answers[i]) for i in silent],
                column,
            )


def distinctions(questions, candidates, texts, activations, rows, n):
    """Questions for neurons of the same label: what sets each apart from the others?

    The model sees texts on which the neuron fires and the others do not, and the
    reverse.
    """
    labels = [label and same_label(label) for label in candidates.best()]
    for column, label in enumerate(labels):
        others = [j for j, o in enumerate(labels) if o == label and j != column]
        if label is None or not others:
            continue
        own = activations[rows, column]
        theirs = activations[np.ix_(rows, others)].max(axis=1)
        firing = _strongest(own * (theirs <= 0), n)
        silent = _strongest(theirs * (own <= 0), n)
        if len(firing) and len(silent):
            yield questions.tell_apart(texts[rows[firing]], texts[rows[silent]], column)


def _strongest(activation, n):
    order = np.argsort(-activation, kind="stable")[:n]
    return order[activation[order] > 0]
