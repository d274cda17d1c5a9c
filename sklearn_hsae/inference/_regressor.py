"""Least squares on hypotheses, with the inference that belongs to it."""

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_hsae.inference._answers import filled, hypothesis_names, judged_rows
from sklearn_hsae.inference._fit import fit_linear
from sklearn_hsae.inference._metrics import regression_metrics
from sklearn_hsae.inference._table import hypothesis_table

CORRECTIONS = {"bonferroni", "holm", "fdr_bh"}


class HypothesisRegressor(RegressorMixin, BaseEstimator):
    """Regress a quantity on hypotheses, all at once.

    The last step of a pipeline for a numeric outcome: ordinary least squares with an
    intercept, and for each hypothesis its coefficient, standard error, confidence
    interval and p-value.

    Parameters
    ----------
    cov_type : {"HC3", "nonrobust"}, default="HC3"
        Standard errors that allow for rows of unequal noise (MacKinnon & White
        1985), as ratings have it, or the classical ones.
    correction : {"bonferroni", "holm", "fdr_bh"}, default="bonferroni"
        How p-values are corrected for the number of hypotheses.
    alpha : float, default=0.05
        Level of significance after correction; the intervals cover 1 - alpha.

    Attributes
    ----------
    summary_ : DataFrame of n_features_in_ rows
        For each hypothesis, in the order of the columns: `hypothesis`; `separation`,
        the mean of y with it minus the mean without it, and `separation_p` by
        Welch's test; `coefficient`, `standard_error`, `ci_low`, `ci_high`, `p` and
        `p_corrected` of the joint regression; `significant`; `prevalence`; `n`; and
        a `note` that says why a hypothesis has no coefficient: it is constant, or
        equal to, the opposite of, or a combination of others.
    coef_ : ndarray of shape (n_features_in_,)
        Coefficients for prediction; 0 where `summary_` has none.
    intercept_ : float
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

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_hsae import HypothesisRegressor
    >>> X = np.array([[0, 1], [1, 0], [1, 1], [0, 0]] * 10)
    >>> y = 4.0 - 2.0 * X[:, 0] + np.tile([0.1, -0.1, 0.1, -0.1], 10)
    >>> model = HypothesisRegressor().fit(X, y)
    >>> model.summary_[["hypothesis", "coefficient", "significant"]].round(2)
      hypothesis  coefficient  significant
    0         x0         -2.0         True
    1         x1          0.2         True
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
            The outcome, not constant.

        Returns
        -------
        self : HypothesisRegressor
        """
        X, y = validate_data(
            self,
            X,
            y,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            ensure_min_samples=2,
            y_numeric=True,
        )
        judged = judged_rows(X)
        X, y = X[judged], np.asarray(y, dtype=np.float64)[judged]
        if np.ptp(y) == 0:
            raise ValueError(
                f"y is constant ({y[0]:g} in all {len(y)} judged rows): there is "
                "nothing that a hypothesis could go with."
            )
        names = hypothesis_names(self)
        fit = fit_linear(X, y, names, cov_type=self.cov_type, alpha=self.alpha)
        self.summary_ = hypothesis_table(
            X, y, names, fit, alpha=self.alpha, correction=self.correction
        )
        self.coef_ = np.nan_to_num(fit.coefficient)
        self.intercept_ = fit.intercept
        self.column_means_ = X.mean(axis=0)
        self.n_dropped_ = int((~judged).sum())
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
        y : array-like of shape (n_samples,)

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
        anew = HypothesisRegressor(**self.get_params()).fit(X, y)
        prediction, again = self.predict(X), anew.predict(X)
        judged = ~np.isnan(np.asarray(X, dtype=np.float64)).any(axis=1)
        y = np.asarray(y, dtype=np.float64)
        metrics = regression_metrics(y[judged], prediction[judged], again[judged])
        metrics["n_significant"] = int(anew.summary_["significant"].sum())
        metrics["n_hypotheses"] = len(anew.summary_)
        metrics["n"] = int(judged.sum())
        metrics["n_dropped"] = anew.n_dropped_
        return anew.summary_, metrics

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
