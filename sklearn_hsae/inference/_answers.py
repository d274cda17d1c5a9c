"""Annotations as they reach the last step: rows may be NaN."""

import logging

import numpy as np
from sklearn.utils.validation import _check_feature_names_in

logger = logging.getLogger("sklearn_hsae")


def judged_rows(X):
    """Mask of the rows in which every hypothesis was judged."""
    judged = ~np.isnan(X).any(axis=1)
    if not judged.any():
        raise ValueError(
            f"All {len(X)} rows of X have a NaN: no row was judged for every "
            "hypothesis. Look at the warnings of the annotation step."
        )
    if not judged.all():
        logger.info(
            "%d of %d rows were not judged for every hypothesis and are left out.",
            int((~judged).sum()),
            len(X),
        )
    return judged


def filled(X, means):
    """X with the training mean in the place of each answer that is missing."""
    return np.where(np.isnan(X), means, X) if np.isnan(X).any() else X


def hypothesis_names(estimator):
    """Column names as they came in, or x0, x1, ..."""
    return np.asarray(_check_feature_names_in(estimator), dtype=object)
