"""How well held-out rows are predicted."""

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from sklearn_hsae.inference._intervals import (
    auc_gain_interval,
    auc_interval,
    r2_interval,
)

# The headline of each task, and what guessing reaches.
HEADLINE = {"regression": ("r2", 0.0), "classification": ("auc", 0.5)}


def headline(
    y,
    prediction,
    classes=None,
    *,
    alpha=0.05,
    weights=None,
    clusters=None,
    has_intercept=True,
):
    """The score of a prediction with the ends of its interval.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
    prediction : ndarray
        Numbers of shape (n_rows,), or with `classes` scores of shape
        (n_rows, n_classes).
    classes : ndarray of shape (n_classes,), default=None
        None for numbers.
    alpha : float, default=0.05
        The interval covers 1 - alpha.
    weights : ndarray of shape (n_rows,), default=None
    clusters : int ndarray of shape (n_rows,), default=None
        The number of each row's cluster, where rows are not independent.
    has_intercept : bool, default=True
        As for `r2` and `auc`.

    Returns
    -------
    dict
        `r2`, `r2_low`, `r2_high`, or `auc`, `auc_low`, `auc_high`. With more than two
        classes, the mean AUC of each class in y against the rest.
    """
    options = {"alpha": alpha, "weights": weights, "clusters": clusters}
    if classes is None:
        options["has_intercept"] = has_intercept
        name, score = "r2", r2(y, prediction, weights, has_intercept)
        ends = r2_interval(y, prediction, **options)
    else:
        name, score = "auc", auc(y, prediction, classes, weights, has_intercept)
        if not has_intercept:
            y, prediction, options = _in_both_orders(y, prediction, classes, options)
        ends = auc_interval(*_against_the_rest(y, prediction, classes), **options)
    return {name: score, f"{name}_low": ends[0], f"{name}_high": ends[1]}


def gain(y, prediction, baseline, classes=None, *, p, has_intercept=True, **options):
    """What a prediction adds to that of the controls alone.

    Parameters
    ----------
    y, prediction, classes
        As for `headline`.
    baseline : ndarray
        The prediction by the controls, shaped like `prediction`.
    p : float
        Of the test that nothing is added.
    has_intercept : bool, default=True
        As for `r2` and `auc`.
    **options
        `alpha`, `weights` and `clusters` of `headline`.

    Returns
    -------
    dict
        `r2_controls`, `delta_r2`, `delta_r2_low`, `delta_r2_high`, `delta_r2_p`; or the
        same of the AUC.
    """
    weights = options.get("weights")
    if classes is None:
        name = "r2"
        scores = [r2(y, v, weights, has_intercept) for v in (prediction, baseline)]
        options["has_intercept"] = has_intercept
        ends = r2_interval(y, prediction, baseline=baseline, **options)
    else:
        name = "auc"
        shown = (prediction, baseline)
        scores = [auc(y, v, classes, weights, has_intercept) for v in shown]
        if not has_intercept:
            _, baseline, _ = _in_both_orders(y, baseline, classes, {})
            y, prediction, options = _in_both_orders(y, prediction, classes, options)
        is_class, shown = _against_the_rest(y, prediction, classes)
        _, beside = _against_the_rest(y, baseline, classes)
        ends = auc_gain_interval(is_class, shown, beside, **options)
    return {
        f"{name}_controls": float(scores[1]),
        f"delta_{name}": float(scores[0] - scores[1]),
        f"delta_{name}_low": ends[0],
        f"delta_{name}_high": ends[1],
        f"delta_{name}_p": p,
    }


def auc(y, scores, classes, weights=None, has_intercept=True):
    """Area under the ROC curve; the mean over classes when there are more than two.

    For pairs, `has_intercept` is False: then each pair counts in both orders, so that
    it does not matter which text is written first.
    """
    parts = y, scores, classes, weights, has_intercept
    return _mean_over_classes(roc_auc_score, *parts)


def average_precision(y, scores, classes, weights=None, has_intercept=True):
    """Average precision; the mean over classes when there are more than two.

    `has_intercept` is that of `auc`.
    """
    parts = y, scores, classes, weights, has_intercept
    return _mean_over_classes(average_precision_score, *parts)


def r2(y, prediction, weights=None, has_intercept=True):
    """The share of the null model's squared error that is explained.

    Parameters
    ----------
    y, prediction : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,), default=None
    has_intercept : bool, default=True
        Whether the null model predicts the mean. False for differences of pairs: it
        predicts 0, since their mean depends on which text is written first.

    Returns
    -------
    float
    """
    weights = np.ones(len(y)) if weights is None else weights
    null = y - np.average(y, weights=weights) if has_intercept else y
    return float(1 - weights @ np.square(y - prediction) / (weights @ np.square(null)))


def mcfadden(y, shares, classes, weights=None, has_intercept=True):
    """McFadden's R2: the share of the null model's deviance that is explained.

    For pairs, `has_intercept` is False: then the null model is a toss of a coin.
    """
    weights = np.ones(len(y)) if weights is None else weights
    position = np.searchsorted(classes, y)
    fitted = np.clip(shares[np.arange(len(y)), position], 1e-300, None)
    totals = np.bincount(position, weights)
    totals = totals[totals > 0]
    expected = totals / totals.sum() if has_intercept else 0.5
    null = (totals * np.log(expected)).sum()
    return float(1 - weights @ np.log(fitted) / null)


def _against_the_rest(y, scores, classes):
    """One column per class that y has; for two classes only the last."""
    is_class = y[:, None] == classes
    if len(classes) == 2:
        return is_class[:, 1:], scores[:, 1:]
    present = is_class.any(axis=0) & ~is_class.all(axis=0)
    return is_class[:, present], scores[:, present]


def _in_both_orders(y, scores, classes, options):
    """Outcomes, scores and options of all pairs, then of all swapped ones.

    A pair and its mirror image are one cluster.
    """
    other = np.where(y == classes[0], classes[1], classes[0])
    weights, clusters = options.get("weights"), options.get("clusters")
    clusters = np.arange(len(y)) if clusters is None else clusters
    doubled = {
        **options,
        "weights": None if weights is None else np.tile(weights, 2),
        "clusters": np.tile(clusters, 2),
    }
    return np.concatenate([y, other]), np.vstack([scores, scores[:, ::-1]]), doubled


def _mean_over_classes(score, y, scores, classes, weights, has_intercept):
    if not has_intercept:
        options = {"weights": weights}
        y, scores, options = _in_both_orders(y, scores, classes, options)
        weights = options["weights"]
    is_class, scores = _against_the_rest(y, scores, classes)
    pairs = zip(is_class.T, scores.T, strict=True)
    return float(np.mean([score(*pair, sample_weight=weights) for pair in pairs]))
