"""Variances that hold when the rows of a cluster are not independent."""

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length, column_or_1d

# A direction of which a cluster leaves less than this part to the other clusters.
_FITTED = 1e-8
_VALUES_PER_CHUNK = 10_000_000


def read_clusters(groups, cov_type, X):
    """The number of the cluster of each row of X, or None without clusters.

    Raises
    ------
    ValueError
        When `groups` and `cov_type` do not go together, the lengths differ, or a label
        is missing.
    """
    if cov_type != "cluster":
        if groups is not None:
            raise ValueError(
                f"Got groups, but cov_type is {cov_type!r}, which takes the rows to be "
                "independent. Set cov_type='cluster' for standard errors that allow "
                "for groups, or pass no groups to this step."
            )
        return None
    if groups is None:
        raise ValueError(
            "cov_type='cluster' needs groups, one label per row: fit(X, y, "
            "groups=authors), and the same for evaluate and evaluate_hypotheses. In a "
            "pipeline: pipe.fit(texts, y, regress__groups=authors), where 'regress' is "
            "the name of this step, or with metadata routing enabled pipe.fit(texts, "
            "y, groups=authors)."
        )
    groups = column_or_1d(groups)
    check_consistent_length(X, groups)
    numbers = pd.factorize(groups)[0]
    if (numbers < 0).any():
        raise ValueError(
            f"{(numbers < 0).sum()} of {len(numbers)} values of groups are missing. "
            "Give each of these rows a label of its own, or drop them."
        )
    return numbers


def request_groups(routing, cov_type):
    """Ask for `groups` in `fit` where they are needed, if the user has not said it."""
    if routing.fit.requests["groups"] is None:
        routing.fit.add_request(param="groups", alias=cov_type == "cluster")
    return routing


def of_rows(clusters, rows):
    """Clusters of some rows, numbered from 0 without a gap; None for None."""
    return None if clusters is None else pd.factorize(clusters[rows])[0]


def refuse_single_cluster(clusters):
    """Raise a ValueError when all rows are of one cluster."""
    if clusters is not None and clusters.max() == 0:
        raise ValueError(
            "All rows that count are of one cluster. cov_type='cluster' needs two "
            "groups or more, and some ten for tests with power."
        )


def cluster_covariance(basis, directions, residual, clusters):
    """CR2 covariance of coefficients, and the degrees of freedom of each variance.

    Parameters
    ----------
    basis : ndarray of shape (n_rows, rank)
        Orthonormal columns that span the design, with the intercept.
    directions : ndarray of shape (rank, n_coefficients)
        A coefficient is the product of a column with ``basis.T @ outcome``.
    residual : ndarray of shape (n_rows,)
    clusters : int ndarray of shape (n_rows,)
        Numbers from 0 without a gap.

    Returns
    -------
    covariance : ndarray of shape (n_coefficients, n_coefficients)
    degrees : ndarray of shape (n_coefficients,)
        Not more than the number of clusters minus 1.
    is_lone : bool ndarray of shape (n_coefficients,)
        Where one cluster alone decides the coefficient, so that nothing is known about
        its variance.

    Notes
    -----
    The residuals of a cluster are multiplied by the root of the inverse of I - H, where
    H is the block of the hat matrix: then the variance has no bias if the noise of all
    rows is equal and independent. The degrees of freedom are Satterthwaite's for such
    noise (Bell & McCaffrey 2002; Pustejovsky & Tipton 2018). H has the eigenvectors of
    the small matrix Q'Q of the cluster's rows Q of the basis, so no block of n x n
    numbers is made.
    """
    order = np.argsort(clusters, kind="stable")
    basis, residual = basis[order], residual[order]
    ends = np.cumsum(np.bincount(clusters))
    starts = np.concatenate([[0], ends[:-1]])
    rank, n_coefficients = directions.shape
    totals = np.zeros((2, n_coefficients))
    covariance = np.zeros((n_coefficients, n_coefficients))
    products = np.zeros((n_coefficients, rank, rank))
    is_lone = np.zeros(n_coefficients, dtype=bool)
    step = max(1, _VALUES_PER_CHUNK // rank**2)
    for first in range(0, len(starts), step):
        rows = [
            slice(*pair)
            for pair in zip(starts[first:][:step], ends[first:][:step], strict=True)
        ]
        gram = np.stack([basis[part].T @ basis[part] for part in rows])
        sums = np.stack([basis[part].T @ residual[part] for part in rows])
        adjusted, lone = _adjusted(gram, directions)
        fitted = gram @ adjusted
        length = np.einsum("gik,gik->gk", adjusted, fitted)
        explained = np.square(fitted).sum(axis=1)
        moved = np.einsum("gik,gi->gk", adjusted, sums)
        covariance += moved.T @ moved
        totals[0] += (length - explained).sum(axis=0)
        totals[1] += (length * (length - 2 * explained)).sum(axis=0)
        products += fitted.transpose(2, 1, 0) @ fitted.transpose(2, 0, 1)
        is_lone |= lone
    trace, trace_of_square = totals
    trace_of_square = trace_of_square + np.square(products).sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = np.square(trace) / trace_of_square
    degrees = np.clip(np.nan_to_num(degrees, nan=1.0), 1.0, len(starts) - 1.0)
    return covariance, degrees, is_lone


def _adjusted(gram, directions):
    """Directions times the inverse roots, for each cluster; and which are lone."""
    explained, vectors = np.linalg.eigh(gram)
    left = 1 - explained
    is_free = left > _FITTED
    factor = np.where(is_free, 1 / np.sqrt(np.where(is_free, left, 1.0)), 0.0)
    along = vectors.transpose(0, 2, 1) @ directions
    part = np.square(along * ~is_free[:, :, None]).sum(axis=1)
    is_lone = (part > _FITTED * np.square(directions).sum(axis=0)).any(axis=0)
    return vectors @ (factor[:, :, None] * along), is_lone
