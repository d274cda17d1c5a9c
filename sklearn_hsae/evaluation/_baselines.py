"""Baselines: what usual methods without hypotheses predict on the same texts."""

from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LassoCV
from sklearn.model_selection import KFold
from sklearn.preprocessing import OneHotEncoder, normalize
from sklearn.utils import check_consistent_length, check_random_state

from sklearn_hsae._target import read_target
from sklearn_hsae._words import words_of
from sklearn_hsae.embedding import make_embedder
from sklearn_hsae.evaluation._ridge import ridge_prediction
from sklearn_hsae.inference import headline

_LEAST_TEXTS = 5  # of a word; a rarer one tells little and would slow the lasso
_MOST_WORDS = 10_000
_N_PENALTIES, _N_FOLDS = 30, 5


def baselines(
    X_train,
    y_train,
    X,
    y,
    *,
    task="auto",
    embedder=None,
    n_clusters=20,
    random_state=None,
):
    """Score usual methods on the texts that hypotheses are tested on.

    They show what a user of simpler methods would have reached, and what the hypotheses
    leave unexplained. Each is fitted on the training texts and scored on the others.

    - ``"ridge on embeddings"``: ridge regression on the embeddings. The best prediction
      of the three as a rule, and nothing to read.
    - ``"lasso on words"``: lasso regression on the words that a text has. To read, but
      single words.
    - ``"clusters of embeddings"``: k-means on the embeddings, and the mean outcome of
      each cluster. The idea of BERTopic [1]_ with the parts of scikit-learn: each text
      has one topic.

    Parameters
    ----------
    X_train, X : sequence of str
        Texts to learn from, and texts to score on.
    y_train, y : array-like
        Their outcomes.
    task : {"auto", "regression", "classification"}, default="auto"
        What y is, see :class:`NeuronSelector`.
    embedder : str, EmbeddingTransformer, LSAEmbedder or None, default=None
        Best that of the pipeline, ``pipe["embed"]``: its cached embeddings are used
        again. None is the default model of :class:`EmbeddingTransformer`.
    n_clusters : int, default=20
        Number of clusters. The number of hypotheses makes a fair comparison.
    random_state : int, RandomState instance or None, default=None
        For the folds of the lasso and the start of k-means.

    Returns
    -------
    DataFrame of 3 rows
        As `ceilings` of :class:`HypothesisEvaluation`: `r2` or `auc` with the ends of
        its 95 % interval, and `n_columns`: dimensions, words with a coefficient that is
        not 0, and clusters.

    Notes
    -----
    Penalties are chosen on the training texts, for ridge by generalised
    cross-validation and for the lasso by cross-validation in 5 folds. Classes are
    fitted as membership columns by least squares; the AUC needs no probabilities.

    References
    ----------
    .. [1] M. Grootendorst, "BERTopic: neural topic modeling with a class-based TF-IDF
       procedure", 2022, https://arxiv.org/abs/2203.05794

    Examples
    --------
    >>> from sklearn_hsae.evaluation import baselines
    >>> table = baselines(texts, y, new_texts, new_y)  # doctest: +SKIP
    >>> evaluation.with_baselines(table).ceilings  # doctest: +SKIP
    """
    check_consistent_length(X_train, y_train)
    check_consistent_length(X, y)
    if not isinstance(n_clusters, Integral) or n_clusters < 1:
        raise ValueError(f"n_clusters must be an int of 1 or more, got {n_clusters!r}.")
    target = read_target(y_train, task, name="y_train")
    classes = target.classes if target.is_classification else None
    y = read_target(y, "classification" if target.is_classification else "regression")
    y = y.values if classes is None else y.classes[y.values]
    if classes is None:
        targets = target.values[:, np.newaxis]
    else:
        targets = np.eye(len(classes))[target.values]
    embedder = make_embedder(embedder)
    # An LSAEmbedder learns its dimensions: both parts need the same ones.
    A = np.asarray(embedder.fit_transform(X_train))
    B = np.asarray(embedder.transform(X))
    random_state = check_random_state(random_state)
    rows = {
        "ridge on embeddings": (ridge_prediction(A, targets, B), A.shape[1]),
        "lasso on words": _lasso_on_words(X_train, targets, X, random_state),
        "clusters of embeddings": _clusters(A, targets, B, n_clusters, random_state),
    }
    scores = {}
    for name, (prediction, n_columns) in rows.items():
        prediction = prediction[:, 0] if classes is None else prediction
        scores[name] = {**headline(y, prediction, classes), "n_columns": n_columns}
    return pd.DataFrame.from_dict(scores, orient="index")


def _lasso_on_words(texts, targets, new_texts, random_state):
    """The prediction, and the number of words that are used."""
    least = min(_LEAST_TEXTS, max(len(texts) // 20, 1))
    words = CountVectorizer(
        analyzer=words_of, binary=True, min_df=least, max_features=_MOST_WORDS
    )
    A, B = words.fit_transform(texts), words.transform(new_texts)
    A, B = A.astype(np.float64), B.astype(np.float64)
    folds = KFold(_N_FOLDS, shuffle=True, random_state=random_state.randint(2**31 - 1))
    predictions, is_used = [], np.zeros(A.shape[1], dtype=bool)
    for values in targets.T:
        lasso = LassoCV(alphas=_N_PENALTIES, eps=1e-2, cv=folds).fit(A, values)
        predictions.append(lasso.predict(B))
        is_used |= lasso.coef_ != 0
    return np.column_stack(predictions), int(is_used.sum())


def _clusters(A, targets, B, n_clusters, random_state):
    """The prediction by one column per cluster, and their number."""
    n_clusters = min(n_clusters, len(A))
    seed = random_state.randint(2**31 - 1)
    kmeans = KMeans(n_clusters, n_init=3, random_state=seed).fit(normalize(A))
    names = np.arange(n_clusters)[:, np.newaxis]
    one_hot = OneHotEncoder().fit(names)
    A, B = (
        one_hot.transform(kmeans.predict(normalize(part))[:, np.newaxis])
        for part in (A, B)
    )
    return ridge_prediction(A, targets, B), n_clusters
