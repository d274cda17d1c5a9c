"""The table of hypotheses: one row each, with everything a reader asks for."""

import numpy as np
import pandas as pd
from scipy import stats


def hypothesis_table(X, y, names, estimates):
    """Put estimates and simple comparisons side by side.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_hypotheses)
    y : float ndarray of shape (n_rows,)
        Numbers, or 0 and 1 for a class.
    names : ndarray of str of shape (n_hypotheses,)
    estimates : Estimates

    Returns
    -------
    DataFrame of n_hypotheses rows, in the order of the columns of `X`
    """
    separation, separation_p = compare_means(X != 0, y)
    return pd.DataFrame(
        {
            "hypothesis": names,
            "separation": separation,
            "separation_p": separation_p,
            "coefficient": estimates.coefficient,
            "standard_error": estimates.standard_error,
            "ci_low": estimates.ci_low,
            "ci_high": estimates.ci_high,
            "p": estimates.p,
            "prevalence": (X != 0).mean(axis=0),
            "n": len(X),
            "note": estimates.notes,
        }
    )


def with_correction(table, *, alpha, correction):
    """Add `p_corrected` and `significant`: each row of the table is one test."""
    p = corrected(table["p"], correction)
    position = table.columns.get_loc("p") + 1
    table.insert(position, "p_corrected", p)
    table.insert(position + 1, "significant", p < alpha)
    return table


def corrected(p, method):
    """p-values corrected for as many tests as there are entries."""
    from statsmodels.stats.multitest import multipletests

    p = np.asarray(p, dtype=np.float64)
    # One that could not be tested counts as a test that found nothing.
    adjusted = multipletests(np.where(np.isnan(p), 1.0, p), method=method)[1]
    return np.where(np.isnan(p), np.nan, adjusted)


def compare_means(has, y):
    """Mean of y where a column is true minus where it is not, and Welch's p-value.

    NaN where one of the two groups is empty; no p-value where one has a single row.
    """
    center = y.mean()  # before squares are summed, for the digits
    with np.errstate(divide="ignore", invalid="ignore"):
        (mean, spread, n), (other_mean, other_spread, other_n) = (
            _moments(group, y - center) for group in (has, ~has)
        )
        p = stats.ttest_ind_from_stats(
            mean, spread, n, other_mean, other_spread, other_n, equal_var=False
        ).pvalue
    return mean - other_mean, np.where(np.minimum(n, other_n) > 1, p, np.nan)


def _moments(group, y):
    n = group.sum(axis=0)
    mean = (y @ group) / n
    variance = ((y**2) @ group - n * mean**2) / (n - 1)
    # Equal outcomes leave a rest of rounding, which is no spread.
    variance[variance < 1e-14 * np.square(y).max()] = 0.0
    return mean, np.sqrt(variance), n
