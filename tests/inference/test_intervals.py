"""Intervals of scores against resampled rows, counted pairs, and the truth."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import r2_score, roc_auc_score

from sklearn_hsae.inference import _intervals
from sklearn_hsae.inference._intervals import auc_interval, r2_interval


@pytest.mark.parametrize("weighted", [False, True])
def test_r2_interval_is_that_of_resampled_rows(weighted):
    # The counts must give what rows taken one by one give, at any level of y.
    rng = np.random.default_rng(1)
    y = 1e4 + rng.normal(size=80)
    prediction = y + rng.normal(size=80)
    weights = rng.random(80) + 0.1 if weighted else np.ones(80)
    rng = np.random.default_rng(_intervals._SEED)
    draws = [rng.integers(80, size=80) for _ in range(_intervals._N_RESAMPLES)]
    scores = [
        r2_score(y[rows], prediction[rows], sample_weight=weights[rows])
        for rows in draws
    ]
    low, high = r2_interval(y, prediction, alpha=0.2, weights=weights)
    np.testing.assert_allclose([low, high], np.quantile(scores, [0.1, 0.9]))


def delong(is_class, score):
    """Variance of the AUC, from the comparison of all pairs of rows."""
    positive, negative = score[is_class], score[~is_class]
    wins = np.sign(positive[:, None] - negative) / 2 + 0.5
    variance = wins.mean(axis=1).var(ddof=1) / len(positive)
    return wins.mean(), variance + wins.mean(axis=0).var(ddof=1) / len(negative)


def test_auc_interval_is_delongs_on_the_logit_scale():
    # Predictions from annotations have few values, so many rows share a score.
    rng = np.random.default_rng(2)
    is_class = rng.random(120) < 0.4
    score = rng.integers(4, size=120) + is_class.astype(float)
    area, variance = delong(is_class, score)
    assert area == pytest.approx(roc_auc_score(is_class, score))
    width = stats.norm.isf(0.05) * np.sqrt(variance) / (area * (1 - area))
    logit = np.log(area / (1 - area)) + np.array([-width, width])
    expected = 1 / (1 + np.exp(-logit))
    found = auc_interval(is_class[:, None], score[:, None], alpha=0.1)
    np.testing.assert_allclose(found, expected)


def test_weight_of_the_same_size_for_all_rows_changes_nothing():
    rng = np.random.default_rng(3)
    is_class, scores = rng.random((90, 3)) < 0.5, rng.normal(size=(90, 3))
    expected = auc_interval(is_class, scores)
    found = auc_interval(is_class, scores, weights=np.full(90, 7.0))
    np.testing.assert_allclose(found, expected)


def test_auc_interval_of_several_classes_allows_for_their_correlation():
    # The same column twice says no more than once.
    rng = np.random.default_rng(4)
    is_class = (rng.random(100) < 0.4)[:, None]
    score = is_class + rng.normal(size=(100, 1))
    twice = auc_interval(np.tile(is_class, 2), np.tile(score, 2))
    np.testing.assert_allclose(twice, auc_interval(is_class, score))


def test_intervals_cover_the_truth():
    # 95 % intervals: R2 of 1/2, and an AUC of .98, where percentiles cover 88 %.
    rng = np.random.default_rng(5)
    covers_r2, covers_auc = 0, 0
    shift = np.sqrt(2) * stats.norm.ppf(0.98)
    for _ in range(200):
        signal = rng.normal(size=400)
        low, high = r2_interval(signal + rng.normal(size=400), signal)
        covers_r2 += low < 0.5 < high
        is_class = np.arange(120)[:, None] < 40
        low, high = auc_interval(is_class, rng.normal(size=(120, 1)) + shift * is_class)
        covers_auc += low < 0.98 < high
    assert covers_r2 >= 180 and covers_auc >= 182


def test_perfect_order_gives_an_interval_that_reaches_1():
    # Ten rows of each class, all in order, say little about .95.
    is_class = np.arange(20)[:, None] < 10
    low, high = auc_interval(is_class, is_class * 1.0)
    assert high == 1.0 and low == pytest.approx(0.025**0.1)
    low, high = auc_interval(is_class, is_class * -1.0)
    assert low == 0.0 and high == pytest.approx(1 - 0.025**0.1)


@pytest.mark.parametrize("y", [[0, 1], [0, 0, 0, 1]])
def test_few_rows_give_nan_or_an_interval_and_never_an_error(y):
    # A resample may hold a single outcome: it has no score.
    y = np.array(y, dtype=float)
    for low, high in (
        r2_interval(y, y[::-1]),
        auc_interval(y[:, None] > 0, y[:, None]),
    ):
        assert (np.isnan(low) and np.isnan(high)) or low <= high


def test_sums_of_many_rows_have_the_distribution_of_resampled_ones(monkeypatch):
    rng = np.random.default_rng(5)
    y = 50 + rng.exponential(size=3000)
    prediction, clusters = y + rng.normal(size=3000), np.arange(3000) // 2
    options = {"baseline": np.full(3000, 51.0), "clusters": clusters}
    resampled = np.array(
        [r2_interval(y, prediction), r2_interval(y, prediction, **options)]
    )
    monkeypatch.setattr(_intervals, "_MANY_ROWS", 1000)
    drawn = np.array(
        [r2_interval(y, prediction), r2_interval(y, prediction, **options)]
    )
    width = np.diff(resampled, axis=1)
    assert (np.abs(drawn - resampled) < 0.1 * width).all()
