"""The likelihood of a logistic regression, as it is or with Firth's penalty."""

import numpy as np
from scipy import linalg, optimize
from scipy.special import expit, log_expit

from sklearn_hsae.inference._clusters import cluster_covariance

# A maximum is found when one more step would move no row's log-odds by more than this.
_STILL = 1e-6
# Where there is no maximum, each step moves some log-odds by about 1.
_MOVING = 0.01
_LONGEST_STEP = 3.0  # of a row's log-odds: far out every weight is 0
_MAX_STEPS = 35  # where there is a maximum it takes about six
_MAX_PENALIZED_STEPS = 15  # then by BFGS: near separation Newton's steps crawl
_MAX_HALVINGS = 40
_ROUNDING = 1e-12  # of the value, relative
_BFGS = {"gtol": 1e-6, "maxiter": 1000}
_MAX_SEARCH = 50
_SEARCH_TOLERANCE = 1e-4  # in standard errors


class LogisticLikelihood:
    """Weighted log-likelihood of 0 and 1, and its maximum under constraints.

    Parameters
    ----------
    matrix : ndarray of shape (n_rows, n_columns)
        With a first column of ones; of full rank.
    y : float ndarray of shape (n_rows,)
        0 and 1.
    weights : ndarray of shape (n_rows,)
        Greater than 0.
    penalized : bool
        Whether to add half the log-determinant of the information (Firth 1993). Then
        there is always a maximum.
    """

    def __init__(self, matrix, y, weights, *, penalized):
        self.matrix, self.y, self.weights = matrix, y, weights
        self.penalized = penalized

    def maximize(self, start, fixed=()):
        """Find the maximum by Newton's steps, halved where they do not gain.

        Parameters
        ----------
        start : ndarray of shape (n_columns,)
        fixed : int or ndarray of int, default=()
            Positions of coefficients that stay as they are in `start`.

        Returns
        -------
        beta : ndarray of shape (n_columns,)
        value : float
        gradient : ndarray of shape (n_columns,)
        converged : bool
        """
        beta, free = start, ~np.isin(np.arange(len(start)), fixed)
        value, gradient, curvature = self._at(beta)
        moved = np.inf
        if not np.isfinite(value):
            return beta, value, gradient, False
        for _ in range(_MAX_PENALIZED_STEPS if self.penalized else _MAX_STEPS):
            step = np.zeros_like(beta)
            try:
                factor = linalg.cho_factor(curvature[np.ix_(free, free)])
                step[free] = linalg.cho_solve(factor, gradient[free])
            except linalg.LinAlgError:  # every weight is 0: far out without a maximum
                return beta, value, gradient, False
            moved = np.abs(self.matrix @ step).max()
            if moved < _STILL:
                break
            step = step / max(1.0, moved / _LONGEST_STEP)
            for _ in range(_MAX_HALVINGS):
                trial = self._at(beta + step)
                if trial[0] >= value - _ROUNDING * (1 + abs(value)):
                    break
                step = step / 2
            else:
                break
            beta = beta + step
            value, gradient, curvature = trial
        if self.penalized and moved > _STILL:
            return self._maximize_slowly(beta, free, curvature)
        return beta, value, gradient, moved < _MOVING

    def covariance(self, beta):
        """Covariance of the maximum, and how much larger its variances are.

        Returns
        -------
        covariance : ndarray of shape (n_columns, n_columns)
            That of rows with unequal chances of selection, if the model holds: the
            inverse information, where all weights are 1.
        ratio : ndarray of shape (n_columns,)
            Of its diagonal to that of the inverse information (Rao & Scott 1984).
        """
        share = expit(self.matrix @ beta)
        spread = self.weights * share * (1 - share)
        inverse = linalg.inv((self.matrix.T * spread) @ self.matrix)
        covariance = self.matrix.T * (spread * self.weights) @ self.matrix
        covariance = inverse @ covariance @ inverse
        return covariance, np.diag(covariance) / np.diag(inverse)

    def hc3_covariance(self, beta):
        """HC3's covariance of the coefficients: the sandwich (MacKinnon & White 1985).

        The residuals are divided by 1 minus the leverages of the least squares of the
        last Newton step.

        Returns
        -------
        covariance : ndarray of shape (n_columns, n_columns)
        degrees : ndarray of shape (n_columns,)
            Infinite.
        is_lone : bool ndarray of shape (n_columns,)
            False.
        """
        share = expit(self.matrix @ beta)
        spread = self.weights * share * (1 - share)
        inverse = linalg.inv((self.matrix.T * spread) @ self.matrix)
        loadings = self.matrix @ inverse
        left = 1 - spread * np.einsum("ij,ij->i", loadings, self.matrix)
        moved = self.weights * (self.y - share) / np.maximum(left, _ROUNDING)
        loadings *= moved[:, None]
        degrees = np.full(len(beta), np.inf)
        return loadings.T @ loadings, degrees, np.zeros(len(beta), dtype=bool)

    def cluster_covariance(self, beta, clusters):
        """Covariance of the coefficients that allows for clusters: CR2.

        The regression is taken as the least squares of its last Newton step, with its
        weights.

        Returns
        -------
        As the function `cluster_covariance`.
        """
        share = expit(self.matrix @ beta)
        root = np.sqrt(self.weights * np.maximum(share * (1 - share), 1e-300))
        basis, triangle = linalg.qr(self.matrix * root[:, None], mode="economic")
        directions = linalg.solve_triangular(triangle, np.eye(len(triangle)), trans="T")
        residual = self.weights * (self.y - share) / root
        return cluster_covariance(basis, directions, residual, clusters)

    def profile(self, j, value, best, direction):
        """Maximum over the other coefficients while coefficient j has one value.

        Parameters
        ----------
        j : int
        value : float
        best : ndarray of shape (n_columns,)
            The nearest maximum that is known.
        direction : ndarray of shape (n_columns,)
            How the others move with coefficient j.

        Returns
        -------
        As :meth:`maximize`.
        """
        start = best + (value - best[j]) * direction
        start[j] = value
        return self.maximize(start, fixed=j)

    def profile_end(self, j, best, top, drop, error, direction):
        """Where the profile is `drop` below its top, on the side of the sign of error.

        Newton's method on the root of the difference, which is nearly linear in the
        coefficient.
        """
        end, at = best[j] + np.sqrt(drop) * error, best
        for _ in range(_MAX_SEARCH):
            beta, value, gradient, _ = self.profile(j, end, at, direction)
            if not np.isfinite(value):  # too far out to start from here
                end = (end + at[j]) / 2
                continue
            at = beta
            root = np.sqrt(max(2 * (top - value), 1e-300))
            step = (np.sqrt(drop) - root) * root / -gradient[j]
            # Never to the other side of the maximum.
            nearest = best[j] + 0.1 * (end - best[j])
            end = end + step
            if (end - nearest) * np.sign(error) < 0:
                end = nearest
            if abs(step) < _SEARCH_TOLERANCE * abs(error):
                break
        return end

    def _maximize_slowly(self, start, free, curvature):
        """By BFGS, in coordinates in which the curvature at the start is 1."""
        factor = linalg.cholesky(curvature[np.ix_(free, free)], lower=True)
        unit = np.zeros((len(start), len(factor)))
        unit[free] = linalg.solve_triangular(
            factor, np.eye(len(factor)), lower=True, trans="T"
        )

        def loss(position):
            value, gradient, _ = self._at(start + unit @ position)
            return -value, -gradient @ unit

        with np.errstate(invalid="ignore"):  # trial steps far out
            result = optimize.minimize(
                loss, np.zeros(len(factor)), method="BFGS", jac=True, options=_BFGS
            )
        beta = start + unit @ result.x
        value, gradient, _ = self._at(beta)
        # The line search stops early when rounding hides what is left to gain.
        return beta, value, gradient, np.abs(result.jac).max() < 100 * _BFGS["gtol"]

    def _at(self, beta):
        """Value, gradient and (nearly) minus the second derivatives."""
        log_odds = self.matrix @ beta
        share = expit(log_odds)
        variance = share * (1 - share)
        value = self.weights @ log_expit(np.where(self.y > 0, log_odds, -log_odds))
        slope, bend = self.weights * (self.y - share), self.weights * variance
        if self.penalized:
            root = self.matrix * np.sqrt(bend)[:, None]
            try:
                factor = linalg.cholesky(root.T @ root, lower=True)
            except linalg.LinAlgError:  # a trial step far out, where weights are 0
                return -np.inf, np.zeros_like(beta), None
            halved = linalg.solve_triangular(factor, root.T, lower=True)
            leverage = np.einsum("ji,ji->i", halved, halved)
            value += np.log(np.diag(factor)).sum()
            slope = slope + leverage * (0.5 - share)
            bend = bend + leverage * variance
        return value, self.matrix.T @ slope, (self.matrix.T * bend) @ self.matrix
