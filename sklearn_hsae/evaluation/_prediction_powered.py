"""Estimates from few costly judgements and many cheap ones."""

from numbers import Real

import numpy as np
import pandas as pd
from scipy import special, stats
from sklearn.utils import check_consistent_length

from sklearn_hsae._pairs import check_single
from sklearn_hsae._sklearn_compat import Interval, validate_arguments
from sklearn_hsae._target import read_target
from sklearn_hsae.evaluation._row_order import check_same_order
from sklearn_hsae.inference import fit_linear, influences

_LEAST_ROWS = 20


@validate_arguments(
    {"alpha": [Interval(Real, 0, 1, closed="neither")]},
    prefer_skip_nested_validation=True,
)
def prediction_powered(costly, cheap, y, *, alpha=0.05):
    """Estimate with costly judgements of a sample and cheap judgements of all rows.

    The costly judgements alone decide what is estimated. The cheap ones make the
    interval shorter, the more the better they agree; bad ones do no harm [1]_ [2]_.

    Parameters
    ----------
    costly : DataFrame of shape (n_rows, n_hypotheses)
        Annotations 1 or 0, such as those of a language model or of people, and NaN in
        the rows that were not judged. The judged rows must be a random sample of all
        rows. Rows with some NaN count as not judged.
    cheap : DataFrame of shape (n_rows, n_hypotheses)
        The same columns for all rows, without a NaN: such as those of the embedding
        judge, or whether a neuron is active. Other numbers than 0 and 1 will do.
    y : array-like of shape (n_rows,)
        The outcome of all rows: numbers. Two classes as 0 and 1, so that effects are
        differences in probability.
    alpha : float, default=0.05
        Each interval covers 1 - alpha.

    Returns
    -------
    DataFrame
        Three rows per hypothesis, with the `quantity`: "prevalence" (the share of rows
        with the concept), "separation" (the mean of y with it minus the mean without)
        and "coefficient" (of the least squares on all hypotheses together). `estimate`,
        `ci_low` and `ci_high`; `classical`, `classical_low` and `classical_high` of the
        costly judgements alone; and `n_effective`, the number of costly judgements that
        would give as short an interval alone.

    Raises
    ------
    ValueError
        When the columns differ, or fewer than 20 rows are judged, or not judged.

    Notes
    -----
    With the estimate a of the n costly judgements, the estimate b of the cheap ones of
    the same rows and c of the cheap ones of all other rows, it is a + w (c - b). The
    weight w makes the variance smallest [2]_: the covariance of a and b divided by the
    sum of the variances of b and c, each from the influences of the rows. The
    regression is on the annotations, so a cheap one stands in the place of a costly one
    beside the same outcome. Errors, their floor and degrees of freedom are those of
    :class:`~sklearn_hsae.HypothesisRegressor` for the costly rows, times the root of
    what w leaves of the variance. The interval of a prevalence is on the logit scale.

    References
    ----------
    .. [1] Angelopoulos, Bates, Fannjiang, Jordan & Zrnic (2023). Prediction-powered
       inference. Science 382.
    .. [2] Angelopoulos, Duchi & Zrnic (2023). PPI++: efficient prediction-powered
       inference. arXiv:2311.01453.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_hsae.evaluation import prediction_powered
    >>> rng = np.random.default_rng(0)
    >>> truth = pd.DataFrame({"cold food": rng.random(5000) < 0.2}).astype(float)
    >>> y = rng.normal(size=5000) - truth["cold food"]
    >>> cheap = truth.where(rng.random((5000, 1)) < 0.95, 1 - truth)  # 5 % errors
    >>> costly = truth.where(rng.random((5000, 1)) < 0.1)  # 10 % of the rows
    >>> table = prediction_powered(costly, cheap, y)
    >>> bool(table["n_effective"].min() > costly["cold food"].count())
    True
    """
    costly, cheap = pd.DataFrame(costly), pd.DataFrame(cheap)
    if list(costly.columns) != list(cheap.columns):
        raise ValueError(
            f"The columns of cheap, {list(cheap.columns)[:5]}, are not those of "
            f"costly, {list(costly.columns)[:5]}. Pass cheap[costly.columns]."
        )
    check_consistent_length(costly, cheap, y)
    check_same_order(costly, cheap, "cheap")
    if isinstance(y, pd.Series):
        check_same_order(costly, y, "y")
    y = read_target(y, "regression").values
    names = costly.columns.to_numpy(dtype=object)
    A, B = costly.to_numpy(dtype=np.float64), cheap.to_numpy(dtype=np.float64)
    check_single(A, "prediction_powered")
    if np.isnan(B).any():
        raise ValueError("cheap has a NaN. It needs an annotation of every row.")
    judged = ~np.isnan(A).any(axis=1)
    if min(judged.sum(), (~judged).sum()) < _LEAST_ROWS:
        raise ValueError(
            f"{judged.sum()} of {len(judged)} rows have all costly judgements; at "
            f"least {_LEAST_ROWS} must have them, and {_LEAST_ROWS} must lack one."
        )
    parts = (A[judged], y[judged]), (B[judged], y[judged]), (B[~judged], y[~judged])
    tables = [
        _prevalences(*(X for X, _ in parts), alpha),
        *(_effects(parts, [j], names, alpha) for j in range(len(names))),
        _effects(parts, range(len(names)), names, alpha),
    ]
    quantities = np.repeat(["prevalence", "separation", "coefficient"], len(names))
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "hypothesis", np.tile(names, 3))
    table.insert(1, "quantity", quantities)
    table["n_effective"] *= judged.sum()
    order = np.arange(len(table)).reshape(3, -1).T.ravel()
    return table.iloc[order].reset_index(drop=True)


