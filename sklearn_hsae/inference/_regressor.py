"""Least squares on hypotheses, with the inference that belongs to it."""

from numbers import Real

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_hsae.inference._answers import (
    filled,
    hypothesis_names,
    judged_rows,
    refuse_missing,
)
from sklearn_hsae.inference._linear import fit_linear
from sklearn_hsae.inference._metrics import headline
from sklearn_hsae.inference._table import hypothesis_table, with_correction

CORRECTIONS = {"bonferroni", "holm", "fdr_bh"}


class HypothesisRegressor(RegressorMixin, BaseEstimator):
    """Regress a quantity on hypotheses, all at once.

    The last step of a pipeline for a numeric outcome: least squares with an intercept,
    and for each hypothesis its coefficient, standard error, confidence interval and
    p-value.

    Parameters
    ----------
    cov_type : {"HC3", "nonrobust"}, default="HC3"
        Standard errors that allow for rows of unequal noise [1]_, as ratings have it,
        or the classical ones.
    correction : {"bonferroni", "holm", "fdr_bh"}, default="bonferroni"
        How p-values are corrected for the number of hypotheses. The default bounds the
        chance of a single false hypothesis whatever the others are; "fdr_bh" bounds
        the share of false ones among those found.
    alpha : float, default=0.05
        Level of significance after correction; the intervals cover 1 - alpha.

    Attributes
    ----------
    summary_ : DataFrame of n_features_in_ rows
        For each hypothesis, in the order of the columns: `hypothesis`; `separation`,
        the mean of y with it minus the mean without it, and `separation_p` by
        Welch's test; `coefficient`, `standard_error`, `ci_low`, `ci_high`, `p` and
        `p_corrected` of the joint regression; `significant`; `prevalence`, the share
        of rows that have it (are not 0); `n`; and a `note` that says why a hypothesis
        has no coefficient: it is constant, equal to, the opposite of or a combination
        of others, or decided by a single row.
    coef_ : ndarray of shape (n_features_in_,)
        Coefficients for prediction; 0 where `summary_` has none.
    intercept_ : float
    column_means_ : ndarray of shape (n_features_in_,)
        Stand for an answer that is missing in :meth:`predict`.
    n_dropped_ : int
        Training rows left out because an answer was NaN.
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)

    See Also
    --------
    HypothesisClassifier : For classes.
    evaluate_hypotheses : The same table from held-out texts, beside its ceilings.

    Notes
    -----
    The p-values in `summary_` come from the rows on which the hypotheses were found.
    They are too small: the hypotheses were chosen because they go with y on these
    very rows. Use :meth:`evaluate` on other rows for p-values that mean something.

    With HC3, t-values are compared with a t distribution whose degrees of freedom are
    those of Bell and McCaffrey [2]_, as [3]_ recommends: about the number of rows that
    have the concept. With the usual n - k, a concept that two rows have would be
    significant at 5 % in 20 % of pure noise.

    References
    ----------
    .. [1] MacKinnon & White (1985). Some heteroskedasticity-consistent covariance
       matrix estimators with improved finite sample properties. J. Econometrics 29.
    .. [2] Bell & McCaffrey (2002). Bias reduction in standard errors for linear
       regression with multi-stage samples. Survey Methodology 28.
    .. [3] Imbens & Kolesár (2016). Robust standard errors in small samples: some
       practical advice. Review of Economics and Statistics 98.

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
        "cov_type": [StrOptions({"HC3", "nonrobust"})],
        "correction": [StrOptions(CORRECTIONS)],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(self, *, cov_type="HC3", correction="bonferroni", alpha=0.05):
        self.cov_type = cov_type
        self.correction = correction
        self.alpha = alpha

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Estimate the coefficients.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_hypotheses)
            Answers 1, 0 or NaN (any numbers will do). Rows with a NaN are left out.
        y : array-like of shape (n_samples,)
            The outcome: numbers, not constant.

        Returns
        -------
        self : HypothesisRegressor
            Fitted.
        """
        X, y, judged = self._judged_numbers(X, y, reset=True)
        estimates, summary = self._estimate(X, y)
        self._summary = summary.to_dict("list")
        self.coef_ = np.nan_to_num(estimates.coefficient)
        self.intercept_ = estimates.intercept
        self.column_means_ = X.mean(axis=0)
        self.n_dropped_ = int((~judged).sum())
        return self

    @property
    def summary_(self):
        # Kept as lists: skops and mlflow cannot save a DataFrame.
        check_is_fitted(self)
        return pd.DataFrame(self._summary)

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
        check_is_fitted(self)
        X = validate_data(
            self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan"
        )
        return filled(X, self.column_means_) @ self.coef_ + self.intercept_

    def evaluate(self, X, y):
        """Test the hypotheses on rows they were not found on.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_hypotheses)
            Answers 1, 0 or NaN. Rows with a NaN are left out.
        y : array-like of shape (n_samples,)
            The outcome, not constant.

        Returns
        -------
        table : DataFrame
            As `summary_`, estimated anew on these rows.
        metrics : dict
            `r2`: of the predictions of the fitted model on these rows, with a
            bootstrap interval `r2_low`, `r2_high`. `r2_in_sample`: of the regression
            estimated on these rows, which HypotheSAEs reports as the held-out one.
            `n_significant`, `n_hypotheses`, `n` and `n_dropped`.
        """
        check_is_fitted(self)
        X, y, judged = self._judged_numbers(X, y, reset=False)
        anew, table = self._estimate(X, y)
        in_sample = X @ np.nan_to_num(anew.coefficient) + anew.intercept
        metrics = {
            **headline(y, X @ self.coef_ + self.intercept_),
            "r2_in_sample": float(r2_score(y, in_sample)),
            "n_significant": int(table["significant"].sum()),
            "n_hypotheses": len(table),
            "n": len(y),
            "n_dropped": int((~judged).sum()),
        }
        return table, metrics

    def _check_held_out(self, y):
        """Refuse an outcome that :meth:`evaluate` would, before X is computed."""
        _refuse_constant(np.asarray(_as_numbers(y), dtype=np.float64))

    def _judged_numbers(self, X, y, *, reset):
        """X and y as numbers, in the rows without a NaN, and which rows these are."""
        refuse_missing(y)
        X, y = validate_data(
            self,
            X,
            _as_numbers(y),
            reset=reset,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            ensure_min_samples=2,
            y_numeric=True,
        )
        judged = judged_rows(X)
        X, y = X[judged], np.asarray(y, dtype=np.float64)[judged]
        _refuse_constant(y)
        return X, y, judged

    def _estimate(self, X, y):
        names = hypothesis_names(self)
        estimates = fit_linear(X, y, names, cov_type=self.cov_type, alpha=self.alpha)
        table = hypothesis_table(X, y, names, estimates)
        return estimates, with_correction(
            table, alpha=self.alpha, correction=self.correction
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _as_numbers(y):
    """y, if it holds numbers; texts name the estimator for classes."""
    if y is None or not hasattr(y, "__len__") or np.ndim(y) > 2:
        return y  # validate_data says what is wrong
    values = np.asarray(y)
    if values.dtype.kind not in "OUST":
        return y
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"HypothesisRegressor expects numbers in y, got {str(values.flat[0])!r}. "
            "For classes use HypothesisClassifier()."
        ) from None


def _refuse_constant(y):
    if np.ptp(y) == 0:
        raise ValueError(
            f"y is constant ({y[0]:g} in all {len(y)} judged rows): there is nothing "
            "that a hypothesis could go with."
        )
