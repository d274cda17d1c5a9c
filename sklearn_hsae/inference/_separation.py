"""How the mean of y differs between the rows that have a concept and the others."""

import numpy as np
from scipy import special

from sklearn_hsae._row_chunks import row_chunks
from sklearn_hsae.inference._linear import fit_linear
from sklearn_hsae.inference._permutation import (
    FEW_ROWS,
    needs_signs,
    step_down_min_p,
)

# A sum of squares below this, relative to that of y, is rounding.
_ROUNDING = 1e-14


def compare_means(has, y, weights, *, clusters=None, n_permutations=0):
    """Compare the rows that have a concept with the others, for each concept.

    Parameters
    ----------
    has : bool ndarray of shape (n_rows, n_concepts)
    y : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,)
        Greater than 0; their mean does not matter.
    clusters : int ndarray of shape (n_rows,), default=None
        The number of each row's cluster, where rows are not independent.
    n_permutations : int, default=0
        Correct the p-values by permutations, if some concept has few rows. 0 for none.

    Returns
    -------
    difference : ndarray of shape (n_concepts,)
        Weighted mean with the concept minus the one without; NaN where one group is
        empty.
    p : ndarray of shape (n_concepts,)
        NaN where one group has fewer than two rows.
    p_corrected : ndarray of shape (n_concepts,), or None without permutations

    Notes
    -----
    The test is Welch's with two changes, both for concepts that few rows have. The
    variance is never below the pooled one: when all rows of a concept share one value
    of y by chance, the variance among them is 0, and Welch's p-value is far too small.
    The degrees of freedom are those for equal noise in both groups, so they do not
    depend on y (Bell & McCaffrey 2002). With clusters it is the test of a regression on
    the one concept.
    """
    shifted = y - weights @ y / weights.sum()  # before squares are summed, for digits
    n_with = has.sum(axis=0)
    testable = np.minimum(n_with, len(y) - n_with) > 1
    difference, p = np.full((2, len(n_with)), np.nan)
    single = ~testable & (n_with > 0) & (n_with < len(y))
    for j in np.flatnonzero(single):
        difference[j] = np.average(y[has[:, j]], weights=weights[has[:, j]])
        difference[j] -= np.average(y[~has[:, j]], weights=weights[~has[:, j]])
    groups = _TwoGroups(has[:, testable], weights)
    outcome = np.sqrt(weights) * shifted
    difference[testable] = groups.difference(outcome[:, None])[:, 0]
    if clusters is not None:
        for j in np.flatnonzero(testable):
            p[j] = _clustered_p(has[:, [j]], y, weights, clusters)
        return difference, p, None
    p[testable] = groups.p_values(outcome[:, None])[:, 0]
    if not n_permutations or not (groups.degrees < FEW_ROWS).any():
        return difference, p, None
    variances = np.stack(groups.variances(outcome[:, None]))
    p_corrected = np.full(len(p), np.nan)
    p_corrected[testable] = step_down_min_p(
        p[testable],
        groups.p_values,
        outcome,
        n_permutations,
        by_signs=needs_signs(*variances[:, :, 0], weights),
    )
    return difference, p, p_corrected


def _clustered_p(has, y, weights, clusters):
    names = np.array(["concept"], dtype=object)
    options = {"weights": weights, "clusters": clusters, "alpha": 0.05}
    return fit_linear(has * 1.0, y, names, cov_type="cluster", **options).p[0]


class _TwoGroups:
    """Two groups of rows per concept, each of two rows or more.

    Outcomes are arrays of shape (n_rows, n_outcomes), multiplied by the roots of the
    weights. Arrays of shape (2, n_concepts, 1) are for rows with and without a concept.
    """

    def __init__(self, has, weights):
        self.has, self.weights = has, weights[:, None]
        self.chunks = row_chunks(*has.shape)
        n_with = has.sum(axis=0)[:, None]
        self.n_rows = np.stack([n_with, len(has) - n_with])
        self.total = self._sums(self.weights)
        self.total_squares = self._sums(np.square(self.weights))
        # Rows of equal weight that would tell as much (Kish 1965): 1 / variance.
        part = self.total_squares / np.square(self.total)
        self.degrees = np.square(part.sum(axis=0))
        self.degrees /= (np.square(part) / np.maximum(1 / part - 1, 0.5)).sum(axis=0)

    def difference(self, outcomes):
        """Weighted mean of the first group minus that of the second."""
        means = self._sums(np.sqrt(self.weights) * outcomes) / self.total
        return means[0] - means[1]

    def p_values(self, outcomes):
        """Two-sided p-values, of shape (n_concepts, n_outcomes)."""
        difference = self.difference(outcomes)
        error = np.sqrt(np.maximum(*self.variances(outcomes)))
        with np.errstate(divide="ignore", invalid="ignore"):
            p = 2 * special.stdtr(self.degrees, -np.abs(difference) / error)
        # No difference at all, or one that each row follows: p is not below the chance
        # that a random order of the rows gives just these groups.
        exact = np.where(difference == 0, 1.0, self._chance_of_groups())
        return np.where(error == 0, exact, p)

    def variances(self, outcomes):
        """Of the difference: Welch's, and the pooled one."""
        root, squares = np.sqrt(self.weights), np.square(outcomes)
        means = self._sums(root * outcomes) / self.total
        within = self._sums(squares) - self.total * np.square(means)
        within[within < _ROUNDING * squares.sum(axis=0)] = 0.0
        pooled = within.sum(axis=0) / (len(outcomes) - 2)
        pooled = pooled * (1 / self.total).sum(axis=0)
        if np.ptp(self.weights) == 0:  # the same sums, divided by other numbers
            own = within * self.weights[0]
        else:
            own = self._sums(self.weights * squares)
            own -= 2 * means * self._sums(self.weights * root * outcomes)
            own += np.square(means) * self.total_squares
        own = own / np.square(self.total) * self.n_rows / (self.n_rows - 1)
        return own.sum(axis=0), pooled

    def _chance_of_groups(self):
        n_with, n_without = self.n_rows
        n = n_with + n_without
        return np.exp(special.betaln(n_with + 1, n_without + 1)) * (n + 1)

    def _sums(self, values):
        with_concept = sum(
            self.has[rows].T.astype(np.float64) @ values[rows] for rows in self.chunks
        )
        return np.stack([with_concept, values.sum(axis=0) - with_concept])
