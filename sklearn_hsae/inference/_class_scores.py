"""Log-odds of classes, and what follows from them: probabilities, the likeliest."""

import numpy as np
from scipy.special import expit


def log_odds(X, coef, intercept):
    """Log-odds of the class that sorts last of two, or of each class.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
    coef : ndarray of shape (1 or n_classes, n_columns)
    intercept : ndarray of shape (1 or n_classes,)

    Returns
    -------
    ndarray of shape (n_rows,) or (n_rows, n_classes)
    """
    scores = X @ coef.T + intercept
    return scores[:, 0] if len(coef) == 1 else scores


def shares(scores):
    """Probabilities from log-odds, of shape (n_rows, n_classes); they have the sum 1.

    Those of a swapped pair are the same to the last digit.
    """
    if scores.ndim == 1:
        return expit(np.column_stack([-scores, scores]))
    probability = expit(scores)
    return probability / np.maximum(probability.sum(axis=1, keepdims=True), 1e-300)


def most_likely(scores, classes):
    """The class of each row, from log-odds."""
    if scores.ndim == 1:
        return classes[(scores > 0).astype(int)]
    return classes[scores.argmax(axis=1)]


def accuracy(scores, y, classes, weights, *, pairs):
    """The share of rows whose class is the most likely one.

    A pair without any difference counts half: swapped, it would be predicted in the
    same way.
    """
    is_right = (most_likely(scores, classes) == y) * 1.0
    if pairs:
        is_right[scores == 0] = 0.5
    return float(np.average(is_right, weights=weights))
