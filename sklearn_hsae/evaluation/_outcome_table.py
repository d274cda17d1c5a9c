"""Tests of hypotheses against counts, ordered classes, and classes side by side."""

import warnings
from numbers import Real

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.utils import check_consistent_length

from sklearn_hsae._extras import import_extra
from sklearn_hsae._pairs import check_single
from sklearn_hsae._sklearn_compat import Interval, StrOptions, validate_arguments
from sklearn_hsae._target import read_target
from sklearn_hsae.inference import (
    corrected,
    fit_linear,
    rows_that_count,
    usable_part,
)

_FEW_ROWS = 10
_MOST_CLASSES = 20
_LEFT_OUT = f"left out: fewer than {_FEW_ROWS} rows to be expected in a cell"


@validate_arguments(
    {
        "correction": [StrOptions({"bonferroni", "holm", "fdr_bh", "fdr_by"})],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
    },
    prefer_skip_nested_validation=True,
)
def outcome_table(
    annotations, y, *, family, groups=None, correction="holm", alpha=0.05
):
    """Test hypotheses against an outcome that is neither a quantity nor two classes.

    The annotations are not judged again. So further outcomes of the same texts cost
    nothing. For quantities, and for each class against all others, fit a
    :class:`~sklearn_hsae.HypothesisRegressor` or
    :class:`~sklearn_hsae.HypothesisClassifier` on the same annotations.

    Parameters
    ----------
    annotations : DataFrame of shape (n_rows, n_hypotheses)
        1, 0 or NaN, such as `annotations` of
        :class:`~sklearn_hsae.evaluation.HypothesisEvaluation`. Rows with a NaN are left
        out.
    y : array-like of shape (n_rows,)
        The outcome. Counts are 0 or greater. Ordered classes are numbers, or an ordered
        categorical.
    family : {"poisson", "ordinal", "multinomial"}
        "poisson" is for counts: a coefficient is the logarithm of a ratio of means. The
        tests do not rely on the variance of the Poisson distribution, so they hold for
        counts that vary more, too. "ordinal" is the proportional odds model: a
        coefficient is a difference in the log-odds of a higher class. "multinomial"
        compares each class with the most frequent one, in log-odds.
    groups : array-like of shape (n_rows,), default=None
        The group of each row, such as its author. For counts only: standard errors
        then are those of ``cov_type="cluster"``.
    correction : {"bonferroni", "holm", "fdr_bh", "fdr_by"}, default="holm"
        How p-values are corrected for the number of rows of the table.
    alpha : float, default=0.05
        Level of significance after correction; the intervals cover 1 - alpha.

    Returns
    -------
    DataFrame
        One row per hypothesis: `hypothesis`, `coefficient`, `standard_error`, `ci_low`,
        `ci_high`, `p`, `p_corrected`, `significant`, `prevalence`, `n`, `n_dropped` and
        `note`. With "multinomial" one block of rows per class but the reference, with
        the class in a first column `class`, and `joint_p` of the test that the
        hypothesis has no effect on any class; ``attrs["reference"]`` names the
        reference.

    Raises
    ------
    ValueError
        When `y` does not suit the family, or the estimates do not exist.
    ImportError
        Without statsmodels: ``pip install 'sklearn-hsae[outcomes]'``.

    Notes
    -----
    Counts are estimated by maximum likelihood. Their tests are those of the weighted
    least squares of the last step [1]_, as in
    :class:`~sklearn_hsae.HypothesisRegressor`: HC3 with a floor and its own degrees of
    freedom. There is no negative binomial
    family: with such errors, "poisson" holds for its means as well [2]_.

    "ordinal" and "multinomial" are estimated by statsmodels and have Wald's tests,
    which find too much where few rows have a concept. A concept is left out when fewer
    than ten rows with it (or without it) are to be expected: in any class with
    "multinomial", in all classes together with "ordinal".

    References
    ----------
    .. [1] McCullagh & Nelder (1989). Generalized Linear Models. Chapman & Hall.
    .. [2] Gourieroux, Monfort & Trognon (1984). Pseudo maximum likelihood methods:
       applications to Poisson models. Econometrica 52.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_hsae.evaluation import outcome_table
    >>> rng = np.random.default_rng(0)
    >>> annotations = pd.DataFrame(rng.integers(2, size=(500, 2))).add_prefix("concept")
    >>> n_replies = rng.poisson(2.0 + 2.0 * annotations["concept1"])
    >>> table = outcome_table(annotations, n_replies, family="poisson")
    >>> np.exp(table["coefficient"]).round().tolist()
    [1.0, 2.0]
    """
    tests = {"poisson": _counts, "ordinal": _ordinal, "multinomial": _multinomial}
    if family not in tests:
        raise ValueError(f"family must be one of {', '.join(tests)}; got {family!r}.")
    if groups is not None and family != "poisson":
        raise ValueError(
            f"family={family!r} takes the rows to be independent. Pass groups with "
            "family='poisson' only."
        )
    frame = pd.DataFrame(annotations)
    check_consistent_length(frame, y)
    y, labels = _outcome(y, family)
    cov_type = "HC3" if groups is None else "cluster"
    X = frame.to_numpy(dtype=np.float64)
    check_single(X, "outcome_table")
    rows = rows_that_count(X, y, None, groups, cov_type)
    if rows.y.min() == rows.y.max():
        raise ValueError("y has one value in all rows that count.")
    names = frame.columns.to_numpy(dtype=object)
    table = tests[family](rows, names, labels, cov_type, alpha)
    position = table.columns.get_loc("p") + 1
    table.insert(position, "p_corrected", corrected(table["p"], correction))
    table.insert(position + 1, "significant", table["p_corrected"] < alpha)
    prevalence = (rows.X != 0).mean(axis=0)
    repeats = len(table) // len(names)
    table.insert(position + 2, "prevalence", np.tile(prevalence, repeats))
    table.insert(position + 3, "n", len(rows.y))
    table.insert(position + 4, "n_dropped", rows.n_dropped)
    return table


