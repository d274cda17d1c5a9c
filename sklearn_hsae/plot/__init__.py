"""Displays: figures of matplotlib, made in scikit-learn's manner."""

from sklearn_hsae.plot._activations_display import ActivationsDisplay
from sklearn_hsae.plot._agreement_display import AgreementDisplay
from sklearn_hsae.plot._ceilings_display import CeilingsDisplay
from sklearn_hsae.plot._effects_display import EffectsDisplay
from sklearn_hsae.plot._fidelity_display import FidelityDisplay
from sklearn_hsae.plot._figures import (
    FIGURE_FILES as FIGURE_FILES,  # for this package alone
    save_figures,
)
from sklearn_hsae.plot._group_effects_display import GroupEffectsDisplay
from sklearn_hsae.plot._neuron_similarity_display import NeuronSimilarityDisplay
from sklearn_hsae.plot._prevalence_display import PrevalenceDisplay
from sklearn_hsae.plot._search_display import SearchDisplay
from sklearn_hsae.plot._stability_display import StabilityDisplay
from sklearn_hsae.plot._training_display import TrainingDisplay

__all__ = [
    "ActivationsDisplay",
    "AgreementDisplay",
    "CeilingsDisplay",
    "EffectsDisplay",
    "FidelityDisplay",
    "GroupEffectsDisplay",
    "NeuronSimilarityDisplay",
    "PrevalenceDisplay",
    "SearchDisplay",
    "StabilityDisplay",
    "TrainingDisplay",
    "save_figures",
]
