"""The cut on a score that agrees best with a neuron being on."""

import numpy as np


def best_threshold(scores, is_on, *, max_prevalence=0.5):
    """Find the cut ``score >= threshold`` with the highest Matthews correlation.

    The Matthews correlation of the two yes/no columns is what a regression on the
    answers sees of the neuron, and, unlike F1, it does not reward saying yes often.

    Parameters
    ----------
    scores : ndarray of shape (n_rows,)
    is_on : bool ndarray of shape (n_rows,)
        Whether the neuron fires.
    max_prevalence : float
        In which share of the rows the answer is yes at most: a concept that fits
        half of all texts sets nothing apart.

    Returns
    -------
    threshold : float
        Infinite when the neuron fires everywhere or nowhere: no cut agrees with it.
    correlation : float
        The Matthews correlation at this cut.
    """
    if is_on.all() or not is_on.any():
        return np.inf, 0.0
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    n_rows, n_on = len(scores), int(is_on.sum())
    n_yes = np.arange(1, n_rows + 1)
    n_true_yes = np.cumsum(is_on[order])
    covariance = n_rows * n_true_yes - n_yes * float(n_on)
    scale = np.sqrt(n_yes * (n_rows - n_yes) * float(n_on) * (n_rows - n_on))
    correlation = np.divide(
        covariance, scale, out=np.full(n_rows, -1.0), where=scale > 0
    )
    splits_equal_scores = np.append(ranked[1:] == ranked[:-1], True)
    too_wide = n_yes > max(max_prevalence * n_rows, 1)
    correlation[splits_equal_scores | too_wide] = -1.0
    best = int(np.argmax(correlation))
    return float(ranked[best]), float(correlation[best])
