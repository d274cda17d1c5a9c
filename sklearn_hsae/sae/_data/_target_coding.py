"""Encode the target as the numbers that the head predicts."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from sklearn_hsae._target import read_target, refuse_constant


class TargetCoding(NamedTuple):
    """The encoding of y as numbers that the head predicts.

    All values are plain Python, so that the encoding can be saved as JSON: later calls
    of `partial_fit` must encode their y as the first call did.

    Attributes
    ----------
    kind : {"regression", "binary", "multiclass"}
        Which loss the head has.
    classes : list or None
        None for a quantity.
    mean, std : float
        They standardise a quantity, so that `target_weight` has the same effect in each
        unit.
    """

    kind: str
    classes: list | None = None
    mean: float = 0.0
    std: float = 1.0

    @property
    def n_outputs(self):
        """Number of outputs of the head."""
        return len(self.classes) if self.kind == "multiclass" else 1

    def encode(self, y):
        """Encode y: int64 class codes for three classes or more, else float32.

        Parameters
        ----------
        y : array-like of shape (n_samples,)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        if self.classes is None:
            quantity = read_target(y, "regression").values
            return ((quantity - self.mean) / self.std).astype(np.float32)
        target = read_target(y, "classification")
        known = pd.Index(self.classes).get_indexer(pd.Index(target.classes))
        if (known < 0).any():
            unknown = target.classes[known < 0].tolist()[0]
            raise ValueError(
                f"y contains {unknown!r}, which was not among the classes of the first "
                f"call: {self.classes}."
            )
        codes = known[target.values]
        return codes.astype(np.int64 if self.kind == "multiclass" else np.float32)


def learn_target(y, task):
    """The :class:`TargetCoding` of y.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
    task : {"auto", "regression", "classification"}

    Raises
    ------
    ValueError
        When y is constant, or not what the task needs.
    """
    target = read_target(y, task)
    refuse_constant(target)
    if target.classes is None:
        mean, std = float(target.values.mean()), float(target.values.std())
        return TargetCoding("regression", None, mean, std)
    kind = "binary" if len(target.classes) == 2 else "multiclass"
    return TargetCoding(kind, target.classes.tolist())
