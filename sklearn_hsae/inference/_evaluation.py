"""Hypotheses put to the test on texts they were not found on."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from sklearn_hsae.inference._ceilings import ceiling_table, stages, verdict

_SHOWN = ["hypothesis", "coefficient", "ci_low", "ci_high", "p_corrected", "prevalence"]


@dataclass(frozen=True)
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
    """

    task: str
    table: pd.DataFrame
    metrics: dict
    ceilings: pd.DataFrame | None
    verdict: str
    annotations: pd.DataFrame

    def to_dict(self):
        """Everything but the answers, as JSON can hold it."""
        return {
            "task": self.task,
            "verdict": self.verdict,
            "metrics": self.metrics,
            "hypotheses": _records(self.table),
            "ceilings": None
            if self.ceilings is None
            else _records(self.ceilings.rename_axis("stage").reset_index()),
        }

    def __repr__(self):
        table = self.table[_SHOWN].to_string(index=False, float_format="%.3g")
        return f"{self.verdict}\n\n{table}"

    def _repr_html_(self):
        return f"<p>{self.verdict}</p>{self.table.to_html(index=False)}"


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
    >>> from sklearn_hsae import evaluate_hypotheses
    >>> evaluation = evaluate_hypotheses(
    ...     pipe, new_texts, new_y, X_train=texts, y_train=y
    ... )  # doctest: +SKIP
    >>> evaluation.table, evaluation.verdict  # doctest: +SKIP
    """
    check_is_fitted(pipeline)
    last = pipeline.steps[-1][1]
    if not hasattr(last, "evaluate"):
        raise ValueError(
            "The last step of the pipeline must be a HypothesisRegressor or a "
            f"HypothesisClassifier, got {type(last).__name__}."
        )
    y = _check_target(X, y, "X", "y")
    if (X_train is None) != (y_train is None):
        raise ValueError("Pass both X_train and y_train, or neither.")
    held_out, answers = stages(pipeline, X, until_end=True)
    table, metrics = last.evaluate(answers, y)
    classes = last.classes_ if is_classifier(last) else None
    ceilings = None
    if X_train is not None:
        y_train = _check_target(X_train, y_train, "X_train", "y_train")
        training, _ = stages(pipeline, X_train, until_end=False)
        ceilings = ceiling_table(training, y_train, held_out, y, classes)
        ceilings.loc["hypotheses"] = {
            column: metrics.get(column, answers.shape[1]) for column in ceilings.columns
        }
    return HypothesisEvaluation(
        task="regression" if classes is None else "classification",
        table=_with_fidelity(table, pipeline),
        metrics=metrics,
        ceilings=ceilings,
        verdict=verdict(ceilings, metrics, classes),
        annotations=_as_frame(answers, table),
    )


def _check_target(X, y, X_name, y_name):
    y = column_or_1d(y)
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    if len(y) != n_rows:
        raise ValueError(f"{X_name} has {n_rows} rows, but {y_name} has {len(y)}.")
    missing = np.flatnonzero(pd.isna(y))
    if len(missing):
        raise ValueError(
            f"{y_name} is missing in {len(missing)} rows, the first at row position "
            f"{missing[0]}."
        )
    return y


def _with_fidelity(table, pipeline):
    """The table, with the fidelity of each label where an interpreter measured it."""
    for _, step in pipeline.steps:
        fidelity = getattr(step, "fidelity_", None)
        if fidelity is not None:
            scores = fidelity[["concept", "precision", "recall", "f1", "correlation"]]
            return table.merge(
                scores.rename(columns={"concept": "hypothesis"}),
                on="hypothesis",
                how="left",
            )
    return table


def _as_frame(answers, table):
    if isinstance(answers, pd.DataFrame):
        return answers
    names = table["hypothesis"].drop_duplicates()
    return pd.DataFrame(np.asarray(answers), columns=names.to_list())


def _records(frame):
    """Rows as dicts with None for NaN, which JSON does not know."""
    return [
        {key: _plain(value) for key, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _plain(value):
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
