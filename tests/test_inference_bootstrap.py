"""Intervals of scores against resampled rows that are scored by scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from sklearn_hsae.inference import _bootstrap
from sklearn_hsae.inference._bootstrap import auc_interval, r2_interval


def resampled_scores(score, n_rows):
    rng = np.random.default_rng(_bootstrap._SEED)
    draws = [rng.integers(n_rows, size=n_rows) for _ in range(_bootstrap._N_RESAMPLES)]
    return np.quantile([score(rows) for rows in draws], [0.025, 0.975])


def test_r2_interval_is_that_of_resampled_rows():
    # The counts must give what rows taken one by one give, at any level of y.
    rng = np.random.default_rng(1)
    y = 1e4 + rng.normal(size=80)
    prediction = y + rng.normal(size=80)
    expected = resampled_scores(lambda rows: r2_score(y[rows], prediction[rows]), 80)
    np.testing.assert_allclose(r2_interval(y, prediction), expected)


def test_auc_interval_is_that_of_resampled_rows_ties_included():
    # Answers are 0 and 1, so that many rows share a score.
    rng = np.random.default_rng(2)
    y = rng.random(120) < 0.4
    score = rng.integers(4, size=120) + y
    expected = resampled_scores(lambda rows: roc_auc_score(y[rows], score[rows]), 120)
    found = auc_interval(y[:, None], score[:, None].astype(float))
    np.testing.assert_allclose(found, expected)


def test_auc_interval_of_several_classes_is_that_of_their_mean():
    rng = np.random.default_rng(3)
    is_class = np.eye(3, dtype=bool)[rng.integers(3, size=150)]
    scores = is_class + rng.normal(size=(150, 3))

    def mean_auc(rows):
        return roc_auc_score(is_class[rows], scores[rows], average="macro")

    np.testing.assert_allclose(
        auc_interval(is_class, scores), resampled_scores(mean_auc, 150)
    )


def test_interval_covers_the_truth():
    # 95 % intervals of R2 around its large-sample value of 1/2.
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(60):
        signal = rng.normal(size=400)
        low, high = r2_interval(signal + rng.normal(size=400), signal)
        covered += low < 0.5 < high
    assert covered >= 52


@pytest.mark.parametrize("y", [[0, 1], [0, 0, 0, 1]])
def test_few_rows_give_nan_or_an_interval_and_never_an_error(y):
    # A resample may hold a single outcome: it has no score.
    y = np.array(y, dtype=float)
    for low, high in (
        r2_interval(y, y[::-1]),
        auc_interval(y[:, None] > 0, y[:, None]),
    ):
        assert (np.isnan(low) and np.isnan(high)) or low <= high
