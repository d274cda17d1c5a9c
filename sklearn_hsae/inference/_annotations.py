"""Annotations as the last step gets them: 0, 1, or NaN where nothing was judged."""

import logging
from typing import NamedTuple

import numpy as np

from sklearn_hsae._sklearn_compat import check_feature_names_in, check_sample_weight
from sklearn_hsae.inference._clusters import (
    of_rows,
    read_clusters,
    refuse_single_cluster,
)

logger = logging.getLogger("sklearn_hsae")


class Rows(NamedTuple):
    """The rows that count.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_control_columns + n_hypotheses)
        Without a NaN; the controls first.
    y, weights : ndarray of shape (n_rows,)
    clusters : int ndarray of shape (n_rows,), or None
    n_dropped : int
        How many others had a NaN.
    """

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    clusters: np.ndarray | None
    n_dropped: int

    def counts(self):
        """How many rows and clusters, as metrics."""
        counts = {"n": len(self.y), "n_dropped": self.n_dropped}
        if self.clusters is not None:
            counts["n_clusters"] = int(self.clusters.max()) + 1
        return counts


def rows_that_count(X, y, sample_weight, groups, cov_type):
    """Leave out the rows with a NaN and those of weight 0."""
    weights = row_weights(sample_weight, X)
    clusters = read_clusters(groups, cov_type, X)
    is_annotated = annotated_rows(X)
    counts = is_annotated & (weights > 0)
    clusters = of_rows(clusters, counts)
    refuse_single_cluster(clusters)
    n_dropped = int((~is_annotated).sum())
    if not counts.all():
        X, y, weights = X[counts], y[counts], weights[counts]
    return Rows(X, y, weights, clusters, n_dropped)


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


def column_names(estimator):
    """Column names as they came in, or x0, x1, ..."""
    return np.asarray(check_feature_names_in(estimator), dtype=object)
