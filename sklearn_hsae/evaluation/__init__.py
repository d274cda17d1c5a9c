"""Evaluation: test the hypotheses of a fitted pipeline on held-out texts.

This folder knows all steps of a pipeline, so that no step has to know another.
"""

from sklearn_hsae.evaluation._baselines import baselines
from sklearn_hsae.evaluation._cross_fit import cross_fit
from sklearn_hsae.evaluation._discovery_split import DiscoverySplit
from sklearn_hsae.evaluation._evaluate import evaluate_hypotheses
from sklearn_hsae.evaluation._fitted_pipeline import (
    fitted_pipeline as fitted_pipeline,  # for this package alone
)
from sklearn_hsae.evaluation._hypothesis_evaluation import (
    HypothesisEvaluation,
    class_name as class_name,  # for this package alone
)
from sklearn_hsae.evaluation._judge_agreement import judge_agreement
from sklearn_hsae.evaluation._matching import match_hypotheses
from sklearn_hsae.evaluation._outcome_table import outcome_table
from sklearn_hsae.evaluation._overlap import (
    fingerprints as fingerprints,  # for this package alone
)
from sklearn_hsae.evaluation._prediction_powered import prediction_powered
from sklearn_hsae.evaluation._relabel import (  # for this package alone
    corrected_names as corrected_names,
    relabel as relabel,
    relabel_column as relabel_column,
)
from sklearn_hsae.evaluation._selection_stability import selection_stability
from sklearn_hsae.evaluation._stability import stability
from sklearn_hsae.evaluation._stages import (  # for this package alone
    ALL_NEURONS as ALL_NEURONS,
    EMBEDDINGS as EMBEDDINGS,
    flat_steps as flat_steps,
    neuron_selector as neuron_selector,
    numeric_stages as numeric_stages,
)
from sklearn_hsae.evaluation._stored_evaluation import (
    load_evaluation,
    save_evaluation,
)
from sklearn_hsae.evaluation._update import HypothesisUpdate

__all__ = [
    "DiscoverySplit",
    "HypothesisEvaluation",
    "HypothesisUpdate",
    "baselines",
    "cross_fit",
    "evaluate_hypotheses",
    "judge_agreement",
    "load_evaluation",
    "match_hypotheses",
    "outcome_table",
    "prediction_powered",
    "save_evaluation",
    "selection_stability",
    "stability",
]
