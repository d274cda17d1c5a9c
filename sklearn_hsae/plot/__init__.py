"""Displays: an evaluation as figures of matplotlib, in scikit-learn's manner."""

from sklearn_hsae.plot._agreement_display import AgreementDisplay
from sklearn_hsae.plot._ceilings_display import CeilingsDisplay
from sklearn_hsae.plot._effects_display import EffectsDisplay
from sklearn_hsae.plot._fidelity_display import FidelityDisplay
from sklearn_hsae.plot._figures import (
    FIGURE_FILES as FIGURE_FILES,  # for this package alone
)
from sklearn_hsae.plot._figures import save_figures
from sklearn_hsae.plot._group_effects_display import GroupEffectsDisplay
from sklearn_hsae.plot._prevalence_display import PrevalenceDisplay

__all__ = [
    "AgreementDisplay",
    "CeilingsDisplay",
    "EffectsDisplay",
    "FidelityDisplay",
    "GroupEffectsDisplay",
    "PrevalenceDisplay",
    "save_figures",
]
