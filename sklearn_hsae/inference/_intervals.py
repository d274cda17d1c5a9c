"""Confidence intervals of held-out scores."""

import numpy as np
from scipy import special, stats

_N_RESAMPLES = 1000
_MANY_ROWS = 100_000  # sums of resampled rows are normal, and would take a minute
_SEED = 0  # the same interval from the same numbers


def r2_interval(
    y,
    prediction,
    *,
    alpha=0.05,
    weights=None,
    clusters=None,
    baseline=None,
    has_intercept=True,
):
    """Percentile interval of R2, or of a gain in R2, from resampled rows or clusters.

    A resample is a count per row, so no row is copied (Efron & Tibshirani 1993,
    chapter 13). Of more than 100,000 rows the sums are drawn from their normal
    distribution.

    Parameters
    ----------
    y, prediction : ndarray of shape (n_rows,)
    alpha : float, default=0.05
        The interval covers 1 - alpha.
    weights : ndarray of shape (n_rows,), default=None
    clusters : int ndarray of shape (n_rows,), default=None
        Numbers from 0 without a gap.
    baseline : ndarray of shape (n_rows,), default=None
        The prediction to which R2 gains; that of the null model for None.
    has_intercept : bool, default=True
        Whether the null model predicts the mean, or else 0, as for pairs.

    Returns
    -------
    low, high : float
        NaN when fewer than half of the resamples have a score.
    """
    weights = np.ones(len(y)) if weights is None else weights
    # Shifted before squares are summed, for digits.
    shifted = y - np.average(y, weights=weights) * has_intercept
    error = np.square(y - prediction)
    if baseline is not None:
        error -= np.square(y - baseline)
    moments = weights[:, None] * np.column_stack(
        [error, np.ones(len(y)), shifted, np.square(shifted)]
    )
    if clusters is not None:
        moments = _cluster_sums(moments, clusters)
    error, size, total, squares = _resampled_sums(moments).T
    with np.errstate(divide="ignore", invalid="ignore"):
        variation = squares - np.square(total) / size * has_intercept
    has_score = variation > 1e-12 * moments[:, 3].sum()
    if has_score.sum() < _N_RESAMPLES // 2:
        return np.nan, np.nan
    values = -error[has_score] / variation[has_score]
    values += 1.0 if baseline is None else 0.0
    low, high = np.quantile(values, [alpha / 2, 1 - alpha / 2])
    return float(low), float(high)


def _resampled_sums(moments):
    """Sums over resamples of the rows, of shape (n_resamples, n_columns)."""
    n_drawn, n_columns = moments.shape
    rng = np.random.default_rng(_SEED)
    if n_drawn > _MANY_ROWS:
        centred = moments - moments.mean(axis=0)
        # R'R are the sums of products, also where a column is constant.
        roots = np.linalg.qr(centred, mode="r")
        return moments.sum(axis=0) + rng.normal(size=(_N_RESAMPLES, n_columns)) @ roots
    sums = np.empty((_N_RESAMPLES, n_columns))
    for i in range(_N_RESAMPLES):
        drawn = rng.integers(n_drawn, size=n_drawn)
        sums[i] = np.bincount(drawn, minlength=n_drawn) @ moments
    return sums


