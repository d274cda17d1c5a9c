"""Wald's test that several coefficients are all 0."""

from typing import NamedTuple

import numpy as np
from scipy import linalg, stats


class Covariance(NamedTuple):
    """A covariance of coefficients.

    Attributes
    ----------
    matrix : ndarray of shape (n_coefficients, n_coefficients)
    degrees : float
        Degrees of freedom; infinite for many rows.
    is_of_clusters : bool
        Whether it was estimated from the sums of as many clusters as `degrees`, and one
        more: then a statistic has the distribution of Hotelling's T2, and else of F.
    """

    matrix: np.ndarray
    degrees: float
    is_of_clusters: bool = False

    def p(self, statistic, n_coefficients):
        """The p-value of Wald's statistic; NaN with too few clusters."""
        if np.isinf(self.degrees):
            return stats.chi2.sf(statistic, n_coefficients)
        of_noise = self.degrees - self.is_of_clusters * (n_coefficients - 1)
        if of_noise <= 0:
            return np.nan
        ratio = statistic * of_noise / (self.degrees * n_coefficients)
        return stats.f.sf(ratio, n_coefficients, of_noise)


def joint_p(members, columns, coefficient, covariances):
    """The p-value of each group of coefficients: the largest by any covariance.

    Parameters
    ----------
    members : list of int ndarray
        The columns of each group.
    columns : int ndarray of shape (n_estimated,)
        The column of each coefficient; -1 for one that does not count.
    coefficient : ndarray of shape (n_estimated,)
    covariances : list of Covariance

    Returns
    -------
    ndarray of shape (n_groups,)
        NaN where nothing is estimated, or there are too few clusters.
    """
    tests = np.full(len(members), np.nan)
    for i, group in enumerate(members):
        own = np.flatnonzero(np.isin(columns, group))
        if len(own) > 0:
            tests[i] = np.max([_p(c, coefficient, own) for c in covariances])
    return tests


def _p(covariance, coefficient, own):
    try:
        factor = linalg.cho_factor(covariance.matrix[np.ix_(own, own)])
    except linalg.LinAlgError:
        return np.nan
    statistic = coefficient[own] @ linalg.cho_solve(factor, coefficient[own])
    return covariance.p(statistic, len(own))
