"""Fidelity: how well the annotations by a label agree with its neuron."""

import numpy as np
import pandas as pd

from sklearn_hsae._correlations import pearson


def fidelity_table(annotations, activations):
    """Compare the annotations of each concept with the activations of its neuron.

    Parameters
    ----------
    annotations : array-like of shape (n_rows, n_concepts)
        1, 0, or NaN for a row that was not judged. Rows with NaN are left out.
    activations : array-like of shape (n_rows, n_concepts)
        Activations of the neurons. A neuron fires where its activation is above 0.

    Returns
    -------
    DataFrame of n_concepts rows
        `precision`, `recall`, `specificity`, `f1`, `balanced_accuracy`, `mcc` and
        `correlation` (Pearson's, with the activations themselves), `prevalence` (share
        of yes) and `n_rows`. A ratio whose denominator is 0 is 0, as in
        scikit-learn; all are NaN when no row was judged.

    Notes
    -----
    F1 depends on how often the neuron fires in these rows. A label that fits every row
    has an F1 of 0.667 where half of the rows fire, and of 0.02 where 1 % do. Its MCC is
    0 in both cases.
    """
    annotations = np.asarray(annotations, dtype=np.float64)
    activations = np.asarray(activations, dtype=np.float64)
    if annotations.shape != activations.shape:
        raise ValueError(
            f"annotations {annotations.shape} and activations {activations.shape} "
            "must have the same shape."
        )
    return pd.DataFrame(
        [
            _fidelity(annotation, activation)
            for annotation, activation in zip(annotations.T, activations.T, strict=True)
        ]
    )


def _fidelity(annotations, activation):
    judged = ~np.isnan(annotations)
    annotations, activation = annotations[judged], activation[judged]
    yes, fires = annotations > 0.5, activation > 0
    n_rows = len(annotations)
    tp, fp = np.sum(yes & fires), np.sum(yes & ~fires)
    fn, tn = np.sum(~yes & fires), np.sum(~yes & ~fires)
    precision, recall = _ratio(tp, tp + fp), _ratio(tp, tp + fn)
    specificity = _ratio(tn, tn + fp)
    row = {
        "precision": precision,
        "recall": recall,
        "specificity": specificity,
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "balanced_accuracy": (recall + specificity) / 2,
        "mcc": pearson(yes, fires),
        "correlation": pearson(yes, activation),
        "prevalence": _ratio(tp + fp, n_rows),
    }
    if n_rows == 0:
        row = dict.fromkeys(row, np.nan)
    return {**row, "n_rows": n_rows}


def _ratio(numerator, denominator):
    return float(numerator / denominator) if denominator else 0.0
