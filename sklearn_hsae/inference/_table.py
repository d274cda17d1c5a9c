"""The table of hypotheses: one row each, with everything a reader asks for."""

import numpy as np
import pandas as pd
from scipy import stats

from sklearn_hsae._row_chunks import row_chunks

# In `attrs` of a table from the rows on which the hypotheses were found.
POST_SELECTION = (
    "post-selection: from the rows on which the hypotheses were found, so too small. "
    "Call evaluate(X, y), or evaluate_hypotheses, on other rows."
)
# What each correction is where the tests did not correct themselves.
_METHODS = {"min_p": "holm"}


def hypothesis_table(X, weights, names, estimates, separation, n_dropped):
    """Put the estimates beside the simple comparisons.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_hypotheses)
    weights : ndarray of shape (n_rows,)
    names : ndarray of str of shape (n_hypotheses,)
    estimates : Estimates
    separation : tuple
        What `compare_means` returns.
    n_dropped : int
        How many other rows were left out.

    Returns
    -------
    DataFrame of n_hypotheses rows, in the order of the columns of `X`
    """
    return pd.DataFrame(
        {
            "hypothesis": names,
            "separation": separation[0],
            "separation_p": separation[1],
            "coefficient": estimates.coefficient,
            "standard_error": estimates.standard_error,
            "ci_low": estimates.ci_low,
            "ci_high": estimates.ci_high,
            "p": estimates.p,
            "prevalence": _prevalence(X, weights),
            "n": len(X),
            "n_dropped": n_dropped,
            "note": estimates.notes,
        }
    )


def _prevalence(X, weights):
    chunks = row_chunks(*X.shape)
    return sum(weights[rows] @ (X[rows] != 0) for rows in chunks) / weights.sum()


def control_table(names, estimates):
    """The estimates of the controls: no test is corrected for them.

    Parameters
    ----------
    names : sequence of str of length n_controls
    estimates : Estimates

    Returns
    -------
    DataFrame of n_controls rows
    """
    return pd.DataFrame(
        {
            "control": names,
            "coefficient": estimates.coefficient,
            "standard_error": estimates.standard_error,
            "ci_low": estimates.ci_low,
            "ci_high": estimates.ci_high,
            "p": estimates.p,
            "note": estimates.notes,
        }
    )


def upper_sided(p, coefficient):
    """The p-value of a test for a positive coefficient, from the two-sided one."""
    return float(p / 2 if coefficient > 0 else 1 - p / 2)


def with_correction(table, *, alpha, correction, p=None, separation_p=None):
    """Add the corrected p-values and `significant`; each row of the table is one test.

    Parameters
    ----------
    table : DataFrame
    alpha : float
    correction : {"min_p", "bonferroni", "holm", "fdr_bh", "fdr_by"}
    p, separation_p : ndarray of shape (n_rows,), default=None
        Corrected by permutations; None where they were not made.

    Returns
    -------
    DataFrame
        The table itself.
    """
    for name, by_permutation in (("p", p), ("separation_p", separation_p)):
        values = by_permutation
        if values is None:
            values = corrected(table[name], correction)
        table.insert(table.columns.get_loc(name) + 1, f"{name}_corrected", values)
    position = table.columns.get_loc("p_corrected") + 1
    table.insert(position, "significant", table["p_corrected"] < alpha)
    return table


def corrected(p, correction):
    """p-values corrected for as many tests as there are entries.

    statsmodels' `multipletests` gives the same, but collects garbage at each call,
    which takes longer than a whole fit.
    """
    p = np.asarray(p, dtype=np.float64)
    method = _METHODS.get(correction, correction)
    # A hypothesis that could not be tested counts as a test that found nothing.
    values = np.where(np.isnan(p), 1.0, p)
    if method == "bonferroni":
        adjusted = np.minimum(len(p) * values, 1.0)
    elif method == "holm":
        order = np.argsort(values)
        steps = np.arange(len(p), 0, -1) * values[order]
        adjusted = np.empty(len(p))
        adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    else:
        adjusted = stats.false_discovery_control(
            values, method=method.removeprefix("fdr_")
        )
    return np.where(np.isnan(p), np.nan, adjusted)
