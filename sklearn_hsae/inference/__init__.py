"""Inference: what the hypotheses say about the outcome, and how sure that is."""

from sklearn_hsae.inference._annotations import (
    rows_that_count as rows_that_count,  # these four are for this package alone
)
from sklearn_hsae.inference._by_group import LEAST_ROWS_PER_GROUP, effects_by_group
from sklearn_hsae.inference._classes import find_positive
from sklearn_hsae.inference._classifier import HypothesisClassifier
from sklearn_hsae.inference._clusters import read_clusters
from sklearn_hsae.inference._controls import split_controls
from sklearn_hsae.inference._design import usable_part as usable_part
from sklearn_hsae.inference._linear import (
    fit_linear as fit_linear,
    influences as influences,
)
from sklearn_hsae.inference._logistic import PENALIZED
from sklearn_hsae.inference._metrics import HEADLINE, headline
from sklearn_hsae.inference._regressor import HypothesisRegressor
from sklearn_hsae.inference._table import (
    corrected as corrected,
)

__all__ = [
    "HEADLINE",
    "LEAST_ROWS_PER_GROUP",
    "PENALIZED",
    "HypothesisClassifier",
    "HypothesisRegressor",
    "effects_by_group",
    "find_positive",
    "headline",
    "read_clusters",
    "split_controls",
]
