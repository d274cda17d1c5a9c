"""The held-out rows that an evaluation keeps, for regressions that come later."""

from typing import NamedTuple

import numpy as np
import pandas as pd


class HeldOut(NamedTuple):
    """What a regression on the held-out rows needs; the annotations are not copied.

    Attributes
    ----------
    last_step : HypothesisRegressor or HypothesisClassifier
    annotations, controls : DataFrame of n_rows rows
    y : ndarray of shape (n_rows,)
    groups : array-like of shape (n_rows,), or None
    texts : uint64 ndarray of shape (n_rows,), or None
        Fingerprints of the texts.
    """

    last_step: object
    annotations: pd.DataFrame
    controls: pd.DataFrame
    y: np.ndarray
    groups: object
    texts: np.ndarray | None
