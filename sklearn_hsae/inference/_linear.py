"""Least squares with tests that keep their level for rare concepts.

Estimates and HC3 errors equal those of ``statsmodels.WLS(...).fit(cov_type="HC3")``
where that has an answer; a row of leverage 1 makes all of its standard errors NaN.
"""

import numpy as np
from scipy import linalg, special

from sklearn_hsae._row_chunks import row_chunks
from sklearn_hsae.inference._clusters import cluster_covariance, of_rows
from sklearn_hsae.inference._design import usable_part
from sklearn_hsae.inference._estimates import Estimates
from sklearn_hsae.inference._joint_test import Covariance, joint_p
from sklearn_hsae.inference._permutation import (
    FEW_ROWS,
    needs_signs,
    step_down_min_p,
)

_EXACT = 1e-12  # residuals that are smaller, relative to y, are rounding
_MAX_ROWS = 500  # with the largest weights: the others add nothing to the sum


def fit_linear(
    X,
    y,
    names,
    *,
    cov_type,
    alpha,
    weights=None,
    clusters=None,
    n_permutations=0,
    n_controls=0,
    has_intercept=True,
):
    """Regress y on the columns of X, and an intercept.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_hypotheses)
    y : ndarray of shape (n_rows,)
    names : ndarray of str of shape (n_hypotheses,)
    cov_type : {"HC3", "nonrobust", "cluster"}
    alpha : float or ndarray of shape (n_hypotheses,)
        The intervals cover 1 - alpha.
    weights : ndarray of shape (n_rows,), default=None
        Greater than 0; their mean does not matter.
    clusters : int ndarray of shape (n_rows,), default=None
        The number of each row's cluster, for "cluster".
    n_permutations : int, default=0
        Correct p-values by permutations, if some concept has few rows. 0 for none.
    n_controls : int, default=0
        How many of the first columns are not corrected for.
    has_intercept : bool, default=True
        False for the differences of pairs: y of a swapped pair has the other sign, and
        so have all columns. Then the permutations draw signs, not orders.

    Returns
    -------
    Estimates
        With `p_corrected` where permutations were made.

    Notes
    -----
    HC3 with a normal or t(n - k) distribution finds far too much in rare concepts: one
    that two rows have is "significant at 5 %" in 20 % of pure noise. So each
    coefficient has its own degrees of freedom, those of Bell & McCaffrey (2002): about
    the number of rows that have the concept.

    When all rows of a concept share one value of y by chance, HC3's variance collapses,
    at any number of rows; so the classical variance is taken where it is larger
    (Angrist & Pischke 2009, section 8.1). That is conservative. The permutations make
    up for it: they put the residuals of the full model, each divided by the root of
    1 - leverage, in another order, and see how small the smallest p becomes. Where
    HC3's variance is well above the classical one, or there are weights, they change
    signs as well. Rows of
    clusters are not exchangeable, so there are none for "cluster".
    """
    design = usable_part(X, names, weights, has_intercept=has_intercept)
    model, mean, coefficient, residual = _fit(design, y, cov_type)
    variance = model.variance(residual)
    clusters = of_rows(clusters, design.rows)
    if clusters is not None:
        variance = model.add_clusters(residual, variance, clusters)
        for j in design.columns[np.isnan(variance[:, 0])]:
            design.notes[j] = "decided by a single cluster"
    error = np.sqrt(variance)
    p = _two_sided(coefficient, error, model.degrees)[:, 0]
    coefficient, error = coefficient[:, 0] / design.scale, error[:, 0] / design.scale
    exact = (error == 0) & (coefficient != 0)
    p[exact] = [
        _chance_of_signs(column, clusters)
        if not has_intercept
        else _chance_of_order(column, clusters)
        for column in X[np.ix_(design.rows, design.columns[exact])].T
    ]
    p_corrected = None
    tested = design.columns >= n_controls
    if n_permutations and residual.any() and (model.degrees[tested] < FEW_ROWS).any():
        exchangeable = residual[:, 0] / np.sqrt(1 - model.leverage)
        p_corrected = np.full(len(p), np.nan)
        p_corrected[tested] = step_down_min_p(
            p[tested],
            lambda outcomes: model.p_values(outcomes)[tested],
            exchangeable,
            n_permutations,
            by_orders=has_intercept,
            by_signs=not has_intercept
            or needs_signs(*model.variances(residual), design.weights)[tested],
        )
    alpha = np.broadcast_to(alpha, X.shape[1])[design.columns]
    width = special.stdtrit(model.degrees[:, 0], 1 - alpha / 2) * error
    return Estimates.of(
        design,
        intercept=mean - design.location @ coefficient,
        coefficient=coefficient,
        standard_error=error,
        p=p,
        ci_low=coefficient - width,
        ci_high=coefficient + width,
        p_corrected=p_corrected,
    )


