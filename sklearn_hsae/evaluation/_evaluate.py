"""Test the hypotheses of a fitted pipeline on held-out texts."""

from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.base import is_classifier

from sklearn_hsae._target import read_target
from sklearn_hsae.corpora import concept_drift, neuron_drift
from sklearn_hsae.evaluation._ceilings import ceiling_table
from sklearn_hsae.evaluation._fitted_pipeline import fitted_pipeline
from sklearn_hsae.evaluation._groups import agreeing_groups, group_table
from sklearn_hsae.evaluation._held_out import HeldOut
from sklearn_hsae.evaluation._hypothesis_evaluation import HypothesisEvaluation
from sklearn_hsae.evaluation._overlap import fingerprints, warn_of_overlap
from sklearn_hsae.evaluation._stages import (
    SELECTED_NEURONS,
    flat_steps,
    neuron_selector,
    numeric_stages,
    removed_from_texts,
    text_readers,
    transform_by_stages,
)
from sklearn_hsae.evaluation._verdict import about_labels, verdict
from sklearn_hsae.inference import read_clusters, split_controls

_FIDELITY = ["precision", "recall", "f1", "correlation", "literal_share"]


def evaluate_hypotheses(pipeline, X, y, *, X_train=None, y_train=None, groups=None):
    """Test the hypotheses of a fitted pipeline on other rows.

    Each text is judged once. The regression on the annotations is estimated again on
    these rows, so the p-values are independent of the rows on which the hypotheses were
    found.

    Parameters
    ----------
    pipeline : Pipeline, DiscoverySplit, or a fitted search such as GridSearchCV
        Fitted, with a :class:`HypothesisRegressor` or :class:`HypothesisClassifier`
        as its last step. For a search, its best estimator is used. Samplers of
        imbalanced-learn, nested pipelines, a ColumnTransformer and a FeatureUnion may
        come before the last step.
    X : sequence of str, or other input of the pipeline, of length n_samples
        Rows that the pipeline was not fitted on.
    y : array-like of shape (n_samples,)
        Their target.
    X_train, y_train : default=None
        The rows that the pipeline was fitted on. They are needed for the ceilings: how
        well a linear model predicts the outcome from the output of each step.
    groups : array-like of shape (n_samples,), default=None
        The group of each row of `X`, such as its author. Needed when the last step has
        ``cov_type="cluster"``.

    Returns
    -------
    HypothesisEvaluation

    Raises
    ------
    ValueError
        When the lengths differ, y has missing values, or `pipeline` is of another
        kind; the message says what to pass instead.

    Notes
    -----
    When the concepts come from one branch of a ColumnTransformer or FeatureUnion, the
    ceilings are those of the steps in this branch. With several such branches there
    are no ceilings, and `verdict` says so.

    Examples
    --------
    A pipeline with nothing but the last step:

    >>> import numpy as np
    >>> from sklearn.pipeline import Pipeline
    >>> from sklearn_hsae import HypothesisRegressor, evaluate_hypotheses
    >>> rng = np.random.default_rng(0)
    >>> X = rng.integers(2, size=(400, 3))
    >>> y = X[:, 0] + rng.normal(size=400)
    >>> pipe = Pipeline([("regress", HypothesisRegressor())]).fit(X[:200], y[:200])
    >>> evaluation = evaluate_hypotheses(pipe, X[200:], y[200:])
    >>> evaluation.verdict
    '1 of 3 hypotheses is significant; all together reach a held-out R2 of 0.27.'
    """
    *steps, last = flat_steps(fitted_pipeline(pipeline))
    task = "classification" if is_classifier(last) else "regression"
    y = _check_target(X, y, task, "X", "y")
    texts = fingerprints(X)
    known = getattr(pipeline, "_discovery_texts", None)
    warn_of_overlap(texts, known, "among those that DiscoverySplit found them on")
    tested, where = getattr(pipeline, "_inference_texts", None), "among those that "
    where += "DiscoverySplit estimated the effects on"
    warn_of_overlap(texts, tested, where, is_tested=True)
    last._check_held_out(y)
    read_clusters(groups, last.cov_type, y)  # refused before a text is judged
    if (X_train is None) != (y_train is None):
        raise ValueError("Pass both X_train and y_train, or neither.")
    if X_train is not None:
        y_train = _check_target(X_train, y_train, task, "X_train", "y_train")
        warn_of_overlap(texts, fingerprints(X_train), "in X_train")
    stages, annotations = transform_by_stages(steps, X)
    training = None if X_train is None else numeric_stages(steps, X_train)
    evaluation = _evaluate(last, annotations, y, groups, stages, training, y_train)
    fidelity = _fidelity(steps, evaluation.table["hypothesis"])
    neurons = _neuron_drift(steps, stages, fidelity, last.alpha)
    cleaned = [part for step in steps for part in removed_from_texts(step)]
    found = {"clean": cleaned, "discovery_split": known is not None}
    return replace(
        with_fidelity(evaluation, fidelity),
        neuron_drift=neurons,
        settings=evaluation.settings | found,
        held_out=evaluation.held_out._replace(texts=texts),
    )


def evaluate_again(last, annotations, y, groups):
    """Test annotations that there are, for the last step of a pipeline.

    Parameters
    ----------
    last : HypothesisRegressor or HypothesisClassifier
        Fitted.
    annotations : DataFrame of n_rows rows
        With the controls among its columns.
    y : ndarray of shape (n_rows,)
    groups : array-like of shape (n_rows,), or None

    Returns
    -------
    HypothesisEvaluation
        Without what only the earlier steps know: fidelity, neurons and ceilings.
    """
    return _evaluate(last, annotations, y, groups, {}, None, None)


