"""How well the annotations by a label say when its neuron fires."""

import numpy as np
import pandas as pd


def fidelity_table(annotations, activations):
    """Compare the annotations to each concept with the activations of its neuron.

    Parameters
    ----------
    annotations : array-like of shape (n_rows, n_concepts)
        1, 0 or NaN for a row that was not judged, which is left out.
    activations : array-like of shape (n_rows, n_concepts)
        Activations of the neurons; above 0 a neuron fires.

    Returns
    -------
    DataFrame of n_concepts rows
        `precision`, `recall`, `specificity`, `f1`, `balanced_accuracy`, `mcc` and
        `correlation` (Pearson's, with the activations themselves), `prevalence` (share
        of yes) and `n_rows`. A ratio whose denominator is 0 is 0, as in
        scikit-learn; all are NaN when no row was judged.

    Notes
    -----
    F1 is measured at the neuron's own frequency. On a sample with as many rows that
    fire as rows that do not, a label that fits everything has an F1 of 0.667; here
    it has hardly more than twice the frequency, and an MCC of 0.
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
        "mcc": _pearson(yes, fires),
        "correlation": _pearson(yes, activation),
        "prevalence": _ratio(tp + fp, n_rows),
    }
    if n_rows == 0:
        row = dict.fromkeys(row, np.nan)
    return {**row, "n_rows": n_rows}


def _ratio(numerator, denominator):
    return float(numerator / denominator) if denominator else 0.0


def _pearson(a, b):
    """Pearson's correlation; 0 where one of the two does not vary."""
    if len(a) == 0:
        return np.nan
    a, b = a - np.mean(a), b - np.mean(b)
    scale = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / scale) if scale > 1e-12 else 0.0