def wald_linear(
    X, y, names, members, *, cov_type, weights=None, clusters=None, has_intercept=True
):
    """Test for each group of columns that all of their coefficients are 0.

    Parameters
    ----------
    members : list of int ndarray
        The columns of each group.
    X, y, names, cov_type, weights, clusters, has_intercept
        As for `fit_linear`.

    Returns
    -------
    ndarray of shape (n_groups,)
        p-values; NaN where no member has a coefficient, or the fit is exact.

    Notes
    -----
    p is the larger one of F tests with HC3's covariance and with the classical one. Of
    pure noise, skewed or not, that finds 6 % or less at 5 %, for near copies of a
    concept that 8 rows have, too. Bell and McCaffrey's degrees of freedom are not used:
    near copies differ in few rows, so a test with these degrees finds nothing. So where
    the noise of ten rows that have the concept is several times that of the others, p
    is too small.

    With clusters it is Hotelling's T2 with CR2's covariance, whose degrees of freedom
    are the number of clusters minus 1 (Pustejovsky & Tipton 2018, section 3).
    """
    design = usable_part(X, names, weights, has_intercept=has_intercept)
    # HC3's degrees of freedom are not needed.
    model, _, coefficient, residual = _fit(design, y, "nonrobust")
    classical = Covariance(model.classical_covariance(residual), model.n_free)
    covariances, is_lone = [classical], False
    if cov_type == "HC3":
        robust = model.robust_covariance(np.square(residual))
        covariances.append(Covariance(robust, model.n_free))
    clusters = of_rows(clusters, design.rows)
    if clusters is not None:
        robust, is_lone = model.cluster_covariance(residual, clusters)
        covariances.append(Covariance(robust, clusters.max(), is_of_clusters=True))
    return joint_p(
        members,
        np.where(is_lone, -1, design.columns),
        coefficient[:, 0],
        covariances,
    )


def _fit(design, y, cov_type):
    """Least squares of one outcome: the model, the mean, coefficients and residuals."""
    y, root = y[design.rows], np.sqrt(design.weights)
    mean = design.weights @ y / design.weights.sum() * design.has_intercept
    model = _LeastSquares(design, cov_type)
    outcome = (root * (y - mean))[:, None]
    residual = model.residual(outcome)
    coefficient = model.coefficients(outcome)
    if np.linalg.norm(residual) <= _EXACT * np.linalg.norm(outcome):
        residual[:] = 0.0
        coefficient[np.abs(coefficient) < 1e-9 * outcome.std()] = 0.0
    return model, mean, coefficient, residual


