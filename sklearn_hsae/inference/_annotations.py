"""Annotations as the last step gets them: 0, 1, or NaN where nothing was judged."""

import logging

import numpy as np

from sklearn_hsae._sklearn_compat import check_feature_names_in, check_sample_weight

logger = logging.getLogger("sklearn_hsae")


def annotated_rows(X):
    """Mask of the rows in which every concept was annotated.

    Raises
    ------
    ValueError
        When there are fewer than two.
    """
    is_annotated = ~np.isnan(X).any(axis=1)
    if is_annotated.sum() < 2:
        raise ValueError(
            f"{len(X) - is_annotated.sum()} of {len(X)} rows of X have a NaN: fewer "
            "than two rows are annotated with every concept. Look at the warnings of "
            "the annotation step, or drop the columns that are NaN: "
            f"{np.flatnonzero(np.isnan(X).all(axis=0))[:10].tolist()}."
        )
    if not is_annotated.all():
        logger.info(
            "%d of %d rows are not annotated with every concept and are left out.",
            int((~is_annotated).sum()),
            len(X),
        )
    return is_annotated


def row_weights(sample_weight, X):
    """Weights as an array of floats, one per row of X; ones for None.

    Raises
    ------
    ValueError
        When one is negative or missing, or fewer than two are greater than 0.
    """
    weights = check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    if (weights > 0).sum() < 2:
        raise ValueError(
            f"{(weights > 0).sum()} of {len(weights)} values of sample_weight are "
            "greater than 0. At least two rows need a weight."
        )
    return weights


def fill_missing(X, means):
    """X with the training mean of its column in the place of each NaN."""
    return np.where(np.isnan(X), means, X) if np.isnan(X).any() else X


def hypothesis_names(estimator):
    """Column names as they came in, or x0, x1, ..."""
    return np.asarray(check_feature_names_in(estimator), dtype=object)
