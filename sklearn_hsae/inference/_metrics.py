"""How well held-out rows are predicted."""

import numpy as np
from sklearn.metrics import average_precision_score, r2_score, roc_auc_score

from sklearn_hsae.inference._bootstrap import auc_interval, r2_interval

# The headline of each task, and what guessing reaches.
HEADLINE = {"regression": ("r2", 0.0), "classification": ("auc", 0.5)}


def headline(y, prediction, classes=None):
    """The score of a prediction with the ends of its 95 % interval.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
    prediction : ndarray
        Numbers of shape (n_rows,), or with `classes` scores of shape
        (n_rows, n_classes).
    classes : ndarray of shape (n_classes,), or None for numbers

    Returns
    -------
    dict
        `r2`, `r2_low`, `r2_high`, or `auc`, `auc_low`, `auc_high`. With more than two
        classes, the mean AUC of each class in y against the rest.
    """
    if classes is None:
        name, score = "r2", float(r2_score(y, prediction))
        ends = r2_interval(y, prediction)
    else:
        name, score = "auc", auc(y, prediction, classes)
        ends = auc_interval(*_against_the_rest(y, prediction, classes))
    return {name: score, f"{name}_low": ends[0], f"{name}_high": ends[1]}


def auc(y, scores, classes):
    """Area under the ROC curve; the mean over classes when there are more than two."""
    return _mean_over_classes(roc_auc_score, y, scores, classes)


def average_precision(y, scores, classes):
    """Average precision; the mean over classes when there are more than two."""
    return _mean_over_classes(average_precision_score, y, scores, classes)


def mcfadden(y, shares, classes):
    """McFadden's R2: the share of the null model's deviance that is explained."""
    position = np.searchsorted(classes, y)
    fitted = np.clip(shares[np.arange(len(y)), position], 1e-300, None)
    counts = np.bincount(position)
    counts = counts[counts > 0]
    null = (counts * np.log(counts / len(y))).sum()
    return float(1 - np.log(fitted).sum() / null)


def _against_the_rest(y, scores, classes):
    """One column a class that y has; for two classes only the last."""
    is_class = y[:, None] == classes
    if len(classes) == 2:
        return is_class[:, 1:], scores[:, 1:]
    present = is_class.any(axis=0) & ~is_class.all(axis=0)
    return is_class[:, present], scores[:, present]


def _mean_over_classes(score, y, scores, classes):
    is_class, scores = _against_the_rest(y, scores, classes)
    pairs = zip(is_class.T, scores.T, strict=True)
    return float(np.mean([score(*pair) for pair in pairs]))
