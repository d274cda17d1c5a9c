"""What both last steps share: their tables, and which columns are hypotheses."""

import numpy as np
import pandas as pd
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_hsae._pairs import carries_pairs, pair_difference
from sklearn_hsae.inference._annotations import column_names, fill_missing
from sklearn_hsae.inference._clusters import request_groups
from sklearn_hsae.inference._controls import (
    control_names,
    controls_first,
    read_controls,
    with_codes,
    with_index_levels,
)
from sklearn_hsae.inference._metrics import HEADLINE, gain, headline
from sklearn_hsae.inference._table import POST_SELECTION

_PAIRS_EXPECTED = (
    "X holds -1, 0 and 1, the annotations of pairs of texts, but pairs=False. Pass "
    "pairs=True to this step, or to make_hypothesis_pipeline. For single texts, give "
    "the pipeline one text per row, such as frame['text']."
)


class HypothesisMixin:
    """The common part of `HypothesisRegressor` and `HypothesisClassifier`.

    Private attributes of a fitted step: `_summary` and `_control_summary` (tables as
    dicts of lists: skops and mlflow cannot save a DataFrame), `_controls` (see
    `read_controls`), `_means` (the training mean of each column), and with controls
    `_alone`: the coefficients and the intercept of a regression on the controls alone,
    and of one on the hypotheses alone.

    A subclass has these methods:

    - `_rows`: the rows that count.
    - `_estimate`: estimates, the table of the hypotheses, and that of the controls.
    - `_coefficients`: coefficients and intercept for predictions, from the estimates.
    - `_regress_on`: the same of a regression on some of the columns.
    - `_predicted`: predictions from coefficients and intercept.
    - `_metrics`: how well rows are predicted.
    - `_p_of_gain`: of the test that the hypotheses add nothing to the controls.
    """

    @property
    def summary_(self):
        check_is_fitted(self)
        summary = pd.DataFrame(self._summary)
        summary.attrs["p_values"] = POST_SELECTION
        return summary

    @property
    def controls_(self):
        check_is_fitted(self)
        return pd.DataFrame(self._control_summary)

    def get_metadata_routing(self):
        """What is requested: `groups` in `fit` if `cov_type` is "cluster".

        Returns
        -------
        MetadataRequest
        """
        return request_groups(super().get_metadata_routing(), self.cov_type)

    def _set_shared(self, rows, summary, controls):
        """Set what both steps learn in the same way."""
        self._summary = summary.to_dict("list")
        self._control_summary = controls.to_dict("list")
        n_controls = self._n_controls()
        self._means = self._column_means(rows)
        self.column_means_ = self._means[n_controls:]
        self.n_dropped_ = rows.n_dropped
        if n_controls:
            self._alone = {
                "controls": self._regress_on(rows, slice(n_controls)),
                "hypotheses": self._regress_on(rows, slice(n_controls, None)),
            }

    def _fitted_coefficients(self):
        """Coefficients of all columns, controls first, and the intercept."""
        coefficients = np.concatenate([self.control_coef_, self.coef_], axis=-1)
        return coefficients, self.intercept_

    def _evaluate(self, X, y, sample_weight=None, groups=None):
        """The table, that of the controls, and the metrics."""
        check_is_fitted(self)
        rows = self._rows(X, y, sample_weight, groups, reset=False)
        estimates, table, controls = self._estimate(rows)
        options = {
            "alpha": self.alpha,
            "weights": rows.weights,
            "clusters": rows.clusters,
            "has_intercept": not self.pairs,
        }
        is_significant = table.groupby("hypothesis")["significant"].any()
        metrics = {
            **self._metrics(rows, estimates, options),
            "n_significant": int(is_significant.sum()),
            "n_hypotheses": len(is_significant),
            **rows.counts(),
        }
        return table, controls, metrics

    def _beyond_controls(self, rows, prediction, options):
        """What each of controls and hypotheses reach alone, and what the latter add."""
        n_controls = self.control_coef_.shape[-1]
        if not n_controls:
            return {}
        controls, hypotheses = np.split(rows.X, [n_controls], axis=1)
        classes = self.classes_ if is_classifier(self) else None
        metric, _ = HEADLINE["classification" if is_classifier(self) else "regression"]
        by_hypotheses = self._predicted(hypotheses, *self._alone["hypotheses"])
        alone = headline(rows.y, by_hypotheses, classes, **options)
        by_controls = self._predicted(controls, *self._alone["controls"])
        p = self._p_of_gain(controls, hypotheses, rows.y, options)
        return {
            **{k.replace(metric, f"{metric}_hypotheses"): v for k, v in alone.items()},
            **gain(rows.y, prediction, by_controls, classes, p=p, **options),
        }

    def _table_of(self, X, y, groups, controls):
        """The table of other columns, by the settings and the classes of this step."""
        other, rows = self._with_columns(X, y, groups, controls)
        return other._estimate(rows)[1]

    def _joint_p(self, X, y, groups, controls, members):
        """p of the tests that all coefficients of some hypotheses are 0.

        `members` has the positions of the hypotheses of each test. The tests of the
        first class come first.
        """
        other, rows = self._with_columns(X, y, groups, controls)
        n_controls = other._n_controls()
        return other._wald(rows, [n_controls + columns for columns in members])

    def _with_columns(self, X, y, groups, controls):
        """A step for other columns, and the rows that count."""
        other = clone(self).set_params(controls=controls or None)
        if is_classifier(self):  # some of three or more may not be in y
            other.classes_, other.positive_ = self.classes_, self.positive_
        return other, other._rows(X, y, None, groups, reset=True)

    def _names(self):
        """The names of the columns of the controls, and those of the hypotheses."""
        names = column_names(self)
        hypotheses = names[~np.isin(names, list(self._controls))]
        return np.array(control_names(self._controls), dtype=object), hypotheses

    def _all_names(self):
        """The names of all columns, controls first."""
        return np.concatenate(self._names())

    def _n_controls(self):
        """How many columns the controls have."""
        return len(self._names()[0])

    def _interval_alpha(self, n_controls, n_tests):
        """One minus what the interval of each column covers, controls first."""
        n_hypotheses = self.n_features_in_ - len(self._controls)
        alpha = np.full(n_controls + n_hypotheses, self.alpha)
        if self.intervals == "simultaneous":
            alpha[n_controls:] /= n_tests
        return alpha

    def _read_columns(self, X, y, *, reset, **options):
        """Controls, then annotations, of rows with an outcome; `options` are of y."""
        X = with_index_levels(self.controls, self._per_row(X))
        if reset:
            self._controls = read_controls(self.controls, X)
        X, y = validate_data(
            self,
            with_codes(self._controls, X),
            y,
            reset=reset,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            ensure_min_samples=2,
            **options,
        )
        X = controls_first(self._controls, column_names(self), X)
        self._check_pairs(X)
        return X, y

    def _columns(self, X):
        """Controls and annotations, with means in the place of NaN."""
        check_is_fitted(self)
        X = with_index_levels(self.controls, self._per_row(X))
        X = validate_data(
            self,
            with_codes(self._controls, X),
            reset=False,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            ensure_min_samples=0,
        )
        X = controls_first(self._controls, column_names(self), X)
        return fill_missing(X, self._means)

    def _per_row(self, X):
        """X with one row per pair, where an earlier step returned one row per text."""
        if carries_pairs(X) and not self.pairs:
            raise ValueError(_PAIRS_EXPECTED)
        return pair_difference(X)

    def _check_pairs(self, X):
        """Refuse annotations of pairs if `pairs` is not set, and controls of classes.

        X has the controls first.
        """
        if not self.pairs:
            hypotheses = X[:, self._n_controls() :]
            if (hypotheses == -1).any() and (
                np.isnan(hypotheses) | np.isin(hypotheses, (-1, 0, 1))
            ).all():
                raise ValueError(_PAIRS_EXPECTED)
            return
        for plain, levels in self._controls.values():
            if levels is not None:
                raise ValueError(
                    f"The control {plain!r} holds categories, such as {levels[0]!r}. "
                    "The controls of pairs are numbers that change their sign when the "
                    "texts are swapped, such as a difference in length."
                )

    def _column_means(self, rows):
        """What stands for NaN in `predict`: means, or 0 for pairs."""
        if self.pairs:
            return np.zeros(rows.X.shape[1])
        return rows.weights @ rows.X / rows.weights.sum()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
