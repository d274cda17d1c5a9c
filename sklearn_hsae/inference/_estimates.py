"""What a regression says about each hypothesis."""

from typing import NamedTuple

import numpy as np


class Estimates(NamedTuple):
    """The result of a regression; NaN for a hypothesis that it left out.

    Attributes
    ----------
    coefficient, standard_error, p, ci_low, ci_high : ndarray of shape (n_hypotheses,)
    intercept : float
    notes : list of str of length n_hypotheses
    p_corrected : ndarray of shape (n_hypotheses,), or None
        Where the regression itself corrects for the number of hypotheses.
    is_penalized : bool
    """

    coefficient: np.ndarray
    standard_error: np.ndarray
    p: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    intercept: float
    notes: list
    p_corrected: np.ndarray | None = None
    is_penalized: bool = False

    @classmethod
    def of(cls, design, *, intercept, **values):
        """Spread what was estimated for `design.columns` over all hypotheses."""
        spread = {}
        for name, estimated in values.items():
            if estimated is not None:
                spread[name] = np.full(len(design.notes), np.nan)
                spread[name][design.columns] = estimated
        return cls(**spread, intercept=float(intercept), notes=design.notes)

    def part(self, columns):
        """The estimates of some hypotheses, a slice."""
        values = {
            name: value[columns]
            for name, value in self._asdict().items()
            if isinstance(value, np.ndarray | list)
        }
        return self._replace(**values)

    @classmethod
    def none(cls, n_hypotheses, intercept, note):
        """No hypothesis can be estimated."""
        nothing = np.full(n_hypotheses, np.nan)
        return cls(*[nothing] * 5, intercept=intercept, notes=[note] * n_hypotheses)
