"""Find texts by their features, and say which features found them."""

from collections.abc import Mapping
from difflib import get_close_matches
from numbers import Integral, Real

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_hsae._sklearn_compat import Interval, fit_context
from sklearn_hsae._texts import carries_texts, get_texts
from sklearn_hsae.corpora._concepts import (
    check_words,
    embed_concepts,
    read_concepts,
    similarity,
)
from sklearn_hsae.embedding import EMBEDDER_TYPES, make_embedder
from sklearn_hsae.selection import as_columns


class FeatureRetriever(BaseEstimator):
    """Rank texts by features that fit a query.

    A query is either words or features with weights. The meaning of words is compared
    with the concepts of the features. The result says what each feature added to a
    score. So you can see which feature caused a wrong result, and correct it by a query
    with weights.

    Parameters
    ----------
    n_features : int, default=10
        Number of features that stand for a query in words.
    embedder : str, EmbeddingTransformer or None, default=None
        Embeds concepts and queries. None is the default model of
        :class:`EmbeddingTransformer`. Only queries in words use it.

    Attributes
    ----------
    activations_ : csc array of shape (n_texts, n_features_in_)
        Activations, each feature divided by its largest one.
    concepts_ : ndarray of str of shape (n_features_in_,)
        The words of each feature.
    texts_ : ndarray of str of shape (n_texts,), or None
        The texts, where `X` carried them.
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Where `X` was a frame.

    Notes
    -----
    The score of a text is the sum over features of weight times activation, each
    activation divided by the largest of its feature. For words, the `n_features`
    features of largest cosine count. The weight is how far this cosine is above that
    of the next feature, times ``log(1 + n_texts / count)``. Without this factor, which
    the ranking of documents by words has too, features of most texts would decide.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_hsae import with_texts
    >>> from sklearn_hsae.corpora import FeatureRetriever
    >>> X = pd.DataFrame({"slow service": [2.0, 0.0, 1.0], "fish": [1.0, 4.0, 0.0]})
    >>> X = with_texts(X, ["Waited for fish", "Great fish", "No waiter came"])
    >>> retriever = FeatureRetriever().fit(X)
    >>> found = retriever.query({"slow service": 1, "fish": -0.5}, n_texts=1)
    >>> found.loc[0, "text"], found.loc[0, "features"]
    ('Waited for fish', {'slow service': 1.0, 'fish': -0.125})
    """

    _parameter_constraints = {
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "embedder": EMBEDDER_TYPES,
    }

    def __init__(self, n_features=10, *, embedder=None):
        self.n_features = n_features
        self.embedder = embedder

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, *, concepts=None):
        """Keep the activations of the texts that are searched.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_texts, n_features)
            Activations. Values up to 0 count as 0. Names of columns are the
            concepts, and texts in the row index are returned by :meth:`query`.
        y : None
            Ignored.
        concepts : sequence of str of length n_features, default=None
            The words of each feature, where columns have no names.

        Returns
        -------
        self : FeatureRetriever
        """
        checked = validate_data(self, X, accept_sparse="csc", dtype=np.float64)
        columns = as_columns(checked).maximum(0)
        largest = columns.max(axis=0).toarray()
        scale = sparse.diags_array(1 / np.where(largest > 0, largest, 1.0))
        self.activations_ = sparse.csc_array(columns @ scale)
        self.concepts_ = read_concepts(concepts, self)
        self.texts_ = (
            get_texts(X, None, self, allow_empty=True) if carries_texts(X) else None
        )
        self._embedded = None
        return self

    def query(self, query, n_texts=10):
        """Find the texts that fit best.

        Parameters
        ----------
        query : str or dict of str to float
            Words, or features (by their concepts) and their weights. A weight below 0
            ranks texts with this feature lower; one at least must be above 0.
        n_texts : int, default=10
            Largest number of texts.

        Returns
        -------
        DataFrame
            One row per text that has a feature of positive weight, best first:

            - `row`: its position in `X`;
            - `text`, where `X` carried texts;
            - `score`;
            - `features`: what each feature added to the score, as a dict, largest
              first.

        Raises
        ------
        ValueError
            When the query is empty or names a feature that does not exist, or when
            there are no words to compare it with.
        """
        if not isinstance(n_texts, Integral) or n_texts < 1:
            raise ValueError(f"n_texts must be an int >= 1, got {n_texts!r}.")
        weights = self._weights(query)
        used = np.flatnonzero(weights)
        parts = self.activations_[:, used] @ sparse.diags_array(weights[used])
        parts = sparse.csr_array(parts)
        scores = parts.sum(axis=1)
        fits = self.activations_[:, weights > 0].sum(axis=1) > 0
        rows = np.flatnonzero(fits)
        rows = rows[np.argsort(-scores[rows], kind="stable")[:n_texts]]
        ranking = pd.DataFrame({"row": rows})
        if self.texts_ is not None:
            ranking["text"] = self.texts_[rows]
        ranking["score"] = scores[rows]
        ranking["features"] = pd.Series(
            [self._named(parts[[row]], used) for row in rows], dtype=object
        )
        return ranking

    def match_features(self, query):
        """The features that stand for a query, and their weights.

        Parameters
        ----------
        query : str or dict of str to float
            See :meth:`query`.

        Returns
        -------
        Series of float
            Weights, largest first, with the concepts as index. As a dict, changed or
            not, it is a query itself.
        """
        weights = self._weights(query)
        used = np.flatnonzero(weights)
        used = used[np.argsort(-weights[used], kind="stable")]
        index = pd.Index(self.concepts_[used], name="feature")
        return pd.Series(weights[used], index=index, name="weight")

    def _weights(self, query):
        """Weight of each feature, of shape (n_features_in_,)."""
        check_is_fitted(self)
        if isinstance(query, Mapping):
            return self._given_weights(query)
        check_words(query, "query")
        if self._embedded is None:  # at the first query in words, not in fit
            embedder = make_embedder(self.embedder)
            self._embedded = (embed_concepts(self.concepts_, embedder, self), embedder)
        return self._weights_by_similarity(similarity(query, *self._embedded))

    def _weights_by_similarity(self, cosines):
        counts = np.diff(self.activations_.indptr)
        # A feature that no text has cannot find a text.
        cosines = np.where(counts > 0, cosines, -1.0)
        order = np.argsort(-cosines, kind="stable")
        best, others = order[: self.n_features], order[self.n_features :]
        floor = cosines[others].max() if len(others) else 0.0
        weights = np.zeros(len(cosines))
        rarity = np.log1p(self.activations_.shape[0] / np.maximum(counts[best], 1))
        weights[best] = np.maximum(cosines[best] - floor, 0.0) * rarity
        return weights

    def _given_weights(self, query):
        weights = np.zeros(len(self.concepts_))
        for concept, weight in query.items():
            is_meant = self.concepts_ == concept
            if not is_meant.any():
                near = get_close_matches(str(concept), self.concepts_.tolist())
                raise ValueError(
                    f"There is no feature {concept!r}. "
                    f"{f'Near are {near}. ' if near else ''}"
                    "match_features('some words') lists features that fit words."
                )
            if not isinstance(weight, Real) or not np.isfinite(weight):
                raise ValueError(
                    f"The weight of {concept!r} must be a finite number, got "
                    f"{weight!r}."
                )
            weights[is_meant] = weight
        if not (weights > 0).any():
            raise ValueError(
                "A query needs a feature with a weight above 0, got "
                f"{dict(query)!r}. Weights below 0 only rank what others find."
            )
        return weights

    def _named(self, parts, used):
        """What each feature added to the score of one row of `parts`."""
        order = np.argsort(-np.abs(parts.data), kind="stable")
        return {
            self.concepts_[used[parts.indices[i]]]: float(parts.data[i]) for i in order
        }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
