"""What each step of a fitted pipeline passes on, nested pipelines included."""

from typing import NamedTuple

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from sklearn_hsae._sklearn_compat import safe_indexing

EMBEDDINGS, ALL_NEURONS, SELECTED_NEURONS = (
    "embeddings",
    "all neurons",
    "selected neurons",
)


class Branch(NamedTuple):
    """A part of a ColumnTransformer or a FeatureUnion.

    name : str
    transformer : estimator
    columns : what it gets of X, or None for all columns
    """

    name: str
    transformer: object
    columns: object

    def select(self, X):
        """The columns of `X` that this part gets."""
        return X if self.columns is None else safe_indexing(X, self.columns, axis=1)


def flat_steps(estimator):
    """The steps of a pipeline in order, without those that do nothing in `transform`.

    Nested pipelines are opened. The samplers of imbalanced-learn work in `fit` alone.
    """
    if isinstance(estimator, Pipeline):
        return [part for _, step in estimator.steps for part in flat_steps(step)]
    if estimator is None or isinstance(estimator, str):  # "passthrough", "drop"
        return []
    return [] if hasattr(estimator, "fit_resample") else [estimator]


def transform_by_stages(steps, X):
    """Run all `steps`, each once: judging texts may cost money.

    Returns
    -------
    stages : dict
        See `numeric_stages`.
    annotations : object
        What the last step returned.
    """
    stages, X, remaining = _run_numeric(steps, X)
    for step in remaining:
        X = step.transform(X)
    return stages, X


def numeric_stages(steps, X):
    """What the steps before the first reader of texts pass on; nothing is judged.

    Returns
    -------
    dict
        `embeddings` (what the autoencoder gets), `all neurons` and `selected neurons`
        (what the first reader of texts gets), for the steps that there are.
    """
    return _run_numeric(steps, X)[0]


def text_readers(estimator, prefix=""):
    """The steps that read texts, nested ones included.

    Yields
    ------
    step : estimator
    prefix : str
        What stands before its column names where the last step gets them.
    """
    for step in flat_steps(estimator):
        if _reads_texts(step):
            yield step, prefix
        for branch in branches(step):
            has_prefix = getattr(step, "verbose_feature_names_out", False) is True
            inner = f"{branch.name}__{prefix}" if has_prefix else prefix
            yield from text_readers(branch.transformer, inner)


def branches(step):
    """The fitted parts of a ColumnTransformer or FeatureUnion; none of others."""
    if isinstance(step, ColumnTransformer):
        return [Branch(*part) for part in step.transformers_]
    if isinstance(step, FeatureUnion):
        return [Branch(*part, None) for part in step.transformer_list]
    return []


def _reads_texts(step):
    """Whether a step names neurons or judges concepts."""
    from sklearn_hsae.annotation import ConceptAnnotator
    from sklearn_hsae.interpretation import KeyphraseInterpreter, LLMInterpreter

    readers = (ConceptAnnotator, KeyphraseInterpreter, LLMInterpreter)
    return isinstance(step, readers)


def _run_numeric(steps, X):
    """The stages, what the last of these steps returned, and the steps that remain."""
    stages = {}
    for position, step in enumerate(steps):
        if any(text_readers(step)):
            stages |= _nested_stages(step, X)
            return stages, X, steps[position:]
        returned = step.transform(X)
        stages = _with_stage(stages, step, X, returned)
        X = returned
    return stages, X, []


def _nested_stages(step, X):
    """The stages inside the one branch that reads texts; {} for several branches."""
    reading = [part for part in branches(step) if any(text_readers(part.transformer))]
    if len(reading) != 1:
        return {}
    (branch,) = reading
    return numeric_stages(flat_steps(branch.transformer), branch.select(X))


def _with_stage(stages, step, given, returned):
    from sklearn_hsae.embedding import EmbeddingTransformer
    from sklearn_hsae.sae import MatryoshkaSAETransformer
    from sklearn_hsae.selection import NeuronSelector

    if isinstance(step, EmbeddingTransformer):
        return {**stages, EMBEDDINGS: returned}
    if isinstance(step, MatryoshkaSAETransformer):
        # Whatever stood between, its input is what the autoencoder can keep.
        return {EMBEDDINGS: given, ALL_NEURONS: returned}
    if isinstance(step, NeuronSelector) or ALL_NEURONS in stages:
        # A selector without an autoencoder before it gets activations as input.
        neurons = stages.get(ALL_NEURONS, given)
        return {**stages, ALL_NEURONS: neurons, SELECTED_NEURONS: returned}
    return stages
