"""Evaluation: a fitted pipeline on texts that its hypotheses were not found on.

It looks at the whole pipeline from above, so that no step has to know another.
"""

from sklearn_hsae.evaluation._evaluate import HypothesisEvaluation, evaluate_hypotheses

__all__ = ["HypothesisEvaluation", "evaluate_hypotheses"]
