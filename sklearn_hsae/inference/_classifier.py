"""Logistic regression on hypotheses, with the inference that belongs to it."""

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length

from sklearn_hsae._pairs import check_pair_target
from sklearn_hsae._sklearn_compat import Interval, StrOptions, fit_context
from sklearn_hsae._target import read_target
from sklearn_hsae.inference._annotations import rows_that_count
from sklearn_hsae.inference._class_regressions import class_regressions
from sklearn_hsae.inference._class_scores import (
    accuracy,
    log_odds,
    most_likely,
    shares,
)
from sklearn_hsae.inference._classes import (
    find_positive,
    read_labels,
    refuse_single_class,
    refuse_unknown,
)
from sklearn_hsae.inference._hypothesis_mixin import HypothesisMixin
from sklearn_hsae.inference._logistic import fit_logistic, wald_logistic
from sklearn_hsae.inference._metrics import auc, average_precision, headline, mcfadden
from sklearn_hsae.inference._table import upper_sided, with_correction


class HypothesisClassifier(ClassifierMixin, HypothesisMixin, BaseEstimator):
    """Logistic regression of a class on hypotheses, all at once.

    The last step of a pipeline for an outcome of classes. Two classes give one
    regression, for the class `positive`. More classes give one each, against all the
    others.

    Maximum likelihood and Wald's tests, unless fewer than ten rows of the rarer class
    are to be expected among the rows of some concept, or the hypotheses tell rows of a
    class apart without an error, so that the likelihood has no maximum. Then it is
    Firth's penalized likelihood with its likelihood ratio tests and profile intervals
    [1]_, as in R's logistf, and the notes say so.

    Parameters
    ----------
    cov_type : {"nonrobust", "HC3", "cluster"}, default="nonrobust"
        "nonrobust" takes the rows to be independent, and the log-odds to be what the
        regression says. "HC3" does not need the latter: its variances are those of the
        sandwich, where that is larger. "cluster" allows for rows that go
        together, such as the texts of one author, as in :class:`HypothesisRegressor`:
        pass `groups` to :meth:`fit` and :meth:`evaluate`.
    correction : {"bonferroni", "holm", "fdr_bh", "fdr_by"}, default="holm"
        How p-values are corrected for the number of tests: the hypotheses, or with
        more than two classes the hypotheses times the classes. The first two bound the
        chance of a single false one ("holm" finds all that "bonferroni" finds), the
        other two the expected share of false ones among those found.
    alpha : float, default=0.05
        Level of significance after correction; the intervals cover 1 - alpha.
    intervals : {"pointwise", "simultaneous"}, default="pointwise"
        "pointwise": each interval of a coefficient covers 1 - alpha. "simultaneous":
        all of them together do, by Bonferroni's method, whatever `correction` is. An
        interval without 0 is then a hypothesis that ``correction="bonferroni"`` finds.
    positive : class label or None, default=None
        Of two classes, the one that effects point to: a positive effect in `summary_`
        means that this class is more likely. None is the class that sorts last.
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
        concept, -1 where only the second has it, and 0 elsewhere. y says
        which text was better, so it has two classes: see `positive`.
        There is no intercept, so that a swapped pair has the mirrored prediction and
        changes no estimate. Controls must change their sign, too: numbers such as the
        difference in length, or for an effect of the order a column of 1 where the
        first text was shown first and -1 elsewhere.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    positive_ : class label or None
        The class that effects point to. None with more than two classes.
    summary_ : DataFrame
        As in :class:`HypothesisRegressor`; coefficients are differences in log-odds of
        `positive_`, `separation` is a difference of its shares. A column more,
        `average_marginal_effect`, says the coefficient as a difference in probability
        (0.08 is 8 percentage points): the mean over all rows of the probability
        with the concept minus that without it, each row's other concepts as they
        are. For a column of other numbers than 0 and 1 it is the mean slope. For pairs,
        half the difference between pairs of which only the first text has it and those
        of which only the second has it; `separation` is the share of wins of the text
        that has the concept, minus one half. With more
        than two classes, one block of rows per class, and the class in a first column
        `class`.
    controls_ : DataFrame
        One row per column of the controls (and `class`, of three or more): `control`
        (the plain name), `coefficient`, `standard_error`, `ci_low`, `ci_high`, `p` and
        `note`. Nothing is corrected for them. Without rows if there are no controls.
    coef_ : ndarray of shape (1 or n_classes, n_hypotheses)
        Coefficients for prediction; 0 where `summary_` has none. With two classes,
        those for the class that sorts last, whatever `positive` is, as scikit-learn
        expects of a classifier.
    control_coef_ : ndarray of shape (1 or n_classes, n_control_columns)
        Those of the controls.
    intercept_ : ndarray of shape (1 or n_classes,)
    penalized_ : bool ndarray of shape (1 or n_classes,)
        Where Firth's penalty was used.
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
    HypothesisRegressor : For quantities. Its notes on p-values, post-selection and
        clusters hold here too.
    evaluate_hypotheses : The same table from held-out texts, beside its ceilings.

    Notes
    -----
    Weights multiply each row's part of the likelihood; a row of weight 0 is left out.
    Tests and intervals take them for sampling weights: only their ratios matter, and
    a weight of 2 tells less than two rows [2]_. Beside Firth's penalty, which counts as
    a fixed number of rows, their size matters too: let their mean be about 1.

    With "HC3", the residuals of the sandwich are divided by 1 minus the leverages of
    the last Newton step. (The discrete models of statsmodels call the plain sandwich
    HC3.) With groups, variances are CR2's for the least squares of the last Newton step
    where that is larger, and tests have its degrees of freedom [3]_. Likelihood ratios
    are divided by the ratio of this variance to that of independent rows.

    References
    ----------
    .. [1] Heinze & Schemper (2002). A solution to the problem of separation in
       logistic regression. Statistics in Medicine 21.
    .. [2] Rao & Scott (1984). On chi-squared tests for multiway contingency tables with
       cell proportions estimated from survey data. Annals of Statistics 12.
    .. [3] Pustejovsky & Tipton (2018). Small-sample methods for cluster-robust variance
       estimation and hypothesis testing in fixed effects models. J. Business & Economic
       Statistics 36.

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
        "cov_type": [StrOptions({"nonrobust", "HC3", "cluster"})],
        "correction": [StrOptions({"bonferroni", "holm", "fdr_bh", "fdr_by"})],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "intervals": [StrOptions({"pointwise", "simultaneous"})],
        "positive": "no_validation",  # a label is of any type
        "controls": ["array-like", callable, None],
        "pairs": ["boolean"],
    }

    def __init__(
        self,
        *,
        cov_type="nonrobust",
        correction="holm",
        alpha=0.05,
        intervals="pointwise",
        positive=None,
        controls=None,
        pairs=False,
    ):
        self.cov_type = cov_type
        self.correction = correction
        self.alpha = alpha
        self.intervals = intervals
        self.positive = positive
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
            Labels of two or more classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Sampling weights of the rows. None means 1 for each.
        groups : array-like of shape (n_samples,), default=None
            The group of each row, such as its author, for ``cov_type="cluster"`` only.

        Returns
        -------
        self : HypothesisClassifier
            Fitted.

        Raises
        ------
        ValueError
            When y has fewer than two classes, `positive` is none of them, or
            `positive` is given and there are more than two.
        """
        rows = self._rows(X, y, sample_weight, groups, reset=True)
        self.is_weighted_ = sample_weight is not None
        self.classes_ = np.unique(rows.y)
        self.positive_ = find_positive(self.classes_, self.positive)
        estimates, summary, controls = self._estimate(rows)
        coefficients, self.intercept_ = self._coefficients(estimates)
        n_controls = self._n_controls()
        self.control_coef_ = coefficients[:, :n_controls]
        self.coef_ = coefficients[:, n_controls:]
        self.penalized_ = np.array([result.is_penalized for result in estimates])
        self._set_shared(rows, summary, controls)
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
        return log_odds(self._columns(X), *self._fitted_coefficients())

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
        return shares(self.decision_function(X))

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
        return most_likely(self.decision_function(X), self.classes_)

    def score(self, X, y, sample_weight=None):
        """The share of correct predictions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_hypotheses)
            A NaN counts as the training mean of its column.
        y : array-like of shape (n_samples,)
            The true classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            With `pairs`, a pair without any difference counts half: swapped, it would
            be predicted in the same way.
        """
        if not self.pairs:
            return super().score(X, y, sample_weight)
        scores, y = self.decision_function(X), read_labels(y)
        check_consistent_length(scores, y, sample_weight)
        return accuracy(scores, y, self.classes_, sample_weight, pairs=True)

    def evaluate(self, X, y, sample_weight=None, groups=None):
        """Test the hypotheses on rows they were not found on.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_hypotheses)
            Annotations 1, 0 or NaN. Rows with a NaN are left out. Where an annotation
            is missing for a reason that has to do with the outcome, that biases the
            estimates: look at `n_dropped`.
        y : array-like of shape (n_samples,)
            Labels that :meth:`fit` has seen, of two or more classes.
        sample_weight : array-like of shape (n_samples,), default=None
            As in :meth:`fit`.
        groups : array-like of shape (n_samples,), default=None
            As in :meth:`fit`.

        Returns
        -------
        table : DataFrame
            As `summary_`, estimated again on these rows.
        metrics : dict
            Of the predictions of the fitted model on these rows: `auc` with an
            interval `auc_low`, `auc_high` that covers 1 - `alpha`;
            `average_precision` (of `positive_`) and `accuracy`. Of the regression
            estimated on these rows, which HypotheSAEs reports as held-out:
            `auc_in_sample` and `mcfadden_in_sample`. `n_significant` (for any class),
            `n_hypotheses`, `n` and `n_dropped`; with groups also `n_clusters`. With
            more than two classes, `auc` and `average_precision` are means over those
            in y, each against the rest. With `pairs` each pair counts in both orders.

            With controls: `auc_controls`, `auc_hypotheses`, `delta_auc` and
            `delta_auc_p`, as those of R² in :class:`HypothesisRegressor`. With more
            than two classes the p-value is the smallest one times their number.
        """
        table, _, metrics = self._evaluate(X, y, sample_weight, groups)
        return table, metrics

    def _metrics(self, rows, estimates, options):
        y, weights, classes = rows.y, rows.weights, self.classes_
        scores = log_odds(rows.X, *self._fitted_coefficients())
        probability = shares(scores)
        in_sample = self._predicted(rows.X, *self._coefficients(estimates))
        positive_last = slice(None, None, -1 if self._is_first_positive else 1)
        how = weights, not self.pairs
        return {
            **headline(y, probability, classes, **options),
            **self._beyond_controls(rows, probability, options),
            "average_precision": average_precision(
                y, probability[:, positive_last], classes[positive_last], *how
            ),
            "accuracy": accuracy(scores, y, classes, weights, pairs=self.pairs),
            "auc_in_sample": auc(y, in_sample, classes, *how),
            "mcfadden_in_sample": mcfadden(y, in_sample, classes, *how),
        }

    def _predicted(self, X, coefficients, intercept):
        return shares(log_odds(X, coefficients, intercept))

    def _p_of_gain(self, controls, hypotheses, y, options):
        """Of the test that the fitted sum of the effects adds nothing for any class."""
        names = np.append(self._names()[0], "hypotheses")
        sign, p = -1.0 if self._is_first_positive else 1.0, []
        for (_, is_class), coefficient in zip(
            self._outcomes(y), self.coef_, strict=True
        ):
            columns = np.column_stack([controls, sign * hypotheses @ coefficient])
            added = fit_logistic(
                columns, is_class, names, cov_type=self.cov_type, **options
            )
            p.append(upper_sided(added.p[-1], added.coefficient[-1]))
        return min(1.0, len(p) * float(np.nanmin([*p, 1.0])))

    def _regress_on(self, rows, columns):
        """Coefficients and intercepts of the regressions on some columns."""
        names = self._all_names()[columns]
        options = {
            "weights": rows.weights,
            "alpha": self.alpha,
            "has_intercept": not self.pairs,
        }
        estimates = [
            fit_logistic(rows.X[:, columns], is_class, names, **options)
            for _, is_class in self._outcomes(rows.y)
        ]
        return self._coefficients(estimates)

    def _wald(self, rows, members):
        """p of the test of each group of columns, for each class."""
        tests = [
            wald_logistic(
                rows.X,
                is_class,
                self._all_names(),
                members,
                cov_type=self.cov_type,
                weights=rows.weights,
                clusters=rows.clusters,
                has_intercept=not self.pairs,
            )
            for _, is_class in self._outcomes(rows.y)
        ]
        return np.concatenate(tests)

    def _outcomes(self, y):
        """Each class that has a regression, and 1 for the rows that have it."""
        labels = [self.positive_] if len(self.classes_) == 2 else self.classes_
        return [(label, (y == label).astype(np.float64)) for label in labels]

    def _check_held_out(self, y):
        """Refuse an outcome that :meth:`evaluate` would, before X is computed."""
        refuse_unknown(read_labels(y), self.classes_)

    def _rows(self, X, y, sample_weight, groups, *, reset):
        """The rows that count, with their labels."""
        if y is not None:  # else validate_data says that it is missing
            y = read_labels(y)
        X, y = self._read_columns(X, y, reset=reset)
        rows = rows_that_count(X, y, sample_weight, groups, self.cov_type)
        if self.pairs:
            check_pair_target(read_target(rows.y, "classification"))
        if reset:
            refuse_single_class(rows.y)
        else:
            refuse_unknown(rows.y, self.classes_)
        return rows

    @property
    def _is_first_positive(self):
        """Whether the regression is for the class that sorts first of two."""
        return self.positive_ is not None and self.positive_ == self.classes_[0]

    def _coefficients(self, estimates):
        """Those of the log-odds that `decision_function` returns."""
        sign = -1.0 if self._is_first_positive else 1.0
        coef = np.nan_to_num([result.coefficient for result in estimates])
        intercept = np.array([result.intercept for result in estimates])
        return sign * coef, sign * intercept

    def _estimate(self, rows):
        """The estimates of each regression, their table, and that of the controls."""
        controls, names = self._names()
        outcomes = self._outcomes(rows.y)
        n_tests = len(outcomes) * len(names)
        estimates, table, control_rows = class_regressions(
            outcomes,
            rows,
            controls,
            names,
            pairs=self.pairs,
            alpha=self._interval_alpha(len(controls), n_tests),
            cov_type=self.cov_type,
        )
        table = with_correction(table, alpha=self.alpha, correction=self.correction)
        return estimates, table, control_rows
