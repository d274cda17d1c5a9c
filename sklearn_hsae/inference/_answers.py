"""Annotations as they reach the last step: rows may be NaN."""

import logging

import numpy as np
import pandas as pd
from sklearn.utils.validation import _check_feature_names_in

logger = logging.getLogger("sklearn_hsae")


def judged_rows(X):
    """Mask of the rows in which every hypothesis was judged."""
    judged = ~np.isnan(X).any(axis=1)
    if judged.sum() < 2:
        raise ValueError(
            f"{len(X) - judged.sum()} of {len(X)} rows of X have a NaN: fewer than "
            "two rows were judged for every hypothesis. Look at the warnings of the "
            "annotation step, or drop the columns that are NaN: "
            f"{np.flatnonzero(np.isnan(X).all(axis=0))[:10].tolist()}."
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


def refuse_missing(y, name="y"):
    """Say where an outcome is missing, before anything is computed from it."""
    missing = np.flatnonzero(np.ravel(pd.isna(y))) if y is not None else []
    if len(missing):
        raise ValueError(
            f"Input {name} contains NaN: {len(missing)} of {np.size(y)} values are "
            f"missing, the first at row position {missing[0]}. Drop these rows from "
            f"X and from {name}."
        )