def _outcome(y, family):
    """Counts, or codes of classes and the labels of the codes."""
    if family == "multinomial":
        target = read_target(y, "classification")
        sizes = np.bincount(target.values.astype(int))
        order = np.argsort(-sizes, kind="stable")  # the reference comes first
        codes = np.argsort(order)[target.values.astype(int)]
        return codes.astype(np.float64), np.asarray(target.classes)[order]
    dtype = getattr(y, "dtype", None)
    if family == "ordinal" and isinstance(dtype, pd.CategoricalDtype) and dtype.ordered:
        y = pd.Series(y).cat.codes.where(pd.notna(y))
    y = read_target(y, "regression").values
    if family == "poisson":
        if y.min() < 0:
            raise ValueError(f"Counts are 0 or greater; y has {y.min():g}.")
        return y, None
    labels, codes = np.unique(y, return_inverse=True)
    if len(labels) > _MOST_CLASSES:
        raise ValueError(
            f"y has {len(labels)} values, and ordered classes are {_MOST_CLASSES} at "
            "most. Take HypothesisRegressor for quantities."
        )
    return codes.astype(np.float64), labels


def _import_statsmodels(module):
    return import_extra(module, extra="outcomes", use="Tables of outcomes")


def _counts(rows, names, _, cov_type, alpha):
    sm = _import_statsmodels("statsmodels.api")
    design = usable_part(rows.X, names)
    X = sm.add_constant(rows.X[np.ix_(design.rows, design.columns)])
    y = rows.y[design.rows]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a mean near 0, which has no effect here
        mean = sm.GLM(y, X, family=sm.families.Poisson()).fit().fittedvalues
    mean = np.maximum(mean, 1e-10)
    step = np.zeros(len(rows.y))
    step[design.rows] = np.log(mean) + (y - mean) / mean
    weights = np.full(len(rows.y), mean.mean())
    weights[design.rows] = mean
    estimates = fit_linear(
        rows.X,
        step,
        names,
        cov_type=cov_type,
        alpha=alpha,
        weights=weights,
        clusters=rows.clusters,
    )
    total = ((rows.X != 0) * rows.y[:, None]).sum(axis=0)
    notes = [
        note or ("" if count else "all counts with the concept are 0")
        for note, count in zip(estimates.notes, total, strict=True)
    ]
    values = [estimates.coefficient, estimates.standard_error, estimates.p]
    return _table(names, *values, estimates.ci_low, estimates.ci_high, notes)


