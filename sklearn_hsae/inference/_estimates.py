"""What a regression found, one entry a hypothesis."""

from typing import NamedTuple

import numpy as np


class Estimates(NamedTuple):
    """The result of a regression; NaN for a hypothesis that it left out.

    coefficient, standard_error, p, ci_low, ci_high : ndarray of shape (n_hypotheses,)
    intercept : float
    notes : list of str of length n_hypotheses
    is_penalized : bool
    """

    coefficient: np.ndarray
    standard_error: np.ndarray
    p: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    intercept: float
    notes: list
    is_penalized: bool = False

    @classmethod
    def of(cls, design, coefficient, error, intercept, *, distribution, alpha):
        """Test the coefficients of `design.columns`; spread them over all columns."""
        with np.errstate(divide="ignore", invalid="ignore"):
            p = 2 * distribution.sf(np.abs(coefficient / error))
        p = np.where((error == 0) & (coefficient == 0), 1.0, p)  # an exact fit
        width = distribution.ppf(1 - alpha / 2) * error
        found = {
            "coefficient": coefficient,
            "standard_error": error,
            "p": p,
            "ci_low": coefficient - width,
            "ci_high": coefficient + width,
        }
        for name, values in found.items():
            found[name] = np.full(len(design.notes), np.nan)
            found[name][design.columns] = values
        return cls(**found, intercept=float(intercept), notes=design.notes)

    @classmethod
    def none(cls, n_hypotheses, intercept, note):
        """No hypothesis can be estimated."""
        nothing = np.full(n_hypotheses, np.nan)
        return cls(*[nothing] * 5, intercept=intercept, notes=[note] * n_hypotheses)
