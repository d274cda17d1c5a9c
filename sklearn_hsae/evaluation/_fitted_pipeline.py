"""The fitted pipeline within what a user passes, checked."""

from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_hsae.evaluation._discovery_split import DiscoverySplit
from sklearn_hsae.evaluation._stages import flat_steps
from sklearn_hsae.inference import HypothesisClassifier, HypothesisRegressor


def fitted_pipeline(estimator):
    """The fitted pipeline itself, or the best one of a search.

    Its last step, which may be within a nested pipeline, can evaluate hypotheses.
    """
    pipeline = _pipeline_of(estimator)
    steps = flat_steps(pipeline)
    last = steps[-1] if steps else None
    if not isinstance(last, HypothesisRegressor | HypothesisClassifier):
        raise ValueError(
            "The last step of the pipeline must be a HypothesisRegressor or a "
            f"HypothesisClassifier, got {type(last).__name__}."
        )
    check_is_fitted(last)
    return pipeline


def _pipeline_of(estimator):
    if hasattr(estimator, "best_estimator_"):
        estimator = estimator.best_estimator_
    if isinstance(estimator, DiscoverySplit):
        check_is_fitted(estimator)
        estimator = estimator.estimator_
    if isinstance(estimator, Pipeline):
        return estimator
    if hasattr(estimator, "cv") and hasattr(estimator, "refit"):
        advice = "Fit it first, with refit=True: then its best pipeline is evaluated."
    elif isinstance(estimator, TransformedTargetRegressor):
        advice = (
            "Its coefficients are in units of the transformed target. Pass "
            "model.regressor_, and y transformed as in its fit: "
            "model.transformer_.transform(y.reshape(-1, 1)).ravel()."
        )
    elif isinstance(estimator, HypothesisRegressor | HypothesisClassifier):
        advice = "It takes annotations: call its method evaluate(annotations, y)."
    else:
        advice = (
            "Pass one pipeline; an ensemble has several, for example in its "
            "attribute estimators_."
        )
    raise ValueError(
        "Expected a fitted sklearn.pipeline.Pipeline, or a search "
        f"such as GridSearchCV over one, got {type(estimator).__name__}. {advice}"
    )