def _ordinal(rows, names, labels, _, alpha):
    models = _import_statsmodels("statsmodels.miscmodels.ordinal_model")
    X, columns, notes = _common(rows, names, np.ones(1))
    model = models.OrderedModel(rows.y.astype(int), X, distr="logit")
    result = _fitted(model, method="bfgs", maxiter=500)
    estimates = np.full((2, len(names)), np.nan)
    n = len(columns)
    estimates[:, columns] = result.params[:n], result.bse[:n]
    return _wald(names, *estimates, notes, alpha)


def _multinomial(rows, names, labels, _, alpha):
    sm = _import_statsmodels("statsmodels.api")
    shares = np.bincount(rows.y.astype(int), minlength=len(labels)) / len(rows.y)
    X, columns, notes = _common(rows, names, shares[shares > 0])
    present, codes = np.unique(rows.y.astype(int), return_inverse=True)
    result = _fitted(sm.MNLogit(codes, sm.add_constant(X)))
    covariance = np.asarray(result.cov_params())
    joint, n_tested = np.full(len(names), np.nan), len(present) - 1
    for position, column in enumerate(columns, 1):
        at = position + np.arange(n_tested) * (len(columns) + 1)
        effects = result.params[position]
        statistic = effects @ np.linalg.solve(covariance[np.ix_(at, at)], effects)
        joint[column] = stats.chi2.sf(statistic, n_tested)
    tables = []
    for k, label in enumerate(labels[present[1:]]):
        estimates = np.full((2, len(names)), np.nan)
        estimates[:, columns] = result.params[1:, k], result.bse[1:, k]
        table = _wald(names, *estimates, notes, alpha)
        table.insert(0, "class", label)
        tables.append(table.assign(joint_p=joint))
    table = pd.concat(tables, ignore_index=True)
    table.attrs["reference"] = labels[present[0]]
    return table


def _common(rows, names, shares):
    """The columns with enough rows in each class, and why the others are left out."""
    n_with = (rows.X != 0).sum(axis=0)
    n_least = np.minimum(n_with, len(rows.X) - n_with) * shares.min()
    enough = np.flatnonzero(n_least >= _FEW_ROWS)
    notes = np.full(len(names), _LEFT_OUT, dtype=object)
    design = usable_part(rows.X[:, enough], names[enough])
    notes[enough] = design.notes
    columns = enough[design.columns]
    if not len(columns):
        raise ValueError(
            f"Each concept has, or lacks, fewer than {_FEW_ROWS} rows of some class. "
            "Merge classes, or take more texts."
        )
    return rows.X[:, columns], columns, notes


def _fitted(model, **options):
    """The fit, which must have converged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = model.fit(disp=0, **options)
            if result.mle_retvals["converged"] and np.isfinite(result.bse).all():
                return result
        except np.linalg.LinAlgError:
            pass
    raise ValueError(
        "The likelihood has no maximum: some concept tells classes apart without an "
        "error. Leave it out, merge classes, or take HypothesisClassifier, which "
        "compares each class with all others."
    )


def _wald(names, coefficient, error, notes, alpha):
    p = 2 * stats.norm.sf(np.abs(coefficient / error))
    width = stats.norm.isf(alpha / 2) * error
    ends = coefficient - width, coefficient + width
    return _table(names, coefficient, error, p, *ends, notes)


def _table(names, coefficient, error, p, low, high, notes):
    return pd.DataFrame(
        {
            "hypothesis": names,
            "coefficient": coefficient,
            "standard_error": error,
            "ci_low": low,
            "ci_high": high,
            "p": p,
            "note": notes,
        }
    )
