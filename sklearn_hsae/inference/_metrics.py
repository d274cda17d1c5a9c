"""How well held-out rows are predicted, with bootstrap intervals."""

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, r2_score, roc_auc_score

_N_BOOTSTRAPS = 1000
_SEED = 0  # of the bootstrap: the same interval from the same numbers


def regression_metrics(y, prediction, prediction_in_sample):
    """`r2` with its interval, and the peer's figure `r2_in_sample`."""
    low, high = _interval(_r2_of_resamples(y, prediction))
    return {
        "r2": float(r2_score(y, prediction)),
        "r2_low": low,
        "r2_high": high,
        "r2_in_sample": float(r2_score(y, prediction_in_sample)),
    }


def classification_metrics(y, classes, shares, shares_in_sample):
    """`auc` with its interval, accuracy, and the peer's in-sample figures."""
    metrics = {
        "auc": _auc(y, classes, shares),
        "accuracy": float(np.mean(classes[shares.argmax(axis=1)] == y)),
        "auc_in_sample": _auc(y, classes, shares_in_sample),
    }
    if len(classes) == 2:
        is_last = y == classes[1]
        aucs = _auc_of_resamples(is_last, shares[:, 1])
        metrics["auc_low"], metrics["auc_high"] = _interval(aucs)
        metrics["average_precision"] = float(
            average_precision_score(is_last, shares[:, 1])
        )
        metrics["mcfadden_in_sample"] = _mcfadden(is_last, shares_in_sample[:, 1])
    return metrics


def _auc(y, classes, shares):
    """AUC; with more classes the mean over those present, each against the rest."""
    if len(classes) == 2:
        return float(roc_auc_score(y == classes[1], shares[:, 1]))
    values = [
        roc_auc_score(y == label, shares[:, j])
        for j, label in enumerate(classes)
        if (y == label).any() and (y != label).any()
    ]
    return float(np.mean(values))


def _mcfadden(is_last, share):
    share = np.clip(share.astype(np.float64), 1e-12, 1 - 1e-12)
    fitted = np.where(is_last, np.log(share), np.log1p(-share)).sum()
    base = is_last.mean()
    null = len(is_last) * (base * np.log(base) + (1 - base) * np.log1p(-base))
    return float(1 - fitted / null)


def _resamples(n_rows):
    rng = np.random.default_rng(_SEED)
    for _ in range(_N_BOOTSTRAPS):
        yield rng.integers(n_rows, size=n_rows)


def _r2_of_resamples(y, prediction):
    squares = np.square(y - prediction)
    for rows in _resamples(len(y)):
        drawn = y[rows]
        total = np.square(drawn - drawn.mean()).sum()
        if total > 0:
            yield 1 - squares[rows].sum() / total


def _auc_of_resamples(is_last, share):
    """Mann-Whitney's U of each resample, by ranks."""
    for rows in _resamples(len(share)):
        drawn = is_last[rows]
        n_last, n_first = drawn.sum(), (~drawn).sum()
        if n_last and n_first:
            ranks = rankdata(share[rows])[drawn].sum()
            yield (ranks - n_last * (n_last + 1) / 2) / (n_last * n_first)


def _interval(values):
    values = np.fromiter(values, dtype=np.float64)
    if len(values) == 0:
        return np.nan, np.nan
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
