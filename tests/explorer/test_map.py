"""Coordinates and clusters, against plain algebra and planted truth."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from sklearn_hsae.explorer import _map
from sklearn_hsae.explorer._map import cluster, nearest_neurons, project


@pytest.fixture(scope="module")
def blobs():
    X, labels = make_blobs([60, 50, 40], n_features=5, cluster_std=0.3, random_state=0)
    return X.astype(np.float32), labels


def test_pca_is_that_of_the_singular_values(blobs):
    X = blobs[0] - blobs[0].mean(axis=0)
    U, s, _ = np.linalg.svd(X, full_matrices=False)
    expected = (U * s)[:, :2]
    found = project(blobs[0], "PCA")
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found * signs, expected, atol=1e-3)


@pytest.mark.parametrize("method", ["PCA", "t-SNE"])
@pytest.mark.parametrize("n_texts", [1, 2, 3, 4, 7])
def test_fewer_texts_than_neighbours(method, n_texts):
    X = np.random.default_rng(0).normal(size=(n_texts, 6)).astype(np.float32)
    found = project(X, method)
    assert found.shape == (n_texts, 2) and np.isfinite(found).all()


@pytest.mark.parametrize("method", ["PCA", "t-SNE"])
def test_equal_texts_have_a_place(method):
    found = project(np.ones((9, 4), dtype=np.float32), method)
    assert found.shape == (9, 2) and np.isfinite(found).all()


def test_texts_beyond_the_drawn_ones_lie_among_their_neighbours(blobs, monkeypatch):
    # Each text that was not drawn has to lie within its own blob.
    monkeypatch.setitem(_map._MAX_DRAWN, "t-SNE", 60)
    found = project(blobs[0], "t-SNE")
    drawn = _map._drawn(150, 60)
    assert len(drawn) == 60
    centres = np.array(
        [found[drawn][blobs[1][drawn] == k].mean(axis=0) for k in range(3)]
    )
    nearest = ((found[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == blobs[1]).all()


def test_umap(blobs):
    pytest.importorskip("umap")
    found = project(blobs[0], "UMAP")
    assert adjusted_rand_score(cluster(found, blobs[0], "HDBSCAN"), blobs[1]) == 1


@pytest.mark.parametrize("method", ["HDBSCAN", "k-means"])
def test_planted_clusters_are_found_and_numbered_by_size(blobs, method, monkeypatch):
    monkeypatch.setattr(_map, "_MAX_CLUSTERED", 100)  # fewer than there are
    found = cluster(project(blobs[0], "PCA"), blobs[0], method, n_clusters=3)
    assert adjusted_rand_score(found, blobs[1]) > 0.98
    sizes = np.bincount(found[found >= 0])
    assert (np.diff(sizes) <= 0).all()


def test_a_single_cloud_and_few_texts_are_no_cluster():
    X = np.random.default_rng(0).uniform(size=(80, 2))
    assert (cluster(np.zeros((80, 2)), X, "k-means", 8) < 8).all()
    assert (cluster(X[:3], X[:3], "HDBSCAN") == -1).all()
    assert (cluster(np.zeros((1, 2)), np.zeros((1, 2)), "k-means") == 0).all()


def test_nearest_neurons_by_cosine():
    rng = np.random.default_rng(0)
    D = rng.normal(size=(6, 4))
    D[3] = 0  # a dead neuron is near to none
    positions, cosines = nearest_neurons(D, None, 1, n=3)
    plain = {
        i: D[i] @ D[1] / np.sqrt(D[i] @ D[i]) / np.sqrt(D[1] @ D[1])
        for i in (0, 2, 4, 5)
    }
    expected = sorted((i for i in plain if plain[i] > 0), key=lambda i: -plain[i])[:3]
    assert positions.tolist() == expected
    np.testing.assert_allclose(cosines, [plain[i] for i in expected])


def test_neurons_without_directions_are_near_where_they_fire_together():
    A = sparse.csc_array(np.array([[1.0, 1, 0], [2, 2, 0], [0, 0, 3]]))
    positions, cosines = nearest_neurons(None, A, 0)
    assert positions.tolist() == [1] and cosines[0] == pytest.approx(1)
