"""The target as standardised columns, for all selection methods."""

from typing import NamedTuple

import numpy as np

from sklearn_hsae._target import read_target, refuse_constant
from sklearn_hsae.selection._controls import residuals

# A target whose residuals are below this share of its deviation has none.
_EXPLAINED = 1e-7


class TargetColumns(NamedTuple):
    """A target as standardised columns.

    Attributes
    ----------
    columns : ndarray of shape (n_samples, n_targets)
        Weighted mean 0 and weighted variance 1.
    scale : ndarray of shape (n_targets,)
        Standard deviations before the standardisation.
    is_classification : bool
    """

    columns: np.ndarray
    scale: np.ndarray
    is_classification: bool


def target_columns(y, task="auto", weights=None, basis=None):
    """Return `y`, or what the controls leave of it, as `TargetColumns`.

    A quantity gives one column. Two classes give one column, which is larger for the
    class that sorts last. More classes give one column per class, class against rest.
    With the `basis` of the controls, each column is replaced by its residuals.
    """
    target = read_target(y, task)
    refuse_constant(target)
    if target.is_classification:
        columns = np.eye(len(target.classes))[target.values]
        columns = columns[:, 1:] if len(target.classes) == 2 else columns
    else:
        columns = target.values[:, np.newaxis]
    # Divide by the range before squaring: squares of numbers near 1e200 overflow.
    columns = columns - np.average(columns, axis=0, weights=weights)
    largest = np.abs(columns).max(axis=0)
    columns = columns / largest
    deviation = np.sqrt(np.average(columns**2, axis=0, weights=weights))
    if basis is not None and basis.shape[1]:
        columns, before = residuals(columns, basis, weights), deviation
        deviation = np.sqrt(np.average(columns**2, axis=0, weights=weights))
        if (deviation <= _EXPLAINED * before).any():
            raise ValueError(
                "The controls explain the target without an error, so no neuron can "
                "add to them. Leave out the control that is made of the target."
            )
    return TargetColumns(
        columns / deviation, largest * deviation, target.is_classification
    )
