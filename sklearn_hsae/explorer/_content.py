"""What the explorer shows: texts with their outcomes, concepts, neurons and vectors."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import sparse

from sklearn_hsae._pairs import check_texts_or_pairs, pair_difference
from sklearn_hsae.evaluation import (
    ALL_NEURONS,
    EMBEDDINGS,
    HypothesisEvaluation,
    fitted_pipeline,
    flat_steps,
    numeric_stages,
)

_ROWS_PER_CHUNK = 10_000  # activations are dense on the way
_MAX_COMPONENTS = 50  # of a pipeline without an embedding


@dataclass(eq=False)
class Content:
    """Texts and all that is known about them, row by row.

    Of pairs of texts, a row is a pair: annotations, vectors and activations are those
    of the first text minus those of the second.

    Attributes
    ----------
    texts : object ndarray of shape (n_texts,)
        Of a pair, both texts as they are shown.
    outcome : Series of length n_texts
        Its name is that of the outcome.
    evaluation : HypothesisEvaluation
        Of these texts, in this order.
    vectors : float32 ndarray of shape (n_texts, n_dimensions)
        Embeddings: what the map is drawn from.
    activations : csc array of shape (n_texts, n_neurons)
    neurons : object ndarray of str of shape (n_neurons,)
    directions : ndarray of shape (n_neurons, n_dimensions) or None
        Decoder of the autoencoder. None where there is none.
    columns : DataFrame of n_texts rows
        What else is known about each text, to filter by.
    marker : callable or None
        ``marker(texts, neuron)`` puts marks around the words at which a neuron is
        active. None for pipelines that read no words, and for pairs.
    pairs : object ndarray of str of shape (n_texts, 2) or None
        The texts of each pair. None for single texts.
    """

    texts: np.ndarray
    outcome: pd.Series
    evaluation: HypothesisEvaluation
    vectors: np.ndarray
    activations: sparse.csc_array
    neurons: np.ndarray
    directions: np.ndarray | None = None
    columns: pd.DataFrame = field(default_factory=pd.DataFrame)
    marker: object = None
    pairs: np.ndarray | None = None

    @property
    def unit(self):
        """What a row is, in the plural."""
        return "texts" if self.pairs is None else "pairs of texts"

    @property
    def sides(self):
        """What texts with a concept are called, and those they are compared with."""
        if self.pairs is None:
            return "with it", "without it"
        return "only A has it", "only B has it"

    @property
    def annotations(self):
        """Annotations: one row per text, one column per hypothesis."""
        return self.evaluation.annotations

    @property
    def is_numeric(self):
        """Whether the outcome is a quantity."""
        return self.evaluation.task == "regression"

    @property
    def target(self):
        """The outcome as numbers: itself, or 1 for the class effects point to."""
        if self.is_numeric:
            return self.outcome.to_numpy(dtype=np.float64)
        positive = self.evaluation.positive
        if positive is None:
            return None
        return (self.outcome.to_numpy() == positive).astype(np.float64)


def read_content(pipeline, texts, y, evaluation, *, outcome, columns=None):
    """Run the steps of a fitted pipeline that need no language model.

    Parameters
    ----------
    pipeline : Pipeline, DiscoverySplit or search
        Fitted.
    texts : sequence of str, or of pairs of str, of length n_texts
    y : array-like of shape (n_texts,)
    evaluation : HypothesisEvaluation
        Of the same texts.
    outcome : str
        The name of y.
    columns : DataFrame of n_texts rows or None
        Further columns.

    Returns
    -------
    Content
    """
    rows = check_texts_or_pairs(texts, "explore", allow_empty=True)
    pairs = rows if rows.ndim == 2 else None
    steps = flat_steps(fitted_pipeline(pipeline))
    vectors, activations, neurons = _numbers(steps, texts)
    sae, marker = _autoencoder(steps)
    directions = getattr(sae, "components_", None)
    if directions is not None and len(directions) != len(neurons):
        directions = None
    if columns is None:
        columns = pd.DataFrame(index=pd.RangeIndex(len(rows)))
    return Content(
        texts=rows if pairs is None else _both(pairs),
        outcome=pd.Series(np.asarray(y), name=outcome),
        evaluation=evaluation,
        vectors=vectors,
        activations=activations,
        neurons=neurons,
        directions=directions,
        columns=columns.reset_index(drop=True),
        marker=marker if pairs is None else None,
        pairs=pairs,
    )


def _both(pairs):
    """Both texts of each pair, one below the other."""
    shown = [f"A: {first}\nB: {second}" for first, second in pairs]
    return np.array(shown, dtype=object)


def _numbers(steps, texts):
    """Embeddings, activations and names of neurons, some rows at a time."""
    vectors, activations, names = [], [], None
    for start in range(0, len(texts), _ROWS_PER_CHUNK):
        stop = start + _ROWS_PER_CHUNK
        part = texts.iloc[start:stop] if hasattr(texts, "iloc") else texts[start:stop]
        stages = numeric_stages(steps, part)
        if ALL_NEURONS not in stages:
            raise ValueError(
                "The explorer needs a pipeline with an autoencoder before the "
                "interpreter, such as that of make_hypothesis_pipeline()."
            )
        neurons = pair_difference(stages[ALL_NEURONS])
        names = getattr(neurons, "columns", None)
        activations.append(_sparse(neurons))
        if EMBEDDINGS in stages:
            vectors.append(
                np.asarray(pair_difference(stages[EMBEDDINGS]), dtype=np.float32)
            )
    activations = sparse.csc_array(sparse.vstack(activations))
    if names is None:
        names = [f"neuron {i}" for i in range(activations.shape[1])]
    names = np.array([str(name) for name in names], dtype=object)
    vectors = np.concatenate(vectors) if vectors else _components(activations)
    return vectors, activations, names


def _sparse(neurons):
    if sparse.issparse(neurons):
        return sparse.csr_array(neurons)
    if hasattr(neurons, "sparse") and all(map(pd.api.types.is_sparse, neurons.dtypes)):
        return sparse.csr_array(neurons.sparse.to_coo())
    return sparse.csr_array(np.asarray(neurons))


def _components(activations):
    """Vectors made of the activations, for a pipeline without an embedding."""
    from sklearn.decomposition import TruncatedSVD

    n_components = min(_MAX_COMPONENTS, min(activations.shape) - 1)
    if n_components < 2:
        return activations.toarray().astype(np.float32)
    svd = TruncatedSVD(n_components, algorithm="arpack", random_state=0)
    return svd.fit_transform(activations).astype(np.float32)


def _autoencoder(steps):
    """The step with the neurons and, where it reads words, what marks them."""
    from sklearn_hsae.reader import ReaderSAETransformer
    from sklearn_hsae.sae import MatryoshkaSAETransformer

    for step in steps:
        if isinstance(step, ReaderSAETransformer):
            return step, step.mark
        if isinstance(step, MatryoshkaSAETransformer):
            return step, None
    return None, None
