"""The methods of `NeuronSelector`: a dict of functions with one signature.

Each function takes `Candidates`. It returns the positions of the chosen columns, in the
order of choice, and one score per column.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from sklearn_hsae.selection._columns import StandardizedColumns
from sklearn_hsae.selection._forward import forward_selection
from sklearn_hsae.selection._lasso import lasso_selection
from sklearn_hsae.selection._scores import (
    correlation_score,
    prevalence_score,
    separation_score,
)


class Candidates(NamedTuple):
    """The neurons to choose from, and the settings of the choice.

    Attributes
    ----------
    activations : csc array of shape (n_samples, n_candidates)
    compared : csc array of shape (n_samples, n_candidates)
        What the methods score: the activations, or 1 where a neuron fires.
    target : dict
        `y`, `task`, `sample_weight` and `controls`; None for methods without a target.
    n_select : int
    max_correlation : float
    random_state : RandomState
    """

    activations: sparse.csc_array
    compared: sparse.csc_array
    target: dict | None
    n_select: int
    max_correlation: float
    random_state: np.random.RandomState


def _forward(candidates):
    selected, gains = forward_selection(
        candidates.compared, n_select=candidates.n_select, **candidates.target
    )
    scores = np.full(candidates.compared.shape[1], np.nan)
    scores[selected] = gains
    return selected, scores


def _lasso(candidates):
    return lasso_selection(
        candidates.compared, n_select=candidates.n_select, **candidates.target
    )


def _random(candidates):
    scores = candidates.random_state.uniform(size=candidates.compared.shape[1])
    return np.argsort(-scores, kind="stable")[: candidates.n_select], scores


def _correlation(candidates):
    return best_apart(
        correlation_score(candidates.compared, **candidates.target), candidates
    )


def _separation(candidates):
    return best_apart(
        separation_score(candidates.activations, **candidates.target), candidates
    )


def _prevalence(candidates):
    return best_apart(prevalence_score(candidates.activations), candidates)


METHODS = {
    "correlation": _correlation,
    "forward": _forward,
    "lasso": _lasso,
    "prevalence": _prevalence,
    "random": _random,
    "separation": _separation,
}
WITHOUT_TARGET = {"prevalence", "random"}


def best_apart(scores, candidates):
    """Choose the best scores, but skip near-copies of better neurons.

    Scores are ranked by absolute value, and NaN is never chosen. Skipped neurons are
    chosen last, when the others do not suffice.
    """
    columns = StandardizedColumns(candidates.compared)
    order = np.argsort(-np.abs(scores), kind="stable")  # NaN comes last
    selected, copies = [], []
    is_copy = np.zeros(len(scores), dtype=bool)
    for best in order[~np.isnan(scores[order])]:
        if len(selected) == candidates.n_select:
            break
        if is_copy[best]:
            copies.append(best)
            continue
        selected.append(best)
        correlation = columns.mean_product(columns.dot([best], np.ones(1)))
        # The correlation of equal columns is 1 plus or minus rounding.
        is_copy |= np.abs(correlation) > candidates.max_correlation + 1e-9
    chosen = (selected + copies)[: candidates.n_select]
    return np.array(chosen, dtype=np.intp), scores
