"""The words that name features, and which of them fit other words."""

import re

from sklearn.preprocessing import normalize

from sklearn_hsae._labels import plain_label, unique_labels

# Names that are numbered and no words: sae17, x0.
_NUMBERED = re.compile(r"[A-Za-z_]*\d+")
_N_NAMES_IN_MESSAGE = 3


def read_concepts(concepts, estimator):
    """The concept of each column that `estimator` was fitted on.

    Parameters
    ----------
    concepts : sequence of str or None
        What the user gave; None for the names of the columns.
    estimator : estimator with `n_features_in_`

    Returns
    -------
    ndarray of str of shape (n_features,)
        Unique; x0, x1, ... where nothing else is known.
    """
    n_features = estimator.n_features_in_
    if concepts is None:
        names = getattr(estimator, "feature_names_in_", None)
        if names is None:
            names = [f"x{i}" for i in range(n_features)]
        return unique_labels(names)
    if isinstance(concepts, str) or len(concepts) != n_features:
        given = "one str" if isinstance(concepts, str) else f"{len(concepts)} concepts"
        raise ValueError(
            f"X has {n_features} columns and concepts has {given}: pass one concept "
            "per column, in the same order."
        )
    return unique_labels([str(concept) for concept in concepts])


def embed_concepts(concepts, embedder, estimator):
    """Vectors of concepts, of length 1.

    Parameters
    ----------
    concepts : ndarray of str of shape (n_features,)
    embedder : EmbeddingTransformer
        Is fitted here.
    estimator : object
        Its class is named in the error.

    Returns
    -------
    ndarray of shape (n_features, n_dimensions)

    Raises
    ------
    ValueError
        When the concepts are numbered names, which no words can fit.
    """
    if all(_NUMBERED.fullmatch(concept) for concept in concepts):
        names = ", ".join(map(repr, concepts[:_N_NAMES_IN_MESSAGE]))
        raise ValueError(
            f"{type(estimator).__name__} compares words with the names of the "
            f"features, but these have no words: {names}, ... Pass the frame that "
            "KeyphraseInterpreter or LLMInterpreter returned, whose columns are "
            "concepts, or fit(X, concepts=[...]) with one concept per column."
        )
    plain = [plain_label(concept) for concept in concepts]
    return normalize(embedder.fit_transform(plain).to_numpy())


def similarity(words, vectors, embedder):
    """Cosine of the embedded words with each row of `vectors`.

    Parameters
    ----------
    words : str
    vectors : ndarray of shape (n_features, n_dimensions)
        From `embed_concepts`, with the same `embedder`.
    embedder : EmbeddingTransformer

    Returns
    -------
    ndarray of shape (n_features,)
    """
    return vectors @ normalize(embedder.transform([words]).to_numpy())[0]


def check_words(words, name):
    """Raise unless `words` is a string that says something."""
    if not isinstance(words, str) or not words.strip():
        raise ValueError(
            f"{name} must be words, such as 'tone of voice', got {words!r}."
        )
