"""Effects of the same hypotheses in groups of rows, and whether they differ.

One regression on all rows holds an effect of each hypothesis in each group, the groups
themselves and the controls. The comparison of a group with the others is one
coefficient of the same regression in other coordinates.
"""

import warnings

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.utils import check_consistent_length, column_or_1d

from sklearn_hsae.inference._annotations import column_names
from sklearn_hsae.inference._clusters import of_rows, read_clusters
from sklearn_hsae.inference._controls import (
    control_names,
    controls_first,
    with_codes,
)
from sklearn_hsae.inference._linear import fit_linear
from sklearn_hsae.inference._logistic import fit_logistic
from sklearn_hsae.inference._marginal_effects import average_marginal_effects
from sklearn_hsae.inference._table import corrected

LEAST_ROWS_PER_GROUP = 20
_ROWS_PER_EFFECT = 5


def effects_by_group(model, annotations, controls, y, groups, by):
    """Estimate the effect of each hypothesis in each group, and compare them.

    Parameters
    ----------
    model : HypothesisRegressor or HypothesisClassifier
        Fitted. Its settings are used, and its coefficients are not.
    annotations : DataFrame of shape (n_rows, n_hypotheses)
    controls : DataFrame of shape (n_rows, n_controls)
        As `split_controls` returns them.
    y : ndarray of shape (n_rows,)
    groups : array-like of shape (n_rows,), or None
        Rows that go together, for ``cov_type="cluster"``.
    by : array-like of shape (n_rows,)
        The group of each row.

    Returns
    -------
    DataFrame
        See ``HypothesisEvaluation.by_group``.
    """
    X = _columns(model, annotations, controls)
    by = pd.Series(column_or_1d(by)).astype(object)
    check_consistent_length(X, by)
    is_complete = ~np.isnan(X).any(axis=1)
    by = _large_groups(by.where(is_complete), n_missing=int(by.isna().sum()))
    rows = by.notna().to_numpy()
    codes, labels = pd.factorize(by[rows].to_numpy(), sort=True)  # of any types
    n_hypotheses = annotations.shape[1]
    _check_size(labels, codes, n_hypotheses)
    clusters = read_clusters(groups, model.cov_type, y)
    clusters = of_rows(clusters, rows)
    X, y = X[rows], np.asarray(y)[rows]
    n_controls = X.shape[1] - n_hypotheses
    is_group = (codes[:, None] == np.arange(len(labels))) * 1.0
    # A group has no effect on the difference within a pair.
    levels = [] if model.pairs else labels[1:]
    beside = np.hstack([is_group[:, len(labels) - len(levels) :], X[:, :n_controls]])
    cells = X[:, n_controls:, None] * is_group[:, None, :]
    names = [
        *(f"group {label}" for label in levels),
        *control_names(model._controls),
        *(f"{name} ({label})" for name in annotations.columns for label in labels),
    ]
    fit = _Fit(model, np.array(names, dtype=object), clusters)
    tables = []
    for label, outcome in _outcomes(model, y):
        table = _one_outcome(fit, beside, cells, outcome, is_group)
        table.insert(0, "group", np.tile(labels, n_hypotheses))
        table.insert(0, "hypothesis", np.repeat(annotations.columns, len(labels)))
        if label is not None:
            table.insert(0, "class", label)
        tables.append(table)
    return _with_correction(pd.concat(tables, ignore_index=True), model, len(labels))


def _columns(model, annotations, controls):
    """The columns of the controls, then the annotations."""
    frame = pd.concat([annotations, controls], axis=1)[list(column_names(model))]
    frame = with_codes(model._controls, frame)
    X = frame.to_numpy(dtype=np.float64)
    return controls_first(model._controls, column_names(model), X)


def _large_groups(by, n_missing):
    """NaN in the place of groups with few rows, and a warning that names them."""
    sizes = by.value_counts()
    small = sizes[sizes < LEAST_ROWS_PER_GROUP]
    parts = [f"{label!s} ({n})" for label, n in small.head(10).items()]
    parts += ["..."] if len(small) > 10 else []
    parts += [f"no group ({n_missing})"] if n_missing else []
    if parts:
        warnings.warn(
            "Left out of the comparison of groups, which need "
            f"{LEAST_ROWS_PER_GROUP} rows or more: {', '.join(parts)}. Merge small "
            "groups to keep them.",
            UserWarning,
            stacklevel=4,
        )
    by = by.mask(by.isin(small.index))
    if by.nunique() < 2:
        raise ValueError(
            f"A comparison needs two groups with {LEAST_ROWS_PER_GROUP} rows or more. "
            "The largest groups have these numbers of rows: "
            f"{', '.join(f'{label} ({n})' for label, n in sizes.head(3).items())}."
        )
    return by


