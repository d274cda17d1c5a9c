"""Hypotheses put to the test on texts they were not found on."""

import textwrap
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_hsae._files import json_value
from sklearn_hsae._target import read_target
from sklearn_hsae.evaluation._ceilings import ceiling_table
from sklearn_hsae.evaluation._stages import (
    transform_by_stages,
    transform_numeric_stages,
)
from sklearn_hsae.evaluation._verdict import verdict
from sklearn_hsae.inference import HypothesisClassifier, HypothesisRegressor

_SHOWN = (
    "coefficient",
    "ci_low",
    "ci_high",
    "p_corrected",
    "prevalence",
    "f1",
    "class",
    "hypothesis",
)
_FIDELITY = ["precision", "recall", "f1", "correlation"]


@dataclass(frozen=True, eq=False)
class HypothesisEvaluation:
    """What :func:`evaluate_hypotheses` found.

    Attributes
    ----------
    task : {"regression", "classification"}
    table : DataFrame
        One row a hypothesis, estimated on the held-out rows; see `summary_` of
        :class:`HypothesisRegressor`, and the fidelity of its label.
    metrics : dict
        See ``evaluate`` of :class:`HypothesisRegressor` and
        :class:`HypothesisClassifier`.
    ceilings : DataFrame or None
        The held-out score of a ridge regression on the embeddings, all neurons, the
        selected ones (as amounts, and on or off), and that of the hypotheses.
    verdict : str
        Whether there is a signal, and where most of it is lost.
    annotations : DataFrame of shape (n_rows, n_hypotheses)
        The answers 1, 0 or NaN on the held-out rows.
    fidelity : DataFrame or None
        How well each label describes its neuron: `fidelity_` of the interpreter.
    """

    task: str
    table: pd.DataFrame
    metrics: dict
    ceilings: pd.DataFrame | None
    verdict: str
    annotations: pd.DataFrame
    fidelity: pd.DataFrame | None

    def to_dict(self):
        """Everything but the answers, as JSON can hold it.

        Returns
        -------
        dict
            `task`, `verdict`, `metrics`, `hypotheses` and `ceilings` (one dict a row;
            None where a number is NaN).
        """
        return {
            "task": self.task,
            "verdict": self.verdict,
            "metrics": json_value(self.metrics),
            "hypotheses": json_value(self.table.to_dict("records")),
            "ceilings": None
            if self.ceilings is None
            else json_value(
                self.ceilings.rename_axis("stage").reset_index().to_dict("records")
            ),
        }

    def __repr__(self):
        shown = self.table[[name for name in _SHOWN if name in self.table]]
        table = shown.to_string(index=False, float_format="{:.3g}".format)
        return f"{textwrap.fill(self.verdict, 88)}\n\n{table}"

    def _repr_html_(self):
        table = self.table.to_html(index=False, float_format="{:.3g}".format)
        return f"<p>{escape(self.verdict)}</p>{table}"


def evaluate_hypotheses(pipeline, X, y, *, X_train=None, y_train=None):
    """Test the hypotheses of a fitted pipeline on other rows.

    The texts are judged once, and the regression on the answers is estimated anew
    on these rows, so that its p-values do not come from the rows on which the
    hypotheses were found.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        Fitted, with a :class:`HypothesisRegressor` or :class:`HypothesisClassifier`
        as its last step.
    X : sequence of str, or whatever the pipeline takes, of length n_samples
        Rows that the pipeline was not fitted on.
    y : array-like of shape (n_samples,)
    X_train, y_train : default=None
        The rows it was fitted on. With them, the ceilings are computed: how well
        the outcome is predicted from what each step passes on.

    Returns
    -------
    HypothesisEvaluation

    Raises
    ------
    ValueError
        When the lengths differ, y is missing somewhere, or the last step of the
        pipeline is none of the two.

    Examples
    --------
    Any pipeline will do whose last step is one of the two, here that step alone:

    >>> import numpy as np
    >>> from sklearn.pipeline import Pipeline
    >>> from sklearn_hsae import HypothesisRegressor, evaluate_hypotheses
    >>> rng = np.random.default_rng(0)
    >>> X = rng.integers(2, size=(400, 3))
    >>> y = X[:, 0] + rng.normal(size=400)
    >>> pipe = Pipeline([("regress", HypothesisRegressor())]).fit(X[:200], y[:200])
    >>> evaluation = evaluate_hypotheses(pipe, X[200:], y[200:])
    >>> evaluation.verdict
    '1 of 3 hypotheses are significant; together they reach a held-out R2 of 0.27.'
    """
    last = _last_step(pipeline)
    task = "classification" if is_classifier(last) else "regression"
    y = _check_target(X, y, task, "X", "y")
    last._check_held_out(y)
    if (X_train is None) != (y_train is None):
        raise ValueError("Pass both X_train and y_train, or neither.")
    if X_train is not None:
        y_train = _check_target(X_train, y_train, task, "X_train", "y_train")
    reached, answers = transform_by_stages(pipeline, X)
    table, metrics = last.evaluate(answers, y)
    ceilings = None
    if X_train is not None:
        training = transform_numeric_stages(pipeline, X_train)
        classes = last.classes_ if task == "classification" else None
        ceilings = ceiling_table(training, y_train, reached, y, classes, metrics)
    fidelity = _fidelity(pipeline)
    return HypothesisEvaluation(
        task=task,
        table=_with_fidelity(table, fidelity),
        metrics=metrics,
        ceilings=ceilings,
        verdict=verdict(task, metrics, ceilings),
        annotations=_as_frame(answers, table),
        fidelity=fidelity,
    )


def _last_step(pipeline):
    """The fitted last step of a pipeline, if it can evaluate hypotheses."""
    if not isinstance(pipeline, Pipeline):
        raise ValueError(
            "evaluate_hypotheses expects a fitted sklearn.pipeline.Pipeline, got "
            f"{type(pipeline).__name__}. For answers that are already there, call "
            "evaluate(X, y) of a fitted HypothesisRegressor or HypothesisClassifier."
        )
    last = pipeline.steps[-1][1]
    if not isinstance(last, HypothesisRegressor | HypothesisClassifier):
        raise ValueError(
            "The last step of the pipeline must be a HypothesisRegressor or a "
            f"HypothesisClassifier, got {type(last).__name__}."
        )
    check_is_fitted(last)
    return last


def _check_target(X, y, task, X_name, y_name):
    target = read_target(y, task, name=y_name)
    y = target.values if target.classes is None else target.classes[target.values]
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    if len(y) != n_rows:
        raise ValueError(f"{X_name} has {n_rows} rows, but {y_name} has {len(y)}.")
    return y


def _fidelity(pipeline):
    """What the interpreter measured; None without one."""
    for _, step in pipeline.steps:
        if getattr(step, "fidelity_", None) is not None:
            return step.fidelity_
    return None


def _with_fidelity(table, fidelity):
    if fidelity is None:
        return table
    scores = fidelity.rename(columns={"concept": "hypothesis"})
    columns = [name for name in _FIDELITY if name in scores]
    return table.merge(scores[["hypothesis", *columns]], on="hypothesis", how="left")


def _as_frame(answers, table):
    if isinstance(answers, pd.DataFrame):
        return answers
    names = table["hypothesis"].drop_duplicates()
    return pd.DataFrame(np.asarray(answers), columns=names.to_list())
