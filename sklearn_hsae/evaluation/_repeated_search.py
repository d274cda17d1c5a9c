"""What all functions need that search for hypotheses several times."""

from itertools import takewhile
from numbers import Real

import numpy as np
from sklearn.utils import check_random_state

from sklearn_hsae._pairs import pair_difference
from sklearn_hsae._sklearn_compat import Interval
from sklearn_hsae.cleaning import TextCleaner
from sklearn_hsae.embedding import EmbeddingTransformer
from sklearn_hsae.evaluation._fitted_pipeline import fitted_pipeline
from sklearn_hsae.inference import split_controls

LARGEST_SEED = np.iinfo(np.int32).max
# Which correlations of annotations may count as the same hypothesis.
MIN_AGREEMENT = [Interval(Real, 0, 1, closed="right")]


def finder_and_last(pipeline):
    """The fitted steps that find hypotheses, as a pipeline, and the last step."""
    pipeline = fitted_pipeline(pipeline)
    if len(pipeline.steps) < 2:
        raise ValueError(
            f"The pipeline has one step, {pipeline.steps[0][0]!r}, so nothing in it "
            "looks for hypotheses. Pass a pipeline with steps before the last one."
        )
    return pipeline[:-1], pipeline[-1]


def embedded_once(finder, *inputs):
    """The steps after the embedding, and the embeddings of the inputs."""
    steps = [step for _, step in finder.steps[:-1]]
    n = sum(1 for _ in takewhile(_is_without_chance, steps))
    if n == 0:
        return finder, *inputs
    return finder[n:], *(finder[:n].transform(X) for X in inputs)


def _is_without_chance(step):
    return isinstance(step, TextCleaner | EmbeddingTransformer)


def with_other_seeds(estimator, seed):
    """Set every `random_state` in an estimator, each to a number of its own."""
    rng = check_random_state(seed)
    names = [
        name
        for name in sorted(estimator.get_params())
        if name == "random_state" or name.endswith("__random_state")
    ]
    return estimator.set_params(**{name: rng.randint(LARGEST_SEED) for name in names})


def hypotheses_of(last, annotations):
    """The annotations of the hypotheses alone, one row per pair."""
    return pair_difference(split_controls(last, annotations)[0])
