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
from sklearn_hsae.inference._table import POST_SELECTION

_PAIRS_EXPECTED = (
    "X holds -1, 0 and 1, the annotations of pairs of texts, but pairs=False. Pass "
    "pairs=True to this step, or to make_hypothesis_pipeline. For single texts, give "
    "the pipeline one text per row, such as frame['text']."
)


class HypothesisMixin:
    """The common part of `HypothesisRegressor` and `HypothesisClassifier`.

    `fit` sets `_summary` and `_control_summary` (tables as dicts of lists: skops and
    mlflow cannot save a DataFrame), `_controls` (see `read_controls`) and `_means` (the
    training mean of each column).
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
        n_controls = len(other._names()[0])
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
            hypotheses = X[:, len(self._names()[0]) :]
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
