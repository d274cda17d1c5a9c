"""One logistic regression per class, and the table of all."""

import numpy as np
import pandas as pd

from sklearn_hsae.inference._logistic import fit_logistic
from sklearn_hsae.inference._marginal_effects import average_marginal_effects
from sklearn_hsae.inference._pair_separation import compare_pairs
from sklearn_hsae.inference._separation import compare_means
from sklearn_hsae.inference._table import control_table, hypothesis_table


def class_regressions(outcomes, rows, controls, names, *, pairs, **options):
    """Regress each class on all columns.

    Parameters
    ----------
    outcomes : list of tuple
        A class, and 1 for each row that has it.
    rows : Rows
    controls, names : ndarray of str
        The columns of `rows.X`: controls first, then hypotheses.
    pairs : bool
    **options
        `alpha` and `cov_type` of `fit_logistic`.

    Returns
    -------
    estimates : list of Estimates
    table : DataFrame
        One block of rows per class; without corrected p-values.
    control_rows : DataFrame
    """
    X, weights, clusters = rows.X, rows.weights, rows.clusters
    n_controls = len(controls)
    estimates, tables, control_tables = [], [], []
    for label, is_class in outcomes:
        estimate = fit_logistic(
            X,
            is_class,
            np.concatenate([controls, names]),
            weights=weights,
            clusters=clusters,
            has_intercept=not pairs,
            **options,
        )
        table = hypothesis_table(
            X[:, n_controls:],
            weights,
            names,
            estimate.part(slice(n_controls, None)),
            _separation(rows, is_class, n_controls, pairs),
            rows.n_dropped,
        )
        table.insert(
            table.columns.get_loc("p"),
            "average_marginal_effect",
            average_marginal_effects(X, estimate, weights, pairs)[n_controls:],
        )
        control_rows = control_table(controls, estimate.part(slice(n_controls)))
        if len(outcomes) > 1:
            table.insert(0, "class", label)
            control_rows.insert(0, "class", label)
        estimates.append(estimate)
        tables.append(table)
        control_tables.append(control_rows)
    together = (pd.concat(t, ignore_index=True) for t in (tables, control_tables))
    return estimates, *together


def _separation(rows, is_class, n_controls, pairs):
    annotations, options = rows.X[:, n_controls:], {"clusters": rows.clusters}
    if pairs:
        return compare_pairs(annotations, is_class - 0.5, rows.weights, **options)
    return compare_means(annotations != 0, is_class, rows.weights, **options)
