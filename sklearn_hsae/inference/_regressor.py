"""Least squares on hypotheses, with the inference that belongs to it."""

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_consistent_length

from sklearn_hsae._pairs import check_pair_target
from sklearn_hsae._sklearn_compat import Interval, StrOptions, fit_context
from sklearn_hsae._target import Target, read_target, refuse_constant
from sklearn_hsae.inference._annotations import rows_that_count
from sklearn_hsae.inference._hypothesis_mixin import HypothesisMixin
from sklearn_hsae.inference._linear import fit_linear, wald_linear
from sklearn_hsae.inference._metrics import headline, r2
from sklearn_hsae.inference._pair_separation import compare_pairs
from sklearn_hsae.inference._permutation import choose_n_permutations
from sklearn_hsae.inference._separation import compare_means
from sklearn_hsae.inference._table import (
    control_table,
    hypothesis_table,
    upper_sided,
    with_correction,
)


class HypothesisRegressor(RegressorMixin, HypothesisMixin, BaseEstimator):
    """Regress a quantity on hypotheses, all at once.

    The last step of a pipeline for a numeric outcome: least squares with an intercept,
    and for each hypothesis its coefficient, standard error, confidence interval and
    p-value.

    Parameters
    ----------
    cov_type : {"HC3", "nonrobust", "cluster"}, default="HC3"
        Standard errors that allow for rows of unequal noise [1]_, which ratings have,
        or the classical ones. "cluster" also allows for rows that go together, such as
        the texts of one author: see the notes, and pass `groups` to :meth:`fit` and
        :meth:`evaluate`. With "HC3" and "cluster" a variance is never below the
        classical one.
    correction : {"min_p", "bonferroni", "holm", "fdr_bh", "fdr_by"}, default="min_p"
        How p-values are corrected for the number of hypotheses. "min_p" bounds the
        chance of a single false hypothesis: by permutations (step-down min p [4]_)
        where some concept has few rows, and by "holm" where all have many, the rows
        are more than 20,000, or `cov_type` is not "HC3". "bonferroni" and "holm"
        bound the same chance, "fdr_bh" and "fdr_by" the expected share of false ones
        among those found; all four correct `p`.
    alpha : float, default=0.05
        Level of significance after correction; the intervals cover 1 - alpha.
    intervals : {"pointwise", "simultaneous"}, default="pointwise"
        "pointwise": each interval of a coefficient covers 1 - alpha. "simultaneous":
        all of them together do, by Bonferroni's method, whatever `correction` is. An
        interval without 0 is then a hypothesis that ``correction="bonferroni"`` finds.
    controls : sequence of str or callable, default=None
        Columns of X that are no hypotheses, such as the year or the shop: names, or a
        function of X such as :func:`sklearn.compose.make_column_selector`. The prefix
        that a ColumnTransformer puts before a name may be left out. A name may also be
        a level of the row index, where it travels with the texts through a pipeline:
        ``frame.set_index(["year", "shop"])["text"]``. They enter the regression beside
        the hypotheses: numbers as they are, other values as one column per level but
        the first.
    pairs : bool, default=False
        Whether rows are pairs of texts: X is 1 where only the first text has a
        concept, -1 where only the second has it, and 0 elsewhere. y is the
        outcome of the first text minus that of the second.
        There is no intercept, so that a swapped pair has the mirrored prediction and
        changes no estimate. Controls must change their sign, too: numbers such as the
        difference in length, or for an effect of the order a column of 1 where the
        first text was shown first and -1 elsewhere.

    Attributes
    ----------
    summary_ : DataFrame of n_hypotheses rows
        One row per hypothesis, in the order of the columns. From the rows of
        :meth:`fit`: see the notes.

        - `hypothesis`: the name of the column.
        - `separation`: the mean of y in rows with the concept minus the mean in the
          others. `separation_p` by Welch's test with a pooled variance as the lower
          limit, and `separation_p_corrected`. For pairs: the mean outcome of the text
          that has the concept minus that of the other, over the pairs of which one
          text has it, and an exact test of random signs.
        - `coefficient`, `standard_error`, `ci_low`, `ci_high`, `p`, `p_corrected` of
          the joint regression, and `significant`: whether `p_corrected` is below
          `alpha`. The intervals are corrected for the number of hypotheses with
          ``intervals="simultaneous"`` only.
        - `prevalence`: the share of rows that have the concept (are not 0), weighted
          if there are weights; `n`: the number of rows; `n_dropped`: how many others
          were left out, since an annotation or a control is missing.
        - `note`: why a hypothesis has no coefficient. It is constant, equal to, the
          opposite of or a combination of others, or decided by a single row.
    controls_ : DataFrame
        One row per column of the controls: `control` (the plain name),
        `coefficient`, `standard_error`, `ci_low`, `ci_high`, `p` and `note`. Nothing is
        corrected for them. Without rows if there are no controls.
    coef_ : ndarray of shape (n_hypotheses,)
        Coefficients for prediction; 0 where `summary_` has none.
    control_coef_ : ndarray of shape (n_control_columns,)
        Those of the controls, in the order of `controls_`.
    intercept_ : float
    column_means_ : ndarray of shape (n_hypotheses,)
        Training mean of each hypothesis; replaces NaN in :meth:`predict`.
    n_dropped_ : int
        Training rows left out because an annotation or a control was missing.
    is_weighted_ : bool
        Whether :meth:`fit` was given weights.
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)

    See Also
    --------
    HypothesisClassifier : For classes.
    evaluate_hypotheses : The same table from held-out texts, beside its ceilings.

    Notes
    -----
    The p-values in `summary_` are post-selection: they come from the rows on which the
    hypotheses were found, so they are too small. ``summary_.attrs["p_values"]`` says
    so as well. Use :meth:`evaluate` on other rows for tests that keep their level.

    Three things keep the level for concepts that few rows have. The degrees of
    freedom of HC3 are its own ones by the formula of Bell and McCaffrey [2]_, which
    [3]_ recommends for HC2: about the number of rows that have the concept. With n - k,
    a concept that two rows have would be significant at 5 % in 20 % of pure noise. The
    variance is never below the classical one: HC3 collapses when all rows of a concept
    share one value of y by chance. And the correction is by permutations of the
    leverage-scaled residuals of the full model, which gives back the power that these
    two cost. They need equal noise, so with weights, and for a hypothesis whose HC3
    variance is more than 1.5 times the classical one, the residuals get other signs as
    well (wild bootstrap), and the larger corrected p-value counts.

    The tests assume that rows are independent, unless `cov_type` is "cluster". Then
    the groups are independent, and the rows of one may go together in any way. The
    variances are CR2's, each with its own degrees of freedom [2]_ [5]_: about the
    number of groups that tell something about the hypothesis, so that the tests hold
    for few groups, too. `separation_p` is that of a regression on the one hypothesis
    with the same variance, and the intervals of the metrics resample groups. Rows of
    groups cannot be permuted, so "min_p" is "holm".

    Weights are taken as inverse variances, as in ``statsmodels.WLS``: only their ratios
    matter, a weight of 2 is not the same as two rows in tests and intervals (it is in
    `coef_`), and a row of weight 0 is left out. As HC3 does not rely on the variances,
    sampling weights can be passed as well.

    References
    ----------
    .. [1] MacKinnon & White (1985). Some heteroskedasticity-consistent covariance
       matrix estimators with improved finite sample properties. J. Econometrics 29.
    .. [2] Bell & McCaffrey (2002). Bias reduction in standard errors for linear
       regression with multi-stage samples. Survey Methodology 28.
    .. [3] Imbens & Kolesár (2016). Robust standard errors in small samples: some
       practical advice. Review of Economics and Statistics 98.
    .. [4] Westfall & Young (1993). Resampling-Based Multiple Testing. Wiley.
    .. [5] Pustejovsky & Tipton (2018). Small-sample methods for cluster-robust variance
       estimation and hypothesis testing in fixed effects models. J. Business & Economic
       Statistics 36.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_hsae import HypothesisRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.integers(2, size=(200, 2))
    >>> y = 4.0 - 2.0 * X[:, 0] + rng.normal(scale=0.5, size=200)
    >>> model = HypothesisRegressor().fit(X, y)
    >>> model.summary_[["hypothesis", "coefficient", "significant"]].round(2)
      hypothesis  coefficient  significant
    0         x0        -2.13         True
    1         x1        -0.02        False
    """

    _parameter_constraints: dict = {
        "cov_type": [StrOptions({"HC3", "nonrobust", "cluster"})],
        "correction": [StrOptions({"min_p", "bonferroni", "holm", "fdr_bh", "fdr_by"})],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "intervals": [StrOptions({"pointwise", "simultaneous"})],
        "controls": ["array-like", callable, None],
        "pairs": ["boolean"],
    }

    def __init__(
        self,
        *,
        cov_type="HC3",
        correction="min_p",
        alpha=0.05,
        intervals="pointwise",
        controls=None,
        pairs=False,
    ):
        self.cov_type = cov_type
        self.correction = correction
        self.alpha = alpha
        self.intervals = intervals
        self.controls = controls
        self.pairs = pairs

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, groups=None):
        """Estimate the coefficients.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_hypotheses)
            Annotations 1, 0 or NaN (any numbers will do). Rows with a NaN are left
            out: see :meth:`evaluate`.
        y : array-like of shape (n_samples,)
            The outcome: numbers, not constant.
        sample_weight : array-like of shape (n_samples,), default=None
            Inverse variances of the rows, up to a factor. None means equal ones.
        groups : array-like of shape (n_samples,), default=None
            The group of each row, such as its author, for ``cov_type="cluster"`` only.

        Returns
        -------
        self : HypothesisRegressor
            Fitted.
        """
        rows = self._rows(X, y, sample_weight, groups, reset=True)
        self.is_weighted_ = sample_weight is not None
        estimates, summary, controls = self._estimate(rows)
        coefficients, self.intercept_ = self._coefficients(estimates)
        self.control_coef_ = coefficients[: len(controls)]
        self.coef_ = coefficients[len(controls) :]
        self._set_shared(rows, summary, controls)
        return self

    def predict(self, X):
        """Predict the outcome.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_hypotheses)
            A NaN counts as the training mean of its column.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self._predicted(self._columns(X), *self._fitted_coefficients())

    def score(self, X, y, sample_weight=None):
        """R² of the predictions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_hypotheses)
            A NaN counts as the training mean of its column.
        y : array-like of shape (n_samples,)
            The true outcomes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            With `pairs` compared with a prediction of 0, since the mean depends on the
            order within the pairs.
        """
        if not self.pairs:
            return super().score(X, y, sample_weight)
        prediction, y = self.predict(X), read_target(y, "regression").values
        check_consistent_length(prediction, y, sample_weight)
        return r2(y, prediction, sample_weight, has_intercept=False)

    def evaluate(self, X, y, sample_weight=None, groups=None):
        """Test the hypotheses on rows they were not found on.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_hypotheses)
            Annotations 1, 0 or NaN. Rows with a NaN are left out. Where an annotation
            is missing for a reason that has to do with the outcome, that biases the
            estimates: look at `n_dropped`.
        y : array-like of shape (n_samples,)
            The outcome, not constant.
        sample_weight : array-like of shape (n_samples,), default=None
            As in :meth:`fit`.
        groups : array-like of shape (n_samples,), default=None
            As in :meth:`fit`.

        Returns
        -------
        table : DataFrame
            As `summary_`, estimated again on these rows.
        metrics : dict
            `r2`: of the predictions of the fitted model on these rows, with a
            bootstrap interval `r2_low`, `r2_high` that covers 1 - `alpha`.
            `r2_in_sample`: of the regression estimated on these rows, which HypotheSAEs
            reports as the held-out one. `n_significant`, `n_hypotheses`, `n` and
            `n_dropped`; with groups also `n_clusters`, how many there are. With `pairs`
            R² compares with a prediction of 0, not with the mean, which depends on the
            order within the pairs.

            With controls: `r2_controls` and `r2_hypotheses` of regressions fitted on
            one of the two alone. `delta_r2`, what the hypotheses add to the controls,
            with an interval, and `delta_r2_p` of a one-sided test that they add
            nothing: the fitted sum of their effects is one column beside the controls,
            in a regression on these rows.
        """
        table, _, metrics = self._evaluate(X, y, sample_weight, groups)
        return table, metrics

    def _metrics(self, rows, estimates, options):
        prediction = self._predicted(rows.X, *self._fitted_coefficients())
        in_sample = self._predicted(rows.X, *self._coefficients(estimates))
        return {
            **headline(rows.y, prediction, **options),
            **self._beyond_controls(rows, prediction, options),
            "r2_in_sample": r2(rows.y, in_sample, rows.weights, not self.pairs),
        }

    def _predicted(self, X, coefficients, intercept):
        return X @ coefficients + intercept

    def _p_of_gain(self, controls, hypotheses, y, options):
        """Of the test that the fitted sum of the effects adds nothing."""
        columns = np.column_stack([controls, hypotheses @ self.coef_])
        names = np.append(self._names()[0], "hypotheses")
        added = fit_linear(columns, y, names, cov_type=self.cov_type, **options)
        return upper_sided(added.p[-1], added.coefficient[-1])

    def _check_held_out(self, y):
        """Refuse an outcome that :meth:`evaluate` would, before X is computed."""
        refuse_constant(read_target(y, "regression"))

    def _rows(self, X, y, sample_weight, groups, *, reset):
        """The rows that count."""
        if y is not None:  # else validate_data says that it is missing
            target = read_target(y, "regression")
            y = (check_pair_target(target) if self.pairs else target).values
        X, y = self._read_columns(X, y, reset=reset, y_numeric=True)
        rows = rows_that_count(X, y, sample_weight, groups, self.cov_type)
        refuse_constant(Target(rows.y))
        return rows

    def _estimate(self, rows):
        """The estimates, the table of the hypotheses and that of the controls."""
        controls, names = self._names()
        n_controls = len(controls)
        X, y, weights, clusters, n_dropped = rows
        by_permutation = self.correction == "min_p" and self.cov_type == "HC3"
        options = {
            "clusters": clusters,
            "n_permutations": choose_n_permutations(len(y), self.alpha)
            if by_permutation
            else 0,
        }
        estimates = fit_linear(
            X,
            y,
            np.concatenate([controls, names]),
            cov_type=self.cov_type,
            alpha=self._interval_alpha(n_controls, len(names)),
            weights=weights,
            n_controls=n_controls,
            has_intercept=not self.pairs,
            **options,
        )
        X, tested = X[:, n_controls:], estimates.part(slice(n_controls, None))
        if self.pairs:
            separation = compare_pairs(X, y, weights, **options)
        else:
            separation = compare_means(X != 0, y, weights, **options)
        table = hypothesis_table(X, weights, names, tested, separation, n_dropped)
        table = with_correction(
            table,
            alpha=self.alpha,
            correction=self.correction,
            p=tested.p_corrected,
            separation_p=separation[2],
        )
        control_rows = control_table(controls, estimates.part(slice(n_controls)))
        return estimates, table, control_rows

    def _wald(self, rows, members):
        """p of the test of each group of columns."""
        return wald_linear(
            rows.X,
            rows.y,
            self._all_names(),
            members,
            cov_type=self.cov_type,
            weights=rows.weights,
            clusters=rows.clusters,
            has_intercept=not self.pairs,
        )

    def _coefficients(self, estimates):
        return np.nan_to_num(estimates.coefficient), estimates.intercept

    def _regress_on(self, rows, columns):
        """Coefficients and intercept of a regression on some columns."""
        X = rows.X[:, columns]
        estimates = fit_linear(
            X,
            rows.y,
            np.array([f"x{j}" for j in range(X.shape[1])], dtype=object),
            cov_type="nonrobust",
            alpha=0.05,
            weights=rows.weights,
            has_intercept=not self.pairs,
        )
        return self._coefficients(estimates)
