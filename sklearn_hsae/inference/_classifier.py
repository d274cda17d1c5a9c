"""Logistic regression on hypotheses, with the inference that belongs to it."""

from numbers import Real

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_hsae.inference._answers import filled, hypothesis_names, judged_rows
from sklearn_hsae.inference._fit import fit_logistic
from sklearn_hsae.inference._metrics import classification_metrics
from sklearn_hsae.inference._regressor import CORRECTIONS
from sklearn_hsae.inference._table import hypothesis_table


class HypothesisClassifier(ClassifierMixin, BaseEstimator):
    """Logistic regression of a class on hypotheses, all at once.

    The last step of a pipeline for an outcome of classes. Two classes give one
    regression, for the class that sorts last. More classes give one each, against
    all the others.

    Where the hypotheses tell the classes apart without an error, maximum likelihood
    has no estimate; Firth's penalized likelihood is used, and the notes say so.

    Parameters
    ----------
    correction : {"bonferroni", "holm", "fdr_bh"}, default="bonferroni"
        How p-values are corrected for the number of hypotheses.
    alpha : float, default=0.05
        Level of significance after correction; the intervals cover 1 - alpha.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    summary_ : DataFrame
        As in :class:`HypothesisRegressor`; coefficients are differences in log-odds,
        `separation` is a difference of shares. With more than two classes, one block
        of rows for each, and the class in a column `class`.
    coef_ : ndarray of shape (1 or n_classes, n_features_in_)
    intercept_ : ndarray of shape (1 or n_classes,)
    n_dropped_ : int
        Training rows left out because an answer was NaN.
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)

    See Also
    --------
    HypothesisRegressor : For quantities. Its note on p-values holds here too.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_hsae import HypothesisClassifier
    >>> X = np.array([[0], [0], [0], [1], [1], [1]] * 20)
    >>> y = np.array(["no", "no", "yes", "yes", "yes", "no"] * 20)
    >>> model = HypothesisClassifier().fit(X, y)
    >>> model.coef_.round(3), model.predict([[0], [1]])
    (array([[1.386]]), array(['no', 'yes'], dtype='<U3'))
    """

    _parameter_constraints: dict = {
        "correction": [StrOptions(CORRECTIONS)],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(self, *, correction="bonferroni", alpha=0.05):
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
            Labels of two or more classes.

        Returns
        -------
        self : HypothesisClassifier
        """
        X, y = validate_data(
            self,
            X,
            y,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            ensure_min_samples=2,
        )
        check_classification_targets(y)
        judged = judged_rows(X)
        X, y = X[judged], y[judged]
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(
                f"HypothesisClassifier needs two classes or more in y; the judged rows "
                f"have one class, {self.classes_[0]!r}."
            )
        names = hypothesis_names(self)
        fits, tables = [], []
        for label in self._modelled_classes():
            is_class = (y == label).astype(np.float64)
            fit = fit_logistic(X, is_class, names, alpha=self.alpha)
            table = hypothesis_table(
                X, is_class, names, fit, alpha=self.alpha, correction=self.correction
            )
            if len(self.classes_) > 2:
                table.insert(0, "class", label)
            fits.append(fit)
            tables.append(table)
        self.summary_ = pd.concat(tables, ignore_index=True)
        self.coef_ = np.nan_to_num([fit.coefficient for fit in fits])
        self.intercept_ = np.array([fit.intercept for fit in fits])
        self.column_means_ = X.mean(axis=0)
        self.n_dropped_ = int((~judged).sum())
        return self

    def decision_function(self, X):
        """Log-odds of the class that sorts last, or of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_hypotheses)
            A NaN counts as the training mean of its column.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        check_is_fitted(self)
        X = validate_data(
            self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan"
        )
        scores = filled(X, self.column_means_) @ self.coef_.T + self.intercept_
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X):
        """Probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_hypotheses)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            With more than two classes, those of the single regressions, brought to
            sum 1.
        """
        shares = expit(self.decision_function(X))
        if shares.ndim == 1:
            return np.column_stack([1 - shares, shares])
        return shares / shares.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Predict the class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_hypotheses)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        scores = self.decision_function(X)
        if scores.ndim == 1:
            return self.classes_[(scores > 0).astype(int)]
        return self.classes_[scores.argmax(axis=1)]

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
            Of the predictions of the fitted model on these rows: `auc` (the mean
            over the classes when there are more than two) with a bootstrap interval
            `auc_low`, `auc_high`; `average_precision` (two classes) and `accuracy`.
            Of the regression estimated on these rows, which HypotheSAEs reports as
            held-out: `auc_in_sample` and `mcfadden_in_sample` (two classes).
            `n_significant`, `n_hypotheses`, `n` and `n_dropped`.
        """
        check_is_fitted(self)
        anew = HypothesisClassifier(**self.get_params()).fit(X, y)
        judged = ~np.isnan(np.asarray(X, dtype=np.float64)).any(axis=1)
        unknown = set(np.unique(y)) - set(self.classes_)
        if unknown:
            raise ValueError(
                f"y has the classes {sorted(unknown)}, which fit has not seen; it has "
                f"seen {list(self.classes_)}."
            )
        metrics = classification_metrics(
            np.asarray(y)[judged],
            self.classes_,
            self.predict_proba(X)[judged],
            anew.predict_proba(X)[judged],
        )
        metrics["n_significant"] = int(anew.summary_["significant"].sum())
        metrics["n_hypotheses"] = len(anew.summary_)
        metrics["n"] = int(judged.sum())
        metrics["n_dropped"] = anew.n_dropped_
        return anew.summary_, metrics

    def _modelled_classes(self):
        return self.classes_[1:] if len(self.classes_) == 2 else self.classes_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
