"""Percentile intervals of held-out scores, from resampled rows.

A resample is a count for each row. The scores are computed from the counts, so that
no row is copied and rows are sorted once (Efron & Tibshirani 1993, chapter 13).
"""

import numpy as np

_N_RESAMPLES = 1000
_SEED = 0  # the same interval from the same numbers
_ENDS = (0.025, 0.975)


def r2_interval(y, prediction):
    """Ends of the 95 % interval of R2; NaN when hardly a resample has a score."""
    shifted = y - y.mean()  # before squares are summed, for the digits
    moments = np.column_stack([np.square(y - prediction), shifted, np.square(shifted)])
    error, total, squares = np.array(
        [counts @ moments for counts in _resamples(len(y))]
    ).T
    variation = squares - np.square(total) / len(y)
    possible = variation > 1e-12 * np.square(shifted).sum()
    return _ends(1 - error[possible] / variation[possible])


def auc_interval(is_class, scores):
    """Ends of the 95 % interval of the AUC, or of the mean of several.

    Parameters
    ----------
    is_class : bool ndarray of shape (n_rows, n_classes)
    scores : ndarray of shape (n_rows, n_classes)
    """
    curves = [_SortedScores(*pair) for pair in zip(is_class.T, scores.T, strict=True)]
    values = np.array(
        [
            [curve.auc(counts) for curve in curves]
            for counts in _resamples(len(is_class))
        ]
    )
    return _ends(values[np.isfinite(values).all(axis=1)].mean(axis=1))


class _SortedScores:
    """Rows in the order of their score, and where each run of equal scores begins."""

    def __init__(self, is_class, score):
        self.order = np.argsort(score, kind="stable")
        self.is_class = is_class[self.order]
        distinct = np.diff(score[self.order], prepend=np.nan) != 0
        self.starts = np.flatnonzero(distinct)

    def auc(self, counts):
        """Mann-Whitney's: how often a row of the class is above another, ties half."""
        counts = counts[self.order]
        positive = np.add.reduceat(counts * self.is_class, self.starts)
        negative = np.add.reduceat(counts * ~self.is_class, self.starts)
        n_pairs = positive.sum() * negative.sum()
        below = np.cumsum(negative) - negative / 2
        return positive @ below / n_pairs if n_pairs else np.nan


def _resamples(n_rows):
    """How often each row is drawn, resample by resample."""
    rng = np.random.default_rng(_SEED)
    for _ in range(_N_RESAMPLES):
        drawn = rng.integers(n_rows, size=n_rows)
        yield np.bincount(drawn, minlength=n_rows)


def _ends(values):
    if len(values) < _N_RESAMPLES // 2:
        return np.nan, np.nan
    low, high = np.quantile(values, _ENDS)
    return float(low), float(high)
