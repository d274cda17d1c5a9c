"""How much of the outcome each step of a pipeline still holds."""

import numpy as np
import pandas as pd
from scipy import sparse

from sklearn_hsae.evaluation._ridge import ridge_prediction
from sklearn_hsae.inference import headline


def ceiling_table(training, y_train, held_out, y, classes, metrics):
    """Score a ridge regression from each stage; one row a stage.

    Parameters
    ----------
    training, held_out : dict of stage to features
    y_train, y : ndarray
    classes : ndarray of the classes, or None for a regression
    metrics : dict of the hypotheses, for the last row

    Returns
    -------
    DataFrame
        Index: the stages. Columns: `r2` or `auc` on the held-out rows, the ends of
        its interval, and `n_columns`.
    """
    rows = {}
    for stage, features in training.items():
        A, B = _numbers(features), _numbers(held_out[stage])
        rows[stage] = _score(A, y_train, B, y, classes)
        if stage == "selected neurons":
            rows[f"{stage}, on or off"] = _score(
                (A > 0) * 1.0, y_train, (B > 0) * 1.0, y, classes
            )
    rows["hypotheses"] = {**metrics, "n_columns": metrics["n_hypotheses"]}
    name = "r2" if classes is None else "auc"
    columns = [name, f"{name}_low", f"{name}_high", "n_columns"]
    return pd.DataFrame.from_dict(rows, orient="index")[columns]


def _score(A, y_train, B, y, classes):
    if classes is None:
        prediction = ridge_prediction(A, y_train[:, None], B)[:, 0]
    else:
        prediction = ridge_prediction(A, (y_train[:, None] == classes) * 1.0, B)
    return {**headline(y, prediction, classes), "n_columns": A.shape[1]}


def _numbers(features):
    if isinstance(features, pd.DataFrame) and all(
        isinstance(kind, pd.SparseDtype) for kind in features.dtypes
    ):
        return features.sparse.to_coo().tocsr()
    return features if sparse.issparse(features) else np.asarray(features)
