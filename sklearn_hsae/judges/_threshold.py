"""The threshold on a score whose annotations agree best with a neuron."""

import numpy as np

from sklearn_hsae._correlations import pearson


def agreement_of(annotations, activations):
    """Correlation of annotations, 0 or 1, with the square roots of the activations.

    It is 0 when all annotations or all activations are equal. :func:`best_threshold`
    maximises it.
    """
    return pearson(annotations, np.sqrt(np.maximum(activations, 0.0)))


def best_threshold(scores, activations, *, max_prevalence=0.5):
    """Find the threshold at which ``score >= threshold`` correlates best with a neuron.

    The annotations, 0 or 1, are correlated with the square roots of the activations.
    The roots are a compromise. With 0 or 1 in their place, a faint activation would
    count as much as a strong one; with the activations themselves, a few extreme texts
    would decide. A correlation, unlike F1, does not reward saying yes often.

    Parameters
    ----------
    scores : ndarray of shape (n_rows,)
    activations : ndarray of shape (n_rows,)
        Activations of the neuron; values at or below 0 count as 0.
    max_prevalence : float
        Largest share of rows with annotation 1. When the neuron fires on more rows,
        its share is the limit instead. Without a limit, a concept could fit nearly all
        texts and would separate nothing.

    Returns
    -------
    float
        Infinite when all activations or all scores are equal.
    """
    strength = np.sqrt(np.maximum(activations, 0.0))
    if np.ptp(strength) == 0:
        return np.inf
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    n_rows = len(scores)
    n_yes = np.arange(1, n_rows + 1)
    # The correlation, up to a factor that is the same for all thresholds.
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
