"""The autoencoder within what a user passes."""

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_hsae.sae import MatryoshkaSAETransformer


def find_autoencoder(estimator):
    """The fitted autoencoder itself, or that of a pipeline.

    Parameters
    ----------
    estimator : MatryoshkaSAETransformer or Pipeline

    Returns
    -------
    MatryoshkaSAETransformer
    """
    is_pipeline = isinstance(estimator, Pipeline)
    steps = [step for _, step in estimator.steps] if is_pipeline else [estimator]
    found = [step for step in steps if isinstance(step, MatryoshkaSAETransformer)]
    if len(found) != 1:
        raise ValueError(
            "Expected a MatryoshkaSAETransformer or a pipeline with one such step, got "
            f"{type(estimator).__name__} with {len(found)}. Pass the autoencoder, for "
            'example pipeline["sae"].'
        )
    check_is_fitted(found[0])
    return found[0]