def _prevalences(costly, cheap, others, alpha):
    def mean(X):
        influence = (X - X.mean(axis=0)) / np.sqrt(len(X) * (len(X) - 1))
        return X.mean(axis=0), influence

    classical, influence = mean(costly)
    estimate, ratio = _combined((classical, influence), mean(cheap), mean(others))
    error = np.sqrt(np.square(influence).sum(axis=0))
    z = stats.norm.isf(alpha / 2)

    def ends(share, error):
        inside = (share > 0) & (share < 1) & (error > 0)
        share = np.where(inside, share, np.nan)
        width = z * error / (share * (1 - share))
        logit = special.logit(share)
        return special.expit(logit - width), special.expit(logit + width)

    return _table(
        (estimate, *ends(estimate, error * np.sqrt(ratio))),
        (classical, *ends(classical, error)),
        ratio,
    )


def _effects(parts, columns, names, alpha):
    """Of a regression on some columns."""
    columns = list(columns)
    names = names[columns]
    own, *beside = [influences(X[:, columns], y, names) for X, y in parts]
    estimate, ratio = _combined(own, *beside)
    X, y = parts[0]
    estimates = fit_linear(X[:, columns], y, names, cov_type="HC3", alpha=alpha)
    width = (estimates.ci_high - estimates.ci_low) / 2 * np.sqrt(ratio)
    return _table(
        (estimate, estimate - width, estimate + width),
        (estimates.coefficient, estimates.ci_low, estimates.ci_high),
        ratio,
    )


def _combined(costly, cheap, others):
    """The estimate, and what is left of the variance of the costly one.

    Each argument is a pair of estimates and the influences of its rows, whose squares
    sum to the variances.
    """
    (a, of_a), (b, of_b), (c, of_c) = costly, cheap, others
    variance = np.square(of_b).sum(axis=0) + np.square(of_c).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = (of_a * of_b).sum(axis=0) / variance
        usable = np.isfinite(weight) & np.isfinite(b) & np.isfinite(c)
        weight = np.where(usable, weight, 0.0)
        of_b, moved = np.where(usable, of_b, 0.0), np.where(usable, c - b, 0.0)
        left = np.square(of_a - weight * of_b).sum(axis=0)
        left += np.square(weight * np.where(usable, of_c, 0.0)).sum(axis=0)
        return a + weight * moved, left / np.square(of_a).sum(axis=0)


def _table(powered, classical, ratio):
    names = ("estimate", "ci_low", "ci_high")
    others = ("classical", "classical_low", "classical_high")
    values = dict(zip((*names, *others), (*powered, *classical), strict=True))
    return pd.DataFrame({**values, "n_effective": 1 / ratio})
