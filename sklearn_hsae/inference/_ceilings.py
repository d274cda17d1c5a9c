"""How much of the outcome each step of a pipeline still holds."""

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.linear_model import RidgeCV

from sklearn_hsae.inference._metrics import classification_metrics, regression_metrics

_ALPHAS = np.logspace(-3, 4, 15)


def stages(pipeline, X, *, until_end):
    """Run the fitted steps; return what the next one gets at each stage.

    Returns
    -------
    reached : dict
        `embeddings` (what the autoencoder gets), `all neurons` and `selected
        neurons`, as far as the pipeline has such steps.
    last : object
        What the last step of the pipeline gets; None unless `until_end`.
    """
    from sklearn_hsae.sae import MatryoshkaSAETransformer
    from sklearn_hsae.selection import NeuronSelector

    steps = [
        step for _, step in pipeline.steps[:-1] if step not in (None, "passthrough")
    ]
    is_numeric_stage = (MatryoshkaSAETransformer, NeuronSelector)
    n_numeric = 1 + max(
        (i for i, step in enumerate(steps) if isinstance(step, is_numeric_stage)),
        default=-1,
    )
    reached = {}
    for step in steps if until_end else steps[:n_numeric]:
        if isinstance(step, MatryoshkaSAETransformer):
            reached["embeddings"] = X
        X = step.transform(X)
        if isinstance(step, MatryoshkaSAETransformer):
            reached["all neurons"] = X
        if isinstance(step, NeuronSelector):
            reached["selected neurons"] = X
    return reached, X if until_end else None


def ceiling_table(training, y_train, held_out, y, classes):
    """Score a ridge regression from each stage; one row a stage.

    Parameters
    ----------
    training, held_out : dict of stage to features
    y_train, y : ndarray
    classes : ndarray of the classes, or None for a regression

    Returns
    -------
    DataFrame
        Index: the stages. Columns: `r2` or `auc` on the held-out rows, the ends of
        its interval, and `n_columns`.
    """
    rows = {}
    for stage, features in training.items():
        rows[stage] = _score(
            _numbers(features), y_train, _numbers(held_out[stage]), y, classes
        )
        if stage == "selected neurons":
            rows["selected neurons, on or off"] = _score(
                (_numbers(features) > 0) * 1.0,
                y_train,
                (_numbers(held_out[stage]) > 0) * 1.0,
                y,
                classes,
            )
    return pd.DataFrame.from_dict(rows, orient="index")


def _score(A, y_train, B, y, classes):
    # The efficient leave-one-out solution needs dense columns.
    model = RidgeCV(_ALPHAS, cv=3 if sparse.issparse(A) else None)
    if classes is None:
        prediction = model.fit(A, y_train).predict(B)
        found = regression_metrics(y, prediction, prediction)
        keys = ("r2", "r2_low", "r2_high")
    else:
        scores = model.fit(A, (y_train[:, None] == classes) * 1.0).predict(B)
        found = classification_metrics(y, classes, scores, scores)
        keys = ("auc", "auc_low", "auc_high")
    return {key: found[key] for key in keys if key in found} | {"n_columns": A.shape[1]}


def _numbers(features):
    if isinstance(features, pd.DataFrame) and all(
        isinstance(kind, pd.SparseDtype) for kind in features.dtypes
    ):
        return features.sparse.to_coo().tocsr()
    return features if sparse.issparse(features) else np.asarray(features)


def verdict(table, metrics, classes):
    """A sentence or two: is there a signal, and where is it lost?"""
    name, chance = ("r2", 0.0) if classes is None else ("auc", 0.5)
    measure = "held-out R2" if classes is None else "held-out AUC"
    found = (
        f"{metrics['n_significant']} of {metrics['n_hypotheses']} hypotheses are "
        f"significant; together they reach a {measure} of {metrics[name]:.2f}."
    )
    if table is None or "embeddings" not in table.index:
        return found
    ceiling = table.loc["embeddings"]
    if ceiling.get(f"{name}_low", ceiling[name]) <= chance:
        return (
            f"{found} There is no signal to find here: even a ridge regression on the "
            f"embeddings does no better than chance ({measure} {ceiling[name]:.2f}). "
            "More texts, another embedding model or another outcome may help; other "
            "settings of the pipeline will not."
        )
    share = (metrics[name] - chance) / (ceiling[name] - chance)
    return (
        f"{found} That is {max(share, 0):.0%} of what a ridge regression on the "
        f"embeddings reaches ({ceiling[name]:.2f}). {_largest_loss(table[name])}"
    )


_CURES = {
    "all neurons": "a larger autoencoder (n_neurons, k) keeps more",
    "selected neurons": "more hypotheses (n_select) or a target_weight keep more",
    "selected neurons, on or off": "neurons say less as yes and no than as amounts",
    "hypotheses": "labels or judgements miss what the neurons say; try another "
    "interpreter or judge",
}


def _largest_loss(scores):
    losses = -scores.diff().dropna()
    stage = losses.idxmax()
    if losses[stage] <= 0.01:
        return "No step loses much of it."
    return f"Most is lost at the step to {stage!r}: {_CURES[stage]}."
