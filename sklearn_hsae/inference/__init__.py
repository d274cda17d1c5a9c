"""Inference: what the hypotheses say about the outcome, and how sure that is."""

from sklearn_hsae.inference._classifier import HypothesisClassifier
from sklearn_hsae.inference._evaluation import HypothesisEvaluation, evaluate_hypotheses
from sklearn_hsae.inference._regressor import HypothesisRegressor

__all__ = [
    "HypothesisClassifier",
    "HypothesisEvaluation",
    "HypothesisRegressor",
    "evaluate_hypotheses",
]