def influences(X, y, names):
    """Coefficients, and how much each row moves them.

    Returns
    -------
    coefficient : ndarray of shape (n_hypotheses,)
        NaN where there is none.
    influence : ndarray of shape (n_rows, n_hypotheses)
        Their squares sum to HC3's variances.
    """
    design = usable_part(X, names)
    model = _LeastSquares(design, "nonrobust")
    outcome = y[design.rows] - y[design.rows].mean()
    residual = model.residual(outcome[:, None])[:, 0] / (1 - model.leverage)
    coefficient = np.full(X.shape[1], np.nan)
    coefficient[design.columns] = model.coefficients(outcome) / design.scale
    influence = np.full(X.shape, np.nan)
    influence[:, design.columns] = 0.0
    influence[np.ix_(design.rows, design.columns)] = (
        model.loadings() * residual[:, None] / design.scale
    )
    return coefficient, influence


class _LeastSquares:
    """Least squares on one design, for many outcomes at once.

    Outcomes are arrays of shape (n_rows, n_outcomes), multiplied by the roots of the
    weights. Coefficients are those of the standardized columns.

    The standardized columns of the design are used up.

    Attributes
    ----------
    basis : ndarray of shape (n_rows, n_columns)
        Orthonormal. With many rows it is the only array of this size: others are made
        in chunks of rows.
    leverage : ndarray of shape (n_rows,)
    degrees : ndarray of shape (n_columns, 1)
        Degrees of freedom of each variance.
    """

    def __init__(self, design, cov_type):
        self.intercept = design.intercept()[:, None]
        self.basis, self.leverage = design.orthonormal(), design.leverage
        n_rows, n_columns = self.basis.shape
        inverse = linalg.solve_triangular(
            design.triangle, np.eye(n_columns), lower=True
        )
        # Its columns turn the basis into what a coefficient adds up.
        self.inverse = inverse / np.sqrt(design.weights.sum())
        self.n_free = n_rows - n_columns - design.has_intercept
        self.classical = np.square(self.inverse).sum(axis=0)[:, None]
        self.degrees = np.full((n_columns, 1), float(self.n_free))
        self.has_robust = cov_type == "HC3"
        self.chunks = row_chunks(n_rows, n_columns)
        self._only_chunk = None  # permutations need it often
        if self.has_robust:
            if len(self.chunks) == 1:
                self._only_chunk = self._robust_parts(slice(None))
            self.degrees = self._bell_mccaffrey()[:, None]

    def loadings(self, rows=slice(None)):
        """What each row's outcome adds to the coefficients: (n_rows, n_columns)."""
        return self.basis[rows] @ self.inverse

    def coefficients(self, outcomes):
        """Of shape (n_columns, n_outcomes), or (n_columns,) for one outcome."""
        return self.inverse.T @ (self.basis.T @ outcomes)

    def residual(self, outcomes):
        """What the intercept and the columns leave of each outcome."""
        residual = outcomes - self.intercept * (self.intercept.T @ outcomes)
        residual -= self.basis @ (self.basis.T @ residual)
        return residual

    def variance(self, residual):
        """Of each coefficient: the larger of HC3's and the classical one."""
        squares = np.square(residual)
        variance = self.classical * (squares.sum(axis=0) / self.n_free)
        if not self.has_robust:
            return variance
        return np.maximum(variance, self.robust_variance(squares))

    def variances(self, residual):
        """Of each coefficient: HC3's and the classical one, of one outcome."""
        squares = np.square(residual)
        classical = self.classical * (squares.sum(axis=0) / self.n_free)
        return self.robust_variance(squares)[:, 0], classical[:, 0]

    def robust_variance(self, squares):
        """HC3's variance of each coefficient, from the squares of the residuals."""
        return sum(part.T @ squares[rows] for rows, part in self._robust())

    def classical_covariance(self, residual):
        """Of the coefficients, with equal noise in all rows."""
        return self.inverse.T @ self.inverse * (np.square(residual).sum() / self.n_free)

    def robust_covariance(self, squares):
        """HC3's covariance of the coefficients, from the squares of the residuals."""
        covariance = 0.0
        for rows in self.chunks:
            loadings = self.loadings(rows)
            factor = squares[rows] / np.square(1 - self.leverage[rows, None])
            covariance = covariance + (loadings * factor).T @ loadings
        return covariance

    def _robust(self):
        """Chunks of rows with the factors of their squared residuals."""
        if self._only_chunk is not None:
            yield slice(None), self._only_chunk
            return
        for rows in self.chunks:
            yield rows, self._robust_parts(rows)

    def _robust_parts(self, rows, columns=slice(None)):
        loadings = self.basis[rows] @ self.inverse[:, columns]
        loadings /= 1 - self.leverage[rows, None]
        return np.square(loadings, out=loadings)

    def add_clusters(self, residual, variance, clusters):
        """The larger of CR2's variance and another; NaN where it is not known.

        Sets the degrees of freedom.
        """
        robust, is_lone = self.cluster_covariance(residual, clusters)
        larger = np.maximum(variance, np.diag(robust)[:, None])
        larger[is_lone] = np.nan
        return larger

    def cluster_covariance(self, residual, clusters):
        """CR2's covariance, and which coefficients a cluster alone decides.

        Sets the degrees of freedom.
        """
        basis = np.hstack([self.intercept, self.basis])
        directions = np.vstack([np.zeros(len(self.inverse)), self.inverse])
        robust, degrees, is_lone = cluster_covariance(
            basis, directions, residual[:, 0], clusters
        )
        self.degrees = degrees[:, None]
        return robust, is_lone

    def p_values(self, outcomes):
        """Two-sided p-values, of shape (n_columns, n_outcomes)."""
        error = np.sqrt(self.variance(self.residual(outcomes)))
        return _two_sided(self.coefficients(outcomes), error, self.degrees)

    def _bell_mccaffrey(self):
        """Degrees of freedom of HC3's variances (MacKinnon & White 1985).

        A variance is the quadratic form e' A e of the residuals e = M y, A diagonal.
        For noise of equal variance its Satterthwaite degrees of freedom are
        tr(MA)^2 / tr(MAMA), and M = I - HH' with orthonormal H.
        """
        trace, trace_of_square, total, squares = np.zeros((4, len(self.inverse)))
        for rows, A in self._robust():
            leverage, squared = self.leverage[rows], np.square(A)
            trace += (1 - leverage) @ A
            trace_of_square += (1 - 2 * leverage) @ squared
            total += A.sum(axis=0)
            squares += squared.sum(axis=0)
        # With more rows than that the rest of the trace does not matter.
        for j in np.flatnonzero(np.square(total) / squares < FEW_ROWS):
            column = self._robust_parts(slice(None), [j])[:, 0]
            rows = _largest(column)
            H = np.hstack([self.intercept[rows], self.basis[rows]])
            trace_of_square[j] += np.square((H.T * column[rows]) @ H).sum()
        return np.clip(np.square(trace) / trace_of_square, 1.0, self.n_free)


def _two_sided(coefficient, error, degrees):
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * special.stdtr(degrees, -np.abs(coefficient / error))
    return np.where((error == 0) & (coefficient == 0), 1.0, p)  # an exact fit


def _chance_of_order(column, clusters=None):
    """One in the number of different orders of a column's values.

    No outcome that is in a random order is fitted exactly more rarely. Rows of one
    cluster stay together.
    """
    if clusters is not None:
        column = np.bincount(clusters, column).round(8)
    counts = np.unique(column, return_counts=True)[1]
    n_orders = special.gammaln(len(column) + 1) - special.gammaln(counts + 1).sum()
    return np.exp(-n_orders)


def _chance_of_signs(column, clusters=None):
    """Two in the number of different signs of the rows that are not 0."""
    if clusters is not None:
        column = np.bincount(clusters, np.abs(column))
    return 0.5 ** (np.count_nonzero(column) - 1.0)


def _largest(values):
    if len(values) <= _MAX_ROWS:
        return slice(None)
    return np.argpartition(values, -_MAX_ROWS)[-_MAX_ROWS:]
