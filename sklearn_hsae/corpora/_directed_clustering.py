"""Cluster texts by what the user asks for, and not by what differs most."""

import warnings
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_hsae._sklearn_compat import Interval, fit_context
from sklearn_hsae.corpora._concepts import (
    check_words,
    embed_concepts,
    read_concepts,
    similarity,
)
from sklearn_hsae.embedding import EMBEDDER_TYPES, make_embedder
from sklearn_hsae.selection import active_entries, as_columns

_N_STARTS = 10  # of k-means: one start is often poor
_FEATURES_PER_CLUSTER = 5  # in clusters_
_EXAMPLES_PER_CLUSTER = 3


class DirectedClustering(ClusterMixin, BaseEstimator):
    """Cluster texts in the features that fit a wish.

    Texts can be grouped by topic, by tone or by author. A clustering of embeddings
    groups them by what differs most, which is mostly the topic. Here you say what the
    groups are about, for example "tone of voice". The features whose concepts are
    nearest in meaning are chosen. k-means clusters the texts by these features only.

    Parameters
    ----------
    wish : str
        What the clusters are about.
    n_clusters : int, default=8
    n_features : int, default=50
        Number of features that are kept, among those that some text has. On posts of
        newsgroups, 50 of 256 were better than 20 and as good as 100. If there are not
        more, all are kept, with a warning: the wish then has no effect.
    embedder : str, EmbeddingTransformer or None, default=None
        Embeds the wish and the concepts. None is the default model of
        :class:`EmbeddingTransformer`.
    random_state : int, RandomState instance or None, default=None
        Decides the starts of k-means.

    Attributes
    ----------
    labels_ : ndarray of int of shape (n_texts,)
        Cluster of each text, from 0 for the largest cluster on; -1 for texts that
        have none of the features.
    features_ : DataFrame of `n_features` rows, or fewer
        The features that were kept, nearest first: `feature` (the concept), `column`
        (its position in `X`) and `similarity` (cosine with the wish). Look at it
        first: when it does not fit the wish, the clusters do not either.
    clusters_ : DataFrame of `n_clusters` rows
        What each cluster is: `cluster`, `n_texts`, `features` (up to five that are
        more frequent in the cluster than in the other texts, as a dict with the
        difference of both shares) and `examples` (positions of the texts nearest to
        the centre, as a list).
    cluster_centers_ : ndarray of shape (n_clusters, n_dimensions)
        Centres among the vectors of the texts, see Notes.
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Where `X` was a frame.

    Notes
    -----
    The vector of a text is the sum of the embedded concepts that it has, each times
    its activation, after the activations of the text were divided by their length. So
    texts with different features that mean nearly the same, of which a sparse
    autoencoder has many, are near to each other.

    Activations need a common unit, as those of an autoencoder have. Values up to 0
    count as 0. For another algorithm, cluster ``X.iloc[:, features_["column"]]``.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_hsae.corpora import DirectedClustering
    >>> X = pd.DataFrame(
    ...     {
    ...         "an angry tone": [2.0, 1.0, 0.0, 0.0, 3.0],
    ...         "a polite tone": [0.0, 0.0, 1.0, 2.0, 0.0],
    ...         "fish": [9.0, 0.0, 9.0, 0.0, 0.0],
    ...         "parking": [0.0, 7.0, 0.0, 7.0, 7.0],
    ...     }
    ... )
    >>> clustering = DirectedClustering("tone", 2, n_features=2, random_state=0).fit(X)
    >>> clustering.features_["feature"].tolist()
    ['an angry tone', 'a polite tone']
    >>> [sorted(rows) for rows in clustering.clusters_["examples"]]
    [[0, 1, 4], [2, 3]]
    """

    _parameter_constraints = {
        "wish": [str],
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "embedder": EMBEDDER_TYPES,
        "random_state": ["random_state"],
    }

    def __init__(
        self, wish, n_clusters=8, *, n_features=50, embedder=None, random_state=None
    ):
        self.wish = wish
        self.n_clusters = n_clusters
        self.n_features = n_features
        self.embedder = embedder
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, *, concepts=None):
        """Choose the features and cluster the texts.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_texts, n_features)
            Activations. Names of columns are the concepts.
        y : None
            Ignored.
        concepts : sequence of str of length n_features, default=None
            The words of each feature, where columns have no names.

        Returns
        -------
        self : DirectedClustering

        Raises
        ------
        ValueError
            When the wish is empty, the features have no words for names, or fewer
            texts than clusters have one of the features that fit.
        """
        columns = as_columns(self._checked(X, reset=True))
        check_words(self.wish, "wish")
        occurs = active_entries(columns).sum(axis=0) > 0
        self.features_ = self._choose(read_concepts(concepts, self), occurs)
        rows, is_silent = self._rows(columns)
        if (n_active := (~is_silent).sum()) < self.n_clusters:
            raise ValueError(
                f"{n_active} of {len(is_silent)} texts (n_samples={len(is_silent)}) "
                f"have one of the {len(self.features_)} features that fit "
                f"{self.wish!r}, too few for n_clusters={self.n_clusters}. Raise "
                "n_features, or lower n_clusters."
            )
        if len(self.features_) == occurs.sum():
            warnings.warn(
                f"All {occurs.sum()} features that the texts have are kept, so the "
                "wish has no effect. Lower n_features, or pass more features.",
                UserWarning,
                stacklevel=2,
            )
        kmeans = KMeans(
            self.n_clusters, n_init=_N_STARTS, random_state=self.random_state
        ).fit(rows[~is_silent] @ self._vectors)
        by_size = np.argsort(-np.bincount(kmeans.labels_), kind="stable")
        self.cluster_centers_ = kmeans.cluster_centers_[by_size]
        self.labels_ = self._nearest(rows, is_silent)
        self.clusters_ = self._describe(rows)
        return self

    def predict(self, X):
        """Cluster of each text.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_texts, n_features)
            Activations of the same features as in :meth:`fit`.

        Returns
        -------
        ndarray of int of shape (n_texts,)
            -1 for texts that have none of the features in `features_`.
        """
        check_is_fitted(self)
        checked = self._checked(X, reset=False, ensure_min_samples=0)
        if checked.shape[0] == 0:
            return np.empty(0, dtype=np.int32)
        return self._nearest(*self._rows(as_columns(checked)))

    def _checked(self, X, **options):
        return validate_data(self, X, accept_sparse="csc", dtype=np.float64, **options)

    def _choose(self, concepts, occurs):
        """The features nearest to the wish, among those that a text has."""
        embedder = make_embedder(self.embedder)
        vectors = embed_concepts(concepts, embedder, self)
        cosines = similarity(self.wish, vectors, embedder)
        nearest = np.argsort(-cosines, kind="stable")
        nearest = nearest[occurs[nearest]][: self.n_features]
        self._vectors = vectors[nearest]
        return pd.DataFrame(
            {
                "feature": concepts[nearest],
                "column": nearest,
                "similarity": cosines[nearest],
            }
        )

    def _rows(self, columns):
        """Rows of length 1 in the features that were kept, and which have none."""
        kept = columns[:, self.features_["column"].to_numpy()].maximum(0)
        rows = as_columns(kept).tocsr()
        return normalize(rows.astype(np.float32)), np.diff(rows.indptr) == 0

    def _nearest(self, rows, is_silent):
        labels = self._distances(rows).argmin(axis=1)
        return np.where(is_silent, -1, labels).astype(np.int32)

    def _distances(self, rows):
        """Squared distance to each centre, without the squared length of the row."""
        centers = self.cluster_centers_
        return np.square(centers).sum(axis=1) - 2 * (rows @ (self._vectors @ centers.T))

    def _describe(self, rows):
        active, distances = rows > 0, self._distances(rows)
        names, total = self.features_["feature"].to_numpy(), active.sum(axis=0)
        described = []
        for cluster in range(len(self.cluster_centers_)):
            members = np.flatnonzero(self.labels_ == cluster)
            count, n_others = (
                active[members].sum(axis=0),
                len(self.labels_) - len(members),
            )
            lead = count / max(len(members), 1) - (total - count) / max(n_others, 1)
            first = np.argsort(-lead, kind="stable")[:_FEATURES_PER_CLUSTER]
            order = np.argsort(distances[members, cluster], kind="stable")
            described.append(
                {
                    "cluster": cluster,
                    "n_texts": len(members),
                    "features": {
                        names[j]: float(lead[j]) for j in first if lead[j] > 0
                    },
                    "examples": members[order[:_EXAMPLES_PER_CLUSTER]].tolist(),
                }
            )
        return pd.DataFrame(described)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
