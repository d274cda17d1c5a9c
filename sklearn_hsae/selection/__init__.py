"""Selection of the neurons that are related to the target.

The functions score each neuron or choose a set of neurons. `NeuronSelector` is the
scikit-learn selector that calls them.
"""

from sklearn_hsae.selection._columns import (  # for this package alone
    active_entries as active_entries,
    as_columns as as_columns,
    count_active as count_active,
)
from sklearn_hsae.selection._forward import forward_selection
from sklearn_hsae.selection._lasso import lasso_selection
from sklearn_hsae.selection._scores import (
    correlation_score,
    prevalence_score,
    separation_score,
)
from sklearn_hsae.selection._selector import NeuronSelector
from sklearn_hsae.selection._suggest_n_select import suggest_n_select

__all__ = [
    "NeuronSelector",
    "correlation_score",
    "forward_selection",
    "lasso_selection",
    "prevalence_score",
    "separation_score",
    "suggest_n_select",
]
