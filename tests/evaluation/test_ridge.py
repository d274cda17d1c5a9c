"""The ridge regression behind the ceilings, against its formulas written out."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import RidgeCV

from sklearn_hsae.evaluation import _ridge
from sklearn_hsae.evaluation._ridge import ridge_prediction


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(150, 30)) * (rng.random((150, 30)) < 0.3) + 0.5
    targets = A[:, :2] @ [[1.0, 0.0], [-1.0, 0.3]] + rng.normal(size=(150, 2)) + 5
    return A[:100], targets[:100], A[100:]


def by_hand(A, target, B):
    """Each penalty's GCV error from its n x n smoother; the best one's prediction."""
    centered, shifted = A - A.mean(axis=0), target - target.mean()
    unit = np.trace(centered.T @ centered) / A.shape[1]
    best = (np.inf, None)
    for penalty in _ridge._PENALTIES * unit:
        inner = np.linalg.inv(centered.T @ centered + penalty * np.eye(A.shape[1]))
        smoother = centered @ inner @ centered.T
        residual = shifted - smoother @ shifted
        error = residual @ residual / (len(A) - 1 - np.trace(smoother)) ** 2
        if error < best[0]:
            prediction = (B - A.mean(axis=0)) @ inner @ centered.T @ shifted
            best = (error, prediction + target.mean())
    return best[1]


def test_each_target_has_the_penalty_of_least_gcv_error(rows):
    A, targets, B = rows
    found = ridge_prediction(A, targets, B)
    for j, target in enumerate(targets.T):
        np.testing.assert_allclose(found[:, j], by_hand(A, target, B), rtol=1e-6)


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
def test_sparse_equals_dense(rows, container):
    A, targets, B = rows
    A, B = np.maximum(A - 0.5, 0), np.maximum(B - 0.5, 0)
    np.testing.assert_allclose(
        ridge_prediction(container(A), targets, container(B)),
        ridge_prediction(A, targets, B),
        rtol=1e-8,
    )


def test_chunks_of_rows_add_up(rows, monkeypatch):
    whole = ridge_prediction(*rows)
    monkeypatch.setattr(_ridge, "_ROWS_PER_CHUNK", 7)
    np.testing.assert_allclose(ridge_prediction(*rows), whole)


def test_wide_sparse_columns_take_another_way_to_a_like_answer(rows, monkeypatch):
    # Thousands of neurons: an eigendecomposition would take minutes.
    A, targets, B = (sparse.csr_matrix(rows[0]), rows[1], sparse.csr_matrix(rows[2]))
    expected = ridge_prediction(A, targets, B)
    monkeypatch.setattr(_ridge, "_MOST_COLUMNS", 10)
    found = ridge_prediction(A, targets, B)
    assert np.corrcoef(found[:, 0], expected[:, 0])[0, 1] > 0.99


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_unit_of_the_features_does_not_matter(rows, scale):
    A, targets, B = rows
    np.testing.assert_allclose(
        ridge_prediction(A * scale, targets, B * scale),
        ridge_prediction(A, targets, B),
        rtol=1e-6,
    )


def test_float32_embeddings_with_a_large_mean(rows):
    A, targets, B = (np.float32(rows[0] + 100), rows[1], np.float32(rows[2] + 100))
    expected = ridge_prediction(rows[0], targets, rows[2])
    np.testing.assert_allclose(ridge_prediction(A, targets, B), expected, rtol=1e-2)


def test_more_columns_than_rows_predicts_as_well_as_scikit_learn():
    # Where the fit can interpolate, GCV must not choose to.
    rng = np.random.default_rng(1)
    A = rng.normal(size=(180, 120))
    y = A[:, :5].sum(axis=1) + rng.normal(size=180)
    train, new = slice(60), slice(60, 180)
    found = ridge_prediction(A[train], y[train, None], A[new])[:, 0]
    other = RidgeCV(np.logspace(-3, 4, 15)).fit(A[train], y[train]).predict(A[new])
    assert np.mean((found - y[new]) ** 2) < 1.1 * np.mean((other - y[new]) ** 2)


def test_constant_features_predict_the_mean(rows):
    _, targets, B = rows
    found = ridge_prediction(np.ones((100, 3)), targets, np.ones((len(B), 3)))
    np.testing.assert_allclose(found, np.tile(targets.mean(axis=0), (len(B), 1)))
