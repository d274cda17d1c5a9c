"""Probabilities of classes, and how well they predict other rows."""

import numpy as np
from scipy.special import expit

from sklearn_hsae.inference._logistic import fit_logistic
from sklearn_hsae.inference._metrics import (
    auc,
    average_precision,
    gain,
    headline,
    mcfadden,
)
from sklearn_hsae.inference._table import upper_sided


def log_odds(X, coef, intercept):
    """Log-odds of the class that sorts last of two, or of each class.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
    coef : ndarray of shape (1 or n_classes, n_columns)
    intercept : ndarray of shape (1 or n_classes,)

    Returns
    -------
    ndarray of shape (n_rows,) or (n_rows, n_classes)
    """
    scores = X @ coef.T + intercept
    return scores[:, 0] if len(coef) == 1 else scores


def shares(scores):
    """Probabilities from log-odds, of shape (n_rows, n_classes); they have the sum 1.

    Those of a swapped pair are the same to the last digit.
    """
    if scores.ndim == 1:
        return expit(np.column_stack([-scores, scores]))
    probability = expit(scores)
    return probability / np.maximum(probability.sum(axis=1, keepdims=True), 1e-300)


def most_likely(scores, classes):
    """The class of each row, from log-odds."""
    if scores.ndim == 1:
        return classes[(scores > 0).astype(int)]
    return classes[scores.argmax(axis=1)]


def accuracy(scores, y, classes, weights, *, pairs):
    """The share of rows whose class is the most likely one.

    A pair without any difference counts half: swapped, it would be predicted in the
    same way.
    """
    is_right = (most_likely(scores, classes) == y) * 1.0
    if pairs:
        is_right[scores == 0] = 0.5
    return float(np.average(is_right, weights=weights))


def class_metrics(model, rows, scores, in_sample, options):
    """The metrics of a fitted classifier on other rows, without counts.

    Parameters
    ----------
    model : HypothesisClassifier
        Fitted.
    rows : Rows
    scores, in_sample : ndarray
        Log-odds by the model, and by the regressions on these rows.
    options : dict
        Of `headline`.

    Returns
    -------
    dict
    """
    y, weights, classes = rows.y, rows.weights, model.classes_
    parts = weights, options["has_intercept"]
    order = slice(None, None, -1 if model._is_first_positive else 1)
    probability, in_sample = shares(scores), shares(in_sample)
    return {
        **headline(y, probability, classes, **options),
        **_beyond_controls(model, rows, probability, options),
        "average_precision": average_precision(
            y, probability[:, order], classes[order], *parts
        ),
        "accuracy": accuracy(scores, y, classes, weights, pairs=model.pairs),
        "auc_in_sample": auc(y, in_sample, classes, *parts),
        "mcfadden_in_sample": mcfadden(y, in_sample, classes, *parts),
    }


def _beyond_controls(model, rows, probability, options):
    """What each of controls and hypotheses reach alone, and what the latter add."""
    n_controls = model.control_coef_.shape[1]
    if not n_controls:
        return {}
    X, y, classes = rows.X, rows.y, model.classes_
    controls, hypotheses = X[:, :n_controls], X[:, n_controls:]
    by_hypotheses = shares(log_odds(hypotheses, *model._alone["hypotheses"]))
    alone = headline(y, by_hypotheses, classes, **options)
    baseline = shares(log_odds(controls, *model._alone["controls"]))
    p = _p_of_gain(model, controls, hypotheses, y, options)
    return {
        **{name.replace("auc", "auc_hypotheses"): v for name, v in alone.items()},
        **gain(y, probability, baseline, classes, p=p, **options),
    }


def _p_of_gain(model, controls, hypotheses, y, options):
    """Of the test that the fitted sum of the effects adds nothing for any class."""
    names = np.append(model._names()[0], "hypotheses")
    sign, p = -1.0 if model._is_first_positive else 1.0, []
    for (_, is_class), coefficient in zip(model._outcomes(y), model.coef_, strict=True):
        columns = np.column_stack([controls, sign * hypotheses @ coefficient])
        added = fit_logistic(
            columns, is_class, names, cov_type=model.cov_type, **options
        )
        p.append(upper_sided(added.p[-1], added.coefficient[-1]))
    return min(1.0, len(p) * float(np.nanmin([*p, 1.0])))
