"""Coordinates of texts on a map, and clusters of texts."""

import numpy as np
from sklearn.cluster import HDBSCAN, MiniBatchKMeans
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from sklearn_hsae._extras import import_extra

PROJECTIONS = ("PCA", "t-SNE", "UMAP")
_N_COMPONENTS = 50  # before neighbours are looked for
# More texts are placed between their nearest neighbours among those that were drawn.
_MAX_DRAWN = {"t-SNE": 5_000, "UMAP": 20_000}
_N_NEIGHBOURS = 5
_MAX_CLUSTERED = 10_000
_PERPLEXITY = 30.0  # scikit-learn's default


def project(vectors, method):
    """Place each text on a map of two dimensions.

    Parameters
    ----------
    vectors : float32 ndarray of shape (n_texts, n_dimensions)
    method : {"PCA", "t-SNE", "UMAP"}
        t-SNE draws at most 5,000 random texts and UMAP 20,000; each other text is
        placed at the weighted mean of its five nearest neighbours among them.

    Returns
    -------
    float32 ndarray of shape (n_texts, 2)

    Raises
    ------
    ImportError
        For UMAP without the package umap-learn.
    """
    if method == "UMAP":
        import_extra("umap", extra="explore", use="Maps by UMAP")
    if method == "PCA" or len(vectors) < 4:
        return principal_components(vectors, 2)
    reduced = principal_components(vectors, _N_COMPONENTS)
    drawn = _drawn(len(reduced), _MAX_DRAWN[method])
    embed = _tsne if method == "t-SNE" else _umap
    placed = embed(reduced[drawn])
    return _place_others(reduced, drawn, placed).astype(np.float32)


def principal_components(vectors, n_components):
    """The first principal components; columns of 0 where there are fewer."""
    n_components = min(n_components, vectors.shape[1]) if n_components > 2 else 2
    components = np.zeros((len(vectors), n_components), dtype=np.float32)
    n_possible = min(n_components, *vectors.shape)
    if n_possible and np.ptp(vectors, axis=0).any():
        found = PCA(n_possible, random_state=0).fit_transform(vectors)
        components[:, :n_possible] = found
    return components


def cluster(coordinates, vectors, method, n_clusters=8):
    """Find clusters of texts.

    Parameters
    ----------
    coordinates : ndarray of shape (n_texts, 2)
        The map, on which "HDBSCAN" looks for dense places.
    vectors : ndarray of shape (n_texts, n_dimensions)
        The embeddings, which "k-means" divides.
    method : {"HDBSCAN", "k-means"}
    n_clusters : int, default=8
        For "k-means".

    Returns
    -------
    int ndarray of shape (n_texts,)
        Number of the cluster of each text, the largest cluster is 0; -1 for none.
    """
    if method == "k-means":
        reduced = principal_components(vectors, _N_COMPONENTS)
        n_clusters = min(n_clusters, len(np.unique(reduced, axis=0)))
        means = MiniBatchKMeans(n_clusters, random_state=0, n_init=3, batch_size=4096)
        return _by_size(means.fit_predict(reduced))
    drawn = _drawn(len(coordinates), _MAX_CLUSTERED)
    least = max(5, len(drawn) // 100)
    if len(drawn) <= least:
        return np.full(len(coordinates), -1)
    dense = HDBSCAN(min_cluster_size=least, copy=True).fit_predict(coordinates[drawn])
    if len(drawn) == len(coordinates):
        return _by_size(dense)
    nearest = NearestNeighbors(n_neighbors=1).fit(coordinates[drawn])
    return _by_size(dense[nearest.kneighbors(coordinates)[1][:, 0]])


def nearest_neurons(directions, activations, j, n=5):
    """The neurons most similar to neuron `j`.

    Parameters
    ----------
    directions : ndarray of shape (n_neurons, n_dimensions) or None
        Decoder directions, which are compared by their cosine.
    activations : csc array of shape (n_texts, n_neurons)
        Compared instead of `directions` where these are None.
    j : int
    n : int, default=5

    Returns
    -------
    positions : int ndarray of at most n entries
        The most similar one first.
    cosines : ndarray of the same length
    """
    if directions is not None:
        products = directions @ directions[j]
        sizes = np.linalg.norm(directions, axis=1)
    else:
        products = activations.T @ activations[:, [j]].toarray()[:, 0]
        sizes = np.sqrt(activations.multiply(activations).sum(axis=0))
    scale = sizes * sizes[j]
    cosines = np.divide(products, scale, out=np.zeros(len(scale)), where=scale > 0)
    order = np.argsort(-cosines, kind="stable")
    order = order[(order != j) & (cosines[order] > 0)][:n]
    return order, cosines[order]


def _drawn(n_texts, most):
    if n_texts <= most:
        return np.arange(n_texts)
    return np.sort(np.random.default_rng(0).choice(n_texts, most, replace=False))


def _tsne(vectors):
    perplexity = min(_PERPLEXITY, (len(vectors) - 1) / 3)
    # All texts alike: PCA has no direction to start from.
    start = "pca" if np.ptp(vectors, axis=0).any() else "random"
    return TSNE(perplexity=perplexity, init=start, random_state=0).fit_transform(
        vectors
    )


def _umap(vectors):
    umap = import_extra("umap", extra="explore", use="Maps by UMAP")
    neighbours = min(15, len(vectors) - 1)
    # From random places: the spectral start fails for fewer texts than dimensions.
    start = "spectral" if len(vectors) > 50 else "random"
    found = umap.UMAP(n_neighbors=neighbours, init=start, random_state=0, n_jobs=1)
    return found.fit_transform(vectors)


def _place_others(vectors, drawn, placed):
    if len(drawn) == len(vectors):
        return placed
    coordinates = np.empty((len(vectors), 2), dtype=np.float32)
    coordinates[drawn] = placed
    others = np.setdiff1d(np.arange(len(vectors)), drawn)
    search = NearestNeighbors(n_neighbors=_N_NEIGHBOURS).fit(vectors[drawn])
    distances, neighbours = search.kneighbors(vectors[others])
    weights = 1 / np.maximum(distances, 1e-6)
    weights /= weights.sum(axis=1, keepdims=True)
    coordinates[others] = (weights[..., None] * placed[neighbours]).sum(axis=1)
    return coordinates


def _by_size(numbers):
    """Number the clusters by their sizes; -1 stays."""
    found, sizes = np.unique(numbers[numbers >= 0], return_counts=True)
    renumbered = np.full(len(numbers), -1)
    for new, old in enumerate(found[np.argsort(-sizes, kind="stable")]):
        renumbered[numbers == old] = new
    return renumbered
