"""Ceilings: how well a linear model predicts the outcome after each step."""

import numpy as np
import pandas as pd
from scipy import sparse

from sklearn_hsae._pairs import pair_difference
from sklearn_hsae.evaluation._ridge import ridge_prediction
from sklearn_hsae.evaluation._stages import SELECTED_NEURONS
from sklearn_hsae.inference import headline


def ceiling_table(training, y_train, held_out, y, classes, metrics, **options):
    """Score a ridge regression on the output of each stage.

    Parameters
    ----------
    training, held_out : dict
        The features of each stage, on the training rows and on the held-out rows.
    y_train, y : ndarray of shape (n_rows,)
    classes : ndarray or None
        The classes; None for a regression.
    metrics : dict
        Metrics of the hypotheses, for the last row.
    **options
        `clusters` and `has_intercept` of `headline`.

    Returns
    -------
    DataFrame of n_stages rows
        Index: the stages. Columns: `r2` or `auc` on the held-out rows, the ends of
        its interval, and `n_columns`.
    """
    rows = {}
    for stage, features in training.items():
        A, B = _numbers(features), _numbers(held_out[stage])
        rows[stage] = _score(A, y_train, B, y, classes, options)
        if stage == SELECTED_NEURONS:
            A, B = (_numbers((part > 0) * 1.0) for part in (features, held_out[stage]))
            rows[f"{stage}, on or off"] = _score(A, y_train, B, y, classes, options)
    name = "r2" if classes is None else "auc"
    columns = [name, f"{name}_low", f"{name}_high", "n_columns"]
    # Beside controls the hypotheses reach what no earlier stage could.
    alone = f"{name}_hypotheses"
    own = [c.replace(name, alone) if alone in metrics else c for c in columns[:-1]]
    rows["hypotheses"] = {
        **dict(zip(columns, (metrics[c] for c in own), strict=False)),
        "n_columns": metrics["n_hypotheses"],
    }
    return pd.DataFrame.from_dict(rows, orient="index")[columns]


def _score(A, y_train, B, y, classes, options):
    has_intercept = options["has_intercept"]
    if classes is None:
        targets = y_train[:, None]
    else:  # of pairs, those of a swapped pair have the other sign
        targets = (y_train[:, None] == classes) - 0.5
    prediction = ridge_prediction(A, targets, B, has_intercept=has_intercept)
    if classes is None:
        prediction = prediction[:, 0]
    scores = headline(y, prediction, classes, **options)
    return {**scores, "n_columns": A.shape[1]}


def _numbers(features):
    """One row per text, or per pair of texts, as an array or a csr matrix."""
    features = pair_difference(features)
    if isinstance(features, pd.DataFrame) and all(
        isinstance(kind, pd.SparseDtype) for kind in features.dtypes
    ):
        return features.sparse.to_coo().tocsr()
    return features if sparse.issparse(features) else np.asarray(features)
