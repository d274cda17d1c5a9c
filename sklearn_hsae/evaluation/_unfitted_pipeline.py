"""The steps of a pipeline that is to be fitted, or of a search over one."""

from sklearn.pipeline import Pipeline

from sklearn_hsae.inference import HypothesisClassifier, HypothesisRegressor
from sklearn_hsae.sae import MatryoshkaSAETransformer
from sklearn_hsae.selection import NeuronSelector


def params_with_groups(estimator, params, groups):
    """Parameters of `fit` with the groups for the steps that use them."""
    for name, step in _pipeline(estimator).steps:
        uses = isinstance(step, MatryoshkaSAETransformer) or (
            isinstance(step, NeuronSelector) and step.min_groups > 1
        )
        if uses:
            params = {f"{name}__groups": groups, **params}
    return params


def finder_and_tester(estimator):
    """What finds hypotheses, and the name and the estimator of the step that tests.

    A search finds with all steps: it needs the last one for its scores.
    """
    pipeline = _pipeline(estimator)
    is_search = pipeline is not estimator
    if not isinstance(pipeline, Pipeline) or len(pipeline.steps) < 2:
        raise ValueError(
            "DiscoverySplit expects a Pipeline that finds hypotheses and tests them in "
            "its last step, such as make_hypothesis_pipeline() returns, or a search "
            f"over one. Got {pipeline!r}."
        )
    name, last = pipeline.steps[-1]
    if not isinstance(last, HypothesisRegressor | HypothesisClassifier):
        raise ValueError(
            "The last step of the pipeline must be a HypothesisRegressor or a "
            f"HypothesisClassifier, got {type(last).__name__}."
        )
    if not is_search:
        return pipeline[:-1], name, last
    if not estimator.refit:
        raise ValueError(
            f"{type(estimator).__name__} must be refitted: pass refit=True, so that "
            "its best pipeline can be tested."
        )
    return estimator, name, last


def _pipeline(estimator):
    """The pipeline itself, or that of a search."""
    is_search = hasattr(estimator, "refit") and hasattr(estimator, "estimator")
    return estimator.estimator if is_search else estimator
