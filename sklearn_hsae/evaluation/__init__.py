"""Evaluation: a fitted pipeline on texts that its hypotheses were not found on.

It looks at the whole pipeline from above, so that no step has to know another.
"""

from sklearn_hsae.evaluation._discovery_split import DiscoverySplit
from sklearn_hsae.evaluation._evaluate import (
    HypothesisEvaluation,
    evaluate_hypotheses,
)
from sklearn_hsae.evaluation._evaluate import (
    class_name as class_name,  # for this package alone
)
from sklearn_hsae.evaluation._matching import match_hypotheses

__all__ = [
    "DiscoverySplit",
    "HypothesisEvaluation",
    "evaluate_hypotheses",
    "match_hypotheses",
]