def _check_size(labels, codes, n_hypotheses):
    n_effects = len(labels) * n_hypotheses
    if len(codes) < _ROWS_PER_EFFECT * n_effects:
        raise ValueError(
            f"{n_hypotheses} hypotheses in {len(labels)} groups are {n_effects} "
            f"effects, too many for {len(codes):,} rows: {_ROWS_PER_EFFECT} rows or "
            "more are needed per effect. Merge groups, or take fewer hypotheses."
        )


def _outcomes(model, y):
    if not is_classifier(model):
        return [(None, y)]
    outcomes = model._outcomes(y)
    return outcomes if len(outcomes) > 1 else [(None, outcomes[0][1])]


class _Fit:
    """One regression; `tested` are the columns whose p-values are needed."""

    def __init__(self, model, names, clusters):
        self.model, self.names, self.clusters = model, names, clusters

    def __call__(self, X, y, tested):
        options = {
            "alpha": self.model.alpha,
            "cov_type": self.model.cov_type,
            "clusters": self.clusters,
            "has_intercept": not self.model.pairs,
        }
        if is_classifier(self.model):
            return fit_logistic(X, y, self.names, tested=tested, **options)
        return fit_linear(X, y, self.names, **options)


def _one_outcome(fit, beside, cells, y, is_group):
    """Effects and differences of one outcome, a row per hypothesis and group."""
    n_rows, n_hypotheses, n_groups = cells.shape
    first = beside.shape[1]
    X = np.hstack([beside, cells.reshape(n_rows, -1)])
    estimates = fit(X, y, np.zeros(X.shape[1], dtype=bool))
    effects = estimates.part(slice(first, None))
    n_per_group = is_group.sum(axis=0)
    share = (cells != 0).sum(axis=0) / n_per_group
    table = pd.DataFrame(
        {
            "n": np.tile(n_per_group.astype(int), n_hypotheses),
            "prevalence": share.ravel(),
            "coefficient": effects.coefficient,
            "standard_error": effects.standard_error,
            "ci_low": effects.ci_low,
            "ci_high": effects.ci_high,
        }
    )
    if is_classifier(fit.model):
        points = [
            average_marginal_effects(X, estimates, w, fit.model.pairs)[first:]
            for w in is_group.T
        ]
        own = np.tile(np.arange(n_groups), n_hypotheses)
        table["average_marginal_effect"] = np.choose(own, points)
    differences = _differences(fit, beside, cells, y, effects)
    return table.assign(**differences, note=effects.notes)


def _differences(fit, beside, cells, y, effects):
    """Each effect minus the mean of the effects in the other groups."""
    n_rows, n_hypotheses, n_groups = cells.shape
    first = beside.shape[1]
    is_known = np.isfinite(effects.coefficient).reshape(n_hypotheses, n_groups)
    parts = ("coefficient", "ci_low", "ci_high", "p")
    values = {part: np.full((n_hypotheses, n_groups), np.nan) for part in parts}
    for group in range(n_groups if n_groups > 2 else 1):
        others = is_known & (np.arange(n_groups) != group)
        compared = is_known[:, group] & others.any(axis=1)
        # With effect b_g = d + mean(b_h), d is the coefficient of the group's column
        # where each other column takes its part of it.
        part = others / np.maximum(others.sum(axis=1, keepdims=True), 1)
        moved = cells + cells[:, :, [group]] * (part * compared[:, None])
        moved[:, :, group] = cells[:, :, group]
        tested = np.zeros((n_hypotheses, n_groups), dtype=bool)
        tested[compared, group] = True
        tested = np.concatenate([np.zeros(first, dtype=bool), tested.ravel()])
        estimates = fit(np.hstack([beside, moved.reshape(n_rows, -1)]), y, tested)
        estimates = estimates.part(slice(first, None))
        for name in parts:
            column = getattr(estimates, name).reshape(n_hypotheses, n_groups)[:, group]
            values[name][compared, group] = column[compared]
    if n_groups == 2:
        values["coefficient"][:, 1] = -values["coefficient"][:, 0]
        values["ci_low"][:, 1] = -values["ci_high"][:, 0]
        values["ci_high"][:, 1] = -values["ci_low"][:, 0]
        values["p"][:, 1] = values["p"][:, 0]
    names = ("difference", "difference_low", "difference_high", "difference_p")
    return {name: values[part].ravel() for name, part in zip(names, parts, strict=True)}


def _with_correction(table, model, n_groups):
    """The corrected p-values; two groups make one test of both rows."""
    correction = "holm" if model.correction == "min_p" else model.correction
    p = table["difference_p"].to_numpy()
    if n_groups == 2:
        adjusted = np.repeat(corrected(p[::2], correction), 2)
    else:
        adjusted = corrected(p, correction)
    position = table.columns.get_loc("difference_p") + 1
    table.insert(position, "difference_p_corrected", adjusted)
    table.insert(position + 1, "differs", adjusted < model.alpha)
    return table
