"""The table of hypotheses: one row each, with everything a reader asks for."""

import numpy as np
import pandas as pd
from scipy import stats


def hypothesis_table(X, y, names, fit, *, alpha, correction):
    """Put a fitted regression and simple comparisons side by side.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_hypotheses)
    y : float ndarray of shape (n_rows,)
        Numbers, or 0 and 1 for a class.
    names : ndarray of str of shape (n_hypotheses,)
    fit : RegressionFit
    alpha : float
        Level of significance, and one minus the coverage of the intervals.
    correction : str
        As `method` of ``statsmodels.stats.multitest.multipletests``.

    Returns
    -------
    DataFrame of n_hypotheses rows, in the order of the columns of `X`
    """
    comparisons = [_compare(x, y) for x in X.T]
    table = pd.DataFrame(
        {
            "hypothesis": names,
            "separation": [difference for difference, _ in comparisons],
            "separation_p": [p for _, p in comparisons],
            "coefficient": fit.coefficient,
            "standard_error": fit.standard_error,
            "ci_low": fit.coefficient - fit.quantile * fit.standard_error,
            "ci_high": fit.coefficient + fit.quantile * fit.standard_error,
            "p": fit.p,
            "p_corrected": corrected(fit.p, correction),
        }
    )
    table["significant"] = table["p_corrected"] < alpha
    table["prevalence"] = (X != 0).mean(axis=0)
    table["n"] = len(X)
    table["note"] = fit.notes
    return table


def corrected(p, method):
    """p-values corrected for as many tests as there are hypotheses."""
    from statsmodels.stats.multitest import multipletests

    p = np.asarray(p, dtype=np.float64)
    if len(p) == 0:
        return p
    # One that could not be tested counts as a test that found nothing.
    adjusted = multipletests(np.where(np.isnan(p), 1.0, p), method=method)[1]
    return np.where(np.isnan(p), np.nan, adjusted)


def _compare(x, y):
    """Mean of y where x is not 0 minus where it is, and Welch's p-value."""
    has = x != 0
    if has.all() or not has.any():
        return np.nan, np.nan
    difference = float(y[has].mean() - y[~has].mean())
    if min(has.sum(), (~has).sum()) < 2:
        return difference, np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        result = stats.ttest_ind(y[has], y[~has], equal_var=False)
    return difference, float(result.pvalue)