def _evaluate(last, annotations, y, groups, stages, training, y_train):
    task = "classification" if is_classifier(last) else "regression"
    table, control_effects, metrics = last._evaluate(annotations, y, groups=groups)
    annotations, controls = split_controls(last, annotations)
    table, agreeing = _with_groups(table, last, annotations, controls, y, groups)
    metrics |= _counts(agreeing, last.alpha)
    ceilings = None
    if training is not None:
        classes = last.classes_ if task == "classification" else None
        ceilings = ceiling_table(
            training,
            y_train,
            stages,
            y,
            classes,
            metrics,
            clusters=read_clusters(groups, last.cov_type, y),
            has_intercept=not last.pairs,
        )
    return HypothesisEvaluation(
        task=task,
        alpha=last.alpha,
        positive=last.positive_ if task == "classification" else None,
        table=table,
        groups=agreeing,
        controls=control_effects if len(control_effects) else None,
        metrics=metrics,
        ceilings=ceilings,
        verdict=verdict(task, metrics, ceilings),
        annotations=annotations,
        fidelity=None,
        settings=last.get_params(),
        drift=None if last.is_weighted_ else concept_drift(last, annotations),
        held_out=HeldOut(last, annotations, controls, y, groups, None),
    )


def _check_target(X, y, task, X_name, y_name):
    """The numbers or the classes in `y`, one per row of `X`."""
    target = read_target(y, task, name=y_name)
    y = target.classes[target.values] if target.is_classification else target.values
    n_rows = _n_rows(X, X_name)
    if n_rows == 0:
        raise ValueError(f"{X_name} has no rows. Pass one text or more.")
    if len(y) != n_rows:
        raise ValueError(f"{X_name} has {n_rows} rows, but {y_name} has {len(y)}.")
    return y


def _n_rows(X, name):
    if isinstance(X, str):
        raise ValueError(f"{name} is one str. Pass a sequence of texts, as in [text].")
    if hasattr(X, "shape"):
        return X.shape[0]
    if X is None:
        raise ValueError(f"{name} is None. Pass the texts, or what the pipeline takes.")
    if not hasattr(X, "__len__"):
        raise ValueError(
            f"{name} is a {type(X).__name__}, which can be read only once and has no "
            f"length. Pass list({name})."
        )
    return len(X)


def _fidelity(steps, hypotheses):
    """The fidelity tables of the interpreters, with the last step's column names.

    A ColumnTransformer or FeatureUnion may put a prefix before each name.
    """
    tables = []
    for step in steps:
        for reader, prefix in text_readers(step):
            table = getattr(reader, "fidelity_", None)
            if table is not None:
                concepts = table["concept"]
                prefixed = prefix + concepts
                names = prefixed.where(prefixed.isin(hypotheses), concepts)
                tables.append(table.assign(concept=names))
    return pd.concat(tables, ignore_index=True) if tables else None


def _neuron_drift(steps, stages, fidelity, alpha):
    """How often the selected neurons fire; None where there are none to look at."""
    selector, activations = neuron_selector(steps), stages.get(SELECTED_NEURONS)
    if selector is None or activations is None:
        return None
    if activations.shape[1] != len(selector.get_feature_names_out()):
        return None  # another step has changed the columns
    table = neuron_drift(selector, activations, alpha=alpha)
    concepts = {}
    if fidelity is not None and "neuron" in fidelity:
        concepts = dict(zip(fidelity["neuron"], fidelity["concept"], strict=True))
    table.insert(1, "concept", [concepts.get(name) for name in table["neuron"]])
    return table


def _with_groups(table, last, annotations, controls, y, groups):
    """The table with the number of each group, and the table of the groups."""
    values = annotations.to_numpy(dtype=np.float64)
    numbers = agreeing_groups(values, annotations.columns)
    agreeing = group_table(last, table, annotations, y, numbers, controls, groups)
    names = annotations.columns
    by_name = dict(zip(names, numbers.tolist(), strict=True))
    return table.assign(group=table["hypothesis"].map(by_name)), agreeing


def _counts(groups, alpha):
    """How many groups are significant, alone and beside the others, in any class."""
    names = groups["hypothesis"]
    counts = {
        name: int(is_significant.groupby(names).any().sum())
        for name, is_significant in (
            ("n_significant_alone", groups["separation_p_corrected"] < alpha),
            ("n_significant_groups", groups["significant"]),
            ("n_significant_wald", groups["wald_p_corrected"] < alpha),
        )
    }
    return {"n_groups": names.nunique(), **counts}


def with_fidelity(evaluation, fidelity):
    """An evaluation with the scores of each concept; `fidelity` may be None."""
    if fidelity is None:
        return evaluation
    # A later step may have left concepts out.
    is_hypothesis = fidelity["concept"].isin(evaluation.table["hypothesis"])
    fidelity = fidelity[is_hypothesis].reset_index(drop=True)
    return replace(
        evaluation,
        table=_with_scores(evaluation.table, fidelity),
        verdict=evaluation.verdict + about_labels(fidelity),
        fidelity=fidelity,
    )


def _with_scores(table, fidelity):
    scores = fidelity.rename(columns={"concept": "hypothesis"})
    columns = [name for name in _FIDELITY if name in scores]
    return table.merge(scores[["hypothesis", *columns]], on="hypothesis", how="left")