def auc_interval(is_class, scores, *, alpha=0.05, weights=None, clusters=None):
    """Interval of the AUC, or of the mean of several, on the logit scale.

    The variance is that of DeLong et al. (1988). On the logit scale an interval near 1
    covers what it should, where resampled rows give one that is too short. With
    clusters, the influences of the rows of a cluster add up (Obuchowski 1997).

    Parameters
    ----------
    is_class : bool ndarray of shape (n_rows, n_classes)
        Each class has a row and lacks a row.
    scores : ndarray of shape (n_rows, n_classes)
    alpha : float, default=0.05
        The interval covers 1 - alpha.
    weights : ndarray of shape (n_rows,), default=None
    clusters : int ndarray of shape (n_rows,), default=None
        Numbers from 0 without a gap.

    Returns
    -------
    low, high : float
        NaN when some class has, or lacks, a single row.
    """
    n_pairs = _n_pairs(is_class)
    if n_pairs < 2:
        return np.nan, np.nan
    area, influence = _mean_auc_parts(is_class, scores, weights)
    variance, quantile = _variance(influence, clusters, alpha)
    if area in (0.0, 1.0):  # no variance: all independent pairs were ordered alike
        end = float((alpha / 2) ** (1 / n_pairs))
        return (end, 1.0) if area == 1 else (0.0, 1 - end)
    error = np.sqrt(variance) / (area * (1 - area))
    width = quantile * error
    low, high = special.expit(special.logit(area) + np.array([-width, width]))
    return float(low), float(high)


def auc_gain_interval(
    is_class, scores, baseline, *, alpha=0.05, weights=None, clusters=None
):
    """Interval of the difference of two AUCs on the same rows (DeLong et al. 1988).

    Parameters
    ----------
    is_class : bool ndarray of shape (n_rows, n_classes)
    scores, baseline : ndarray of shape (n_rows, n_classes)
    alpha, weights, clusters : default=0.05, None, None
        As for `auc_interval`.

    Returns
    -------
    low, high : float
        NaN when some class has, or lacks, a single row.
    """
    if _n_pairs(is_class) < 2:
        return np.nan, np.nan
    area, influence = _mean_auc_parts(is_class, scores, weights)
    other_area, other_influence = _mean_auc_parts(is_class, baseline, weights)
    variance, quantile = _variance(influence - other_influence, clusters, alpha)
    gain, width = area - other_area, quantile * np.sqrt(variance)
    return float(gain - width), float(gain + width)


def _n_pairs(is_class):
    """Independent pairs of a row with the class and one without, of the rarest."""
    n_with = is_class.sum(axis=0)
    return min(n_with.min(), (len(is_class) - n_with).min())


def _mean_auc_parts(is_class, scores, weights):
    weights = np.ones(len(scores)) if weights is None else weights
    pairs = zip(is_class.T, scores.T, strict=True)
    parts = [_auc_parts(*pair, weights) for pair in pairs]
    area = np.mean([part[0] for part in parts])
    return area, np.mean([part[1] for part in parts], axis=0)


def _variance(influence, clusters, alpha):
    """The variance of an estimate, and the quantile of its distribution."""
    if clusters is None:
        return np.square(influence).sum(), stats.norm.isf(alpha / 2)
    of_clusters = _cluster_sums(influence[:, None], clusters)
    n_clusters = len(of_clusters)
    variance = np.square(of_clusters).sum() * n_clusters / (n_clusters - 1)
    return variance, stats.t.isf(alpha / 2, n_clusters - 1)


def _cluster_sums(values, clusters):
    return np.column_stack([np.bincount(clusters, column) for column in values.T])


def _auc_parts(is_class, score, weights):
    """The area, and each row's influence on it; their squares sum to its variance."""
    positive, negative = weights * is_class, weights * ~is_class
    areas = np.empty(len(score))
    areas[is_class] = _share_below(score[is_class], score, negative)
    areas[~is_class] = 1 - _share_below(score[~is_class], score, positive)
    area = positive @ areas / positive.sum()
    influence = np.empty(len(score))
    for group in (is_class, ~is_class):
        n = group.sum()
        share = weights[group] / weights[group].sum()
        influence[group] = share * (areas[group] - area) * np.sqrt(n / (n - 1))
    return area, influence


def _share_below(at, score, weights):
    """Share of the weight at scores below each of `at`; equal ones count half."""
    order = np.argsort(score, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(weights[order])])
    ordered = score[order]
    below = total[np.searchsorted(ordered, at, side="left")]
    not_above = total[np.searchsorted(ordered, at, side="right")]
    return (below + not_above) / (2 * total[-1])
