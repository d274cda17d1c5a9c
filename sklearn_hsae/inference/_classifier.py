"""Logistic regression on hypotheses, with the inference that belongs to it."""

from numbers import Real

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_hsae.inference._answers import (
    filled,
    hypothesis_names,
    judged_rows,
    refuse_missing,
)
from sklearn_hsae.inference._logistic import fit_logistic
from sklearn_hsae.inference._metrics import auc, average_precision, headline, mcfadden
from sklearn_hsae.inference._regressor import CORRECTIONS
from sklearn_hsae.inference._table import hypothesis_table, with_correction


class HypothesisClassifier(ClassifierMixin, BaseEstimator):
    """Logistic regression of a class on hypotheses, all at once.

    The last step of a pipeline for an outcome of classes. Two classes give one
    regression, for the class that sorts last. More classes give one each, against
    all the others.

    Where the hypotheses tell rows of a class apart without an error, the likelihood
    has no maximum; Firth's penalized likelihood [1]_ is used, and the notes say so.

    Parameters
    ----------
    correction : {"bonferroni", "holm", "fdr_bh"}, default="bonferroni"
        How p-values are corrected for the number of tests: the hypotheses, or with
        more than two classes the hypotheses times the classes.
    alpha : float, default=0.05
        Level of significance after correction; the intervals cover 1 - alpha.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    summary_ : DataFrame
        As in :class:`HypothesisRegressor`; coefficients are differences in log-odds,
        `separation` is a difference of shares. With more than two classes, one block
        of rows for each, and the class in a first column `class`.
    coef_ : ndarray of shape (1 or n_classes, n_features_in_)
        Coefficients for prediction; 0 where `summary_` has none.
    intercept_ : ndarray of shape (1 or n_classes,)
    penalized_ : bool ndarray of shape (1 or n_classes,)
        Where Firth's penalty was needed.
    column_means_ : ndarray of shape (n_features_in_,)
        Stand for an answer that is missing in :meth:`predict`.
    n_dropped_ : int
        Training rows left out because an answer was NaN.
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)

    See Also
    --------
    HypothesisRegressor : For quantities. Its note on p-values holds here too.
    evaluate_hypotheses : The same table from held-out texts, beside its ceilings.

    References
    ----------
    .. [1] Heinze & Schemper (2002). A solution to the problem of separation in
       logistic regression. Statistics in Medicine 21.

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
            Fitted.
        """
        X, y, judged = self._judged_labels(X, y, reset=True)
        self.classes_ = np.unique(y)
        estimates, summary = self._estimate(X, y)
        self._summary = summary.to_dict("list")
        self.coef_, self.intercept_ = _coefficients(estimates)
        self.penalized_ = np.array([one.is_penalized for one in estimates])
        self.column_means_ = X.mean(axis=0)
        self.n_dropped_ = int((~judged).sum())
        return self

    @property
    def summary_(self):
        # Kept as lists: skops and mlflow cannot save a DataFrame.
        check_is_fitted(self)
        return pd.DataFrame(self._summary)

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
        X = filled(X, self.column_means_)
        return _log_odds(X, self.coef_, self.intercept_)

    def predict_proba(self, X):
        """Probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_hypotheses)
            A NaN counts as the training mean of its column.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            With more than two classes, those of the single regressions, brought to
            sum 1.
        """
        return _shares(self.decision_function(X))

    def predict(self, X):
        """Predict the class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_hypotheses)
            A NaN counts as the training mean of its column.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self._most_likely(self.decision_function(X))

    def evaluate(self, X, y):
        """Test the hypotheses on rows they were not found on.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_hypotheses)
            Answers 1, 0 or NaN. Rows with a NaN are left out.
        y : array-like of shape (n_samples,)
            Labels that :meth:`fit` has seen, of two or more classes.

        Returns
        -------
        table : DataFrame
            As `summary_`, estimated anew on these rows.
        metrics : dict
            Of the predictions of the fitted model on these rows: `auc` with a
            bootstrap interval `auc_low`, `auc_high`; `average_precision` and
            `accuracy`. Of the regression estimated on these rows, which HypotheSAEs
            reports as held-out: `auc_in_sample` and `mcfadden_in_sample`.
            `n_significant` (for any class), `n_hypotheses`, `n` and `n_dropped`.
            With more than two classes, `auc` and `average_precision` are means over
            those in y, each against the rest.
        """
        check_is_fitted(self)
        X, y, judged = self._judged_labels(X, y, reset=False)
        anew, table = self._estimate(X, y)
        scores = _log_odds(X, self.coef_, self.intercept_)
        in_sample = _shares(_log_odds(X, *_coefficients(anew)))
        metrics = {
            **headline(y, _shares(scores), self.classes_),
            "average_precision": average_precision(y, _shares(scores), self.classes_),
            "accuracy": float(np.mean(self._most_likely(scores) == y)),
            "auc_in_sample": auc(y, in_sample, self.classes_),
            "mcfadden_in_sample": mcfadden(y, in_sample, self.classes_),
            "n_significant": int(
                table.groupby("hypothesis")["significant"].any().sum()
            ),
            "n_hypotheses": X.shape[1],
            "n": len(y),
            "n_dropped": int((~judged).sum()),
        }
        return table, metrics

    def _check_held_out(self, y):
        """Refuse an outcome that :meth:`evaluate` would, before X is computed."""
        unknown = np.setdiff1d(y, self.classes_).tolist()
        if unknown:
            raise ValueError(
                f"y has the classes {unknown[:10]}, which fit has not seen; it has "
                f"seen {self.classes_.tolist()}."
            )
        _refuse_single_class(y)

    def _judged_labels(self, X, y, *, reset):
        """X and y in the rows without a NaN, and which rows these are."""
        refuse_missing(y)
        X, y = validate_data(
            self,
            X,
            y,
            reset=reset,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            ensure_min_samples=2,
        )
        _check_labels(y)
        if not reset:
            self._check_held_out(y)
        judged = judged_rows(X)
        X, y = X[judged], y[judged]
        _refuse_single_class(y)
        return X, y, judged

    def _most_likely(self, log_odds):
        if log_odds.ndim == 1:
            return self.classes_[(log_odds > 0).astype(int)]
        return self.classes_[log_odds.argmax(axis=1)]

    def _estimate(self, X, y):
        """The estimates of each regression, and the table of all of them."""
        names = hypothesis_names(self)
        n_classes = len(self.classes_)
        estimates, tables = [], []
        for label in self.classes_[1:] if n_classes == 2 else self.classes_:
            is_class = (y == label).astype(np.float64)
            estimates.append(fit_logistic(X, is_class, names, alpha=self.alpha))
            table = hypothesis_table(X, is_class, names, estimates[-1])
            if n_classes > 2:
                table.insert(0, "class", label)
            tables.append(table)
        table = pd.concat(tables, ignore_index=True)
        return estimates, with_correction(
            table, alpha=self.alpha, correction=self.correction
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _coefficients(estimates):
    coef = np.nan_to_num([one.coefficient for one in estimates])
    return coef, np.array([one.intercept for one in estimates])


def _log_odds(X, coef, intercept):
    scores = X @ coef.T + intercept
    return scores[:, 0] if len(coef) == 1 else scores


def _shares(log_odds):
    shares = expit(log_odds)
    if shares.ndim == 1:
        return np.column_stack([1 - shares, shares])
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)


def _check_labels(y):
    try:
        check_classification_targets(y)
    except ValueError as error:
        raise ValueError(f"{error} For numbers use HypothesisRegressor().") from None


def _refuse_single_class(y):
    if (y == y[0]).all():
        raise ValueError(
            "HypothesisClassifier needs two classes or more in y; the judged rows have "
            f"one class, {y[:1].tolist()[0]!r}."
        )
