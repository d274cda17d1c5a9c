"""The output of each step of a fitted pipeline, also in nested pipelines."""

from typing import NamedTuple

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from sklearn_hsae._pairs import pair_difference
from sklearn_hsae._sklearn_compat import safe_indexing

EMBEDDINGS, ALL_NEURONS, SELECTED_NEURONS = (
    "embeddings",
    "all neurons",
    "selected neurons",
)


class Branch(NamedTuple):
    """A part of a ColumnTransformer or a FeatureUnion.

    Attributes
    ----------
    name : str
    transformer : estimator
    columns : object
        The columns of X that it gets; None for all columns.
    """

    name: str
    transformer: object
    columns: object

    def select(self, X):
        """The columns of `X` for this part."""
        return X if self.columns is None else safe_indexing(X, self.columns, axis=1)


def flat_steps(estimator):
    """The steps of a pipeline in order, without those that do nothing in `transform`.

    Nested pipelines are replaced by their steps. Samplers of imbalanced-learn are left
    out, because they work in `fit` only.
    """
    if isinstance(estimator, Pipeline):
        return [part for _, step in estimator.steps for part in flat_steps(step)]
    if estimator is None or isinstance(estimator, str):  # "passthrough", "drop"
        return []
    return [] if hasattr(estimator, "fit_resample") else [estimator]


def transform_by_stages(steps, X):
    """Run all `steps`, each one only once, because judging texts may cost money.

    Returns
    -------
    stages : dict
        See `numeric_stages`.
    annotations : object
        The output of the last step.
    """
    stages, X, remaining = _run_numeric(steps, X)
    for step in remaining:
        X = step.transform(X)
    return stages, pair_difference(X)


def numeric_stages(steps, X):
    """The output of the steps before the first reader of texts. Judges no text.

    Returns
    -------
    dict
        `embeddings` (input of the autoencoder), `all neurons` and `selected neurons`
        (input of the first reader of texts), as far as the pipeline has these steps.
    """
    return _run_numeric(steps, X)[0]


def neuron_selector(steps):
    """The last NeuronSelector before the first reader of texts; None without one.

    Where one branch of a ColumnTransformer or FeatureUnion reads the texts, it is
    looked for in this branch as well.
    """
    from sklearn_hsae.selection import NeuronSelector

    found = None
    for step in steps:
        if any(text_readers(step)):
            branch = _reading_branch(step)
            inner = None if branch is None else flat_steps(branch.transformer)
            return neuron_selector(inner or []) or found
        if isinstance(step, NeuronSelector):
            found = step
    return found


def text_readers(estimator, prefix=""):
    """The steps that read texts, nested ones included.

    Yields
    ------
    step : estimator
    prefix : str
        Prefix of its column names in the input of the last step.
    """
    for step in flat_steps(estimator):
        if _reads_texts(step):
            yield step, prefix
        for branch in branches(step):
            has_prefix = getattr(step, "verbose_feature_names_out", False) is True
            inner = f"{branch.name}__{prefix}" if has_prefix else prefix
            yield from text_readers(branch.transformer, inner)


def branches(step):
    """The fitted parts of a ColumnTransformer or FeatureUnion; [] for other steps."""
    if isinstance(step, ColumnTransformer):
        return [Branch(*part) for part in step.transformers_]
    if isinstance(step, FeatureUnion):
        return [Branch(*part, None) for part in step.transformer_list]
    return []


def removed_from_texts(estimator):
    """What a TextCleaner takes out of the texts, nested ones included."""
    from sklearn_hsae.cleaning import TextCleaner

    removed = []
    for step in flat_steps(estimator):
        if isinstance(step, TextCleaner):
            removed += step.remove
        for branch in branches(step):
            removed += removed_from_texts(branch.transformer)
    return list(dict.fromkeys(removed))


def _reads_texts(step):
    """Whether a step names neurons or judges concepts."""
    from sklearn_hsae.annotation import ConceptAnnotator
    from sklearn_hsae.interpretation import KeyphraseInterpreter, LLMInterpreter

    readers = (ConceptAnnotator, KeyphraseInterpreter, LLMInterpreter)
    return isinstance(step, readers)


def _run_numeric(steps, X):
    """The stages, the output of the last of these steps, and the remaining steps."""
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
    branch = _reading_branch(step)
    if branch is None:
        return {}
    return numeric_stages(flat_steps(branch.transformer), branch.select(X))


def _reading_branch(step):
    """The one branch that reads texts; None for none and for several."""
    reading = [part for part in branches(step) if any(text_readers(part.transformer))]
    return reading[0] if len(reading) == 1 else None


def _with_stage(stages, step, given, returned):
    from sklearn_hsae.embedding import EmbeddingTransformer, LSAEmbedder
    from sklearn_hsae.sae import MatryoshkaSAETransformer
    from sklearn_hsae.selection import NeuronSelector

    if isinstance(step, EmbeddingTransformer | LSAEmbedder):
        return {**stages, EMBEDDINGS: returned}
    if isinstance(step, MatryoshkaSAETransformer):
        # Other steps may come before it: what it gets is the most it can preserve.
        return {EMBEDDINGS: given, ALL_NEURONS: returned}
    if isinstance(step, NeuronSelector) or ALL_NEURONS in stages:
        # A selector without an autoencoder before it gets activations as input.
        neurons = stages.get(ALL_NEURONS, given)
        return {**stages, ALL_NEURONS: neurons, SELECTED_NEURONS: returned}
    return stages
