"""NeuronSelector, the scikit-learn selector around the score functions."""

import warnings
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, _fit_context
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names_in,
    check_is_fitted,
    validate_data,
)

from sklearn_hsae.selection._columns import (
    StandardizedColumns,
    as_columns,
    count_active,
)
from sklearn_hsae.selection._forward import forward_selection
from sklearn_hsae.selection._lasso import lasso_selection
from sklearn_hsae.selection._scores import (
    correlation_score,
    prevalence_score,
    separation_score,
)
from sklearn_hsae.selection._target import check_target

METHODS = {"correlation", "forward", "lasso", "prevalence", "random", "separation"}


class NeuronSelector(SelectorMixin, BaseEstimator):
    """Keep the neurons that go with the target.

    Parameters
    ----------
    n_select : int, default=20
        How many neurons to keep: the number of hypotheses.
    method : str, callable, or list of int or str, default="forward"
        - ``"forward"``: adds the neuron that explains most of what the chosen ones
          leave, so that no two say the same; see :func:`forward_selection`.
        - ``"correlation"``, ``"separation"``: the largest scores in absolute value;
          see :func:`correlation_score` and :func:`separation_score`.
        - ``"lasso"``: the first `n_select` neurons on the lasso path; see
          :func:`lasso_selection`.
        - ``"prevalence"``: those that fire most often; ``"random"``: any.
        - a function of (X, y) that returns one score a neuron, the largest are kept;
        - a list of column indices or names: these, whatever `n_select` is.
    binarize : bool, default=True
        Score neurons by whether they fire instead of how strongly. A hypothesis is
        answered with yes or no, so that is the form in which a neuron will count.
        Columns that are hardly ever silent, which no neuron is, keep their values.
        Plays no part in "separation", which ranks by strength, nor in a function's
        scores.
    min_support : int or float, default=10
        A neuron must fire on so many rows to be chosen; a float is a share of the
        rows. A mean over fewer than ten is mostly noise, and an interpreter has too
        few examples to go by. Never more than a quarter of the rows are asked for.
    task : {"auto", "regression", "classification"}, default="auto"
        What y is. "auto": labels that are no numbers, and any two values, are
        classes; other numbers are a quantity.
    random_state : int, RandomState instance or None, default=None
        For ``method="random"``.

    Attributes
    ----------
    selected_ : ndarray of shape (n_selected,)
        Column indices in the order of selection. The output has its columns in the
        order of the input, as scikit-learn's selectors do.
    scores_ : ndarray of shape (n_features_in_,)
        Score of each neuron; NaN where it was not eligible, or has none.
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)

    See Also
    --------
    MatryoshkaSAETransformer : Where the neurons come from.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_hsae import NeuronSelector
    >>> X = np.tile(np.eye(4), (20, 1))
    >>> y = X @ [3.0, 0.0, -1.0, 0.0]
    >>> selector = NeuronSelector(2).fit(X, y)
    >>> selector.selected_
    array([0, 2])
    """

    _parameter_constraints: dict = {
        "n_select": [Interval(Integral, 1, None, closed="left")],
        "method": [StrOptions(METHODS), callable, "array-like"],
        "binarize": ["boolean"],
        "min_support": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 0.5, closed="both"),
        ],
        "task": [StrOptions({"auto", "regression", "classification"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_select=20,
        *,
        method="forward",
        binarize=True,
        min_support=10,
        task="auto",
        random_state=None,
    ):
        self.n_select = n_select
        self.method = method
        self.binarize = binarize
        self.min_support = min_support
        self.task = task
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Choose the neurons.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_neurons)
            Activations; sparse input is never made dense.
        y : array-like of shape (n_samples,)
            The target. May be None for "prevalence", "random" and explicit columns.

        Returns
        -------
        self : NeuronSelector

        Raises
        ------
        ValueError
            When there are fewer columns than `n_select`, no column is eligible, or
            y is missing, constant or of another length.
        """
        if self._needs_target():
            X, y = validate_data(self, X, y, accept_sparse=True, dtype=None)
            check_target(y)
        else:
            X = validate_data(self, X, accept_sparse=True)
        columns = as_columns(X)
        n_features = columns.shape[1]
        self.scores_ = np.full(n_features, np.nan)
        if self._is_explicit():
            self.selected_ = self._explicit(n_features)
            return self
        if self.n_select > n_features:
            raise ValueError(
                f"n_select={self.n_select} neurons cannot be chosen from "
                f"{n_features}. Lower n_select or raise n_neurons."
            )
        eligible = self._eligible(columns)
        chosen, scores = self._choose(columns[:, eligible], y)
        self.selected_ = eligible[chosen]
        self.scores_[eligible] = scores
        self._warn_of_few(len(eligible))
        return self

    def transform(self, X):
        """Keep the columns of the chosen neurons.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_neurons)

        Returns
        -------
        {ndarray, sparse matrix, DataFrame} of shape (n_samples, n_selected)
            A frame for a frame, with dense columns and the row index of `X`.
        """
        if not isinstance(X, pd.DataFrame):
            return super().transform(X)
        check_is_fitted(self)
        validate_data(self, X, reset=False, skip_check_array=True)
        chosen = X.loc[:, self.get_support()]
        if any(isinstance(kind, pd.SparseDtype) for kind in chosen.dtypes):
            return chosen.sparse.to_dense()
        return chosen

    def _needs_target(self):
        is_targetless = isinstance(self.method, str) and self.method in {
            "prevalence",
            "random",
        }
        return not is_targetless and not self._is_explicit()

    def _is_explicit(self):
        return not isinstance(self.method, str) and not callable(self.method)

    def _explicit(self, n_features):
        names = list(_check_feature_names_in(self))
        selected = []
        for column in self.method:
            if isinstance(column, str) and column in names:
                selected.append(names.index(column))
            elif isinstance(column, Integral) and 0 <= column < n_features:
                selected.append(int(column))
            else:
                raise ValueError(
                    f"method names the column {column!r}, which X has not; it has "
                    f"{n_features} columns, {names[0]!r} to {names[-1]!r}."
                )
        if not selected or len(set(selected)) < len(selected):
            raise ValueError(
                f"method must name one or more columns, each once; got {self.method!r}."
            )
        return np.array(selected, dtype=np.intp)

    def _support(self, n_rows):
        support = self.min_support
        if not isinstance(support, Integral):
            support = max(int(np.ceil(support * n_rows)), 1)
        return min(support, max(n_rows // 4, 1))

    def _eligible(self, columns):
        support = self._support(columns.shape[0])
        varies = StandardizedColumns(columns).varies
        eligible = np.flatnonzero(varies & (count_active(columns) >= support))
        if len(eligible) == 0:
            raise ValueError(
                f"None of the {columns.shape[1]} neurons varies and fires on at least "
                f"{support} of the {columns.shape[0]} rows. Lower min_support, or "
                "train an autoencoder with fewer neurons."
            )
        return eligible

    def _as_answers(self, columns):
        """1 where a neuron fires; columns that are hardly ever silent as they are."""
        n_rows = columns.shape[0]
        is_on_and_off = count_active(columns) <= n_rows - self._support(n_rows)
        answers = columns.copy()
        switched = np.repeat(is_on_and_off, np.diff(columns.indptr))
        answers.data[switched] = columns.data[switched] > 0
        return as_columns(answers)

    def _choose(self, columns, y):
        """Positions of the chosen columns in order, and the scores of all."""
        scored = self._as_answers(columns) if self.binarize else columns
        if self.method == "forward":
            order, gains = forward_selection(scored, y, self.n_select, task=self.task)
            scores = np.full(columns.shape[1], np.nan)
            scores[order] = gains
            return order, scores
        if self.method == "lasso":
            return lasso_selection(scored, y, self.n_select, task=self.task)
        scores = self._scores(columns, scored, y)
        order = np.argsort(-np.abs(scores), kind="stable")[: self.n_select]
        if callable(self.method):  # its largest, not its farthest from 0
            order = np.argsort(-scores, kind="stable")[: self.n_select]
        return order, scores

    def _scores(self, columns, scored, y):
        if self.method == "correlation":
            return correlation_score(scored, y, task=self.task)
        if self.method == "separation":
            return separation_score(columns, y, task=self.task)
        if self.method == "prevalence":
            return prevalence_score(columns)
        if self.method == "random":
            return check_random_state(self.random_state).uniform(size=columns.shape[1])
        scores = np.asarray(self.method(columns, y), dtype=np.float64)
        if scores.shape != (columns.shape[1],):
            raise ValueError(
                f"The function in method must return one score for each of the "
                f"{columns.shape[1]} columns, got an array of shape {scores.shape}."
            )
        return np.nan_to_num(scores, nan=-np.inf)

    def _warn_of_few(self, n_eligible):
        if len(self.selected_) < self.n_select:
            warnings.warn(
                f"Only {len(self.selected_)} neurons were selected instead of "
                f"n_select={self.n_select}: {n_eligible} of {self.n_features_in_} fire "
                f"on enough rows (min_support={self.min_support}), and the others add "
                "nothing to those that were chosen.",
                UserWarning,
                stacklevel=3,
            )

    def _get_support_mask(self):
        check_is_fitted(self)
        mask = np.zeros(self.n_features_in_, dtype=bool)
        mask[self.selected_] = True
        return mask

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = self._needs_target()
        return tags
