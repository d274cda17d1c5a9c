"""The cut on a score whose annotations agree best with the activations of a neuron."""

import numpy as np


def agreement_of(annotations, activations):
    """How well annotations, 0 or 1, say where and how strongly a neuron fires.

    Their correlation with the square roots of the activations, by which
    :func:`best_threshold` sets its cut; 0 where one of both is the same everywhere.
    """
    strength = np.sqrt(np.maximum(activations, 0.0))
    if np.ptp(strength) == 0 or annotations.min() == annotations.max():
        return 0.0
    return float(np.corrcoef(annotations, strength)[0, 1])


def best_threshold(scores, activations, *, max_prevalence=0.5):
    """Find the cut ``score >= threshold`` that correlates best with a neuron.

    The annotations, 0 or 1, are correlated with the square roots of the activations.
    The roots are a compromise. With 0 or 1 in their place, a faint activation would
    count as much as a strong one; with the activations themselves, a few extreme texts
    would decide. A correlation, unlike F1, does not reward saying yes often.

    Parameters
    ----------
    scores : ndarray of shape (n_rows,)
    activations : ndarray of shape (n_rows,)
        Of the neuron; those that are not positive count as silence.
    max_prevalence : float
        In which share of the rows the annotation is 1 at most, or as often as the
        neuron fires if that is more: a concept that fits most texts sets nothing
        apart, unless its neuron does.

    Returns
    -------
    float
        Infinite when no cut tells rows apart: all activations or all scores alike.
    """
    strength = np.sqrt(np.maximum(activations, 0.0))
    if np.ptp(strength) == 0:
        return np.inf
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    n_rows = len(scores)
    n_yes = np.arange(1, n_rows + 1)
    # Up to a factor that no cut changes, the correlation with the annotations.
    covariance = np.cumsum((strength - strength.mean())[order])
    spread = np.sqrt(n_yes * (n_rows - n_yes))
    correlation = np.divide(
        covariance, spread, out=np.full(n_rows, -np.inf), where=spread > 0
    )
    splits_equal_scores = np.append(ranked[1:] == ranked[:-1], True)
    too_wide = n_yes > max(max_prevalence * n_rows, np.sum(strength > 0), 1)
    correlation[splits_equal_scores | too_wide] = -np.inf
    best = np.argmax(correlation)
    return float(ranked[best]) if np.isfinite(correlation[best]) else np.inf
