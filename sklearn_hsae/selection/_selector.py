"""NeuronSelector, the scikit-learn selector around the score functions."""

import warnings
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_hsae._sklearn_compat import (
    Interval,
    StrOptions,
    check_feature_names_in,
    fit_context,
)
from sklearn_hsae._target import read_target, refuse_constant
from sklearn_hsae._texts import frame_like
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

_METHODS = {"correlation", "forward", "lasso", "prevalence", "random", "separation"}


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
        - a function of (X, y) that returns one score a neuron, or (scores, p-values)
          as scikit-learn's do; those farthest from 0 are kept, NaN never is. Also the
          way to other options: ``partial(separation_score, n_top=50)``, or, for the
          definition of HypotheSAEs, ``partial(separation_score, standardize=False,
          pad=True)``;
        - a list of column indices or names: these, whatever `n_select` is.
    binarize : bool, default=True
        Score neurons by whether they fire instead of how strongly. A hypothesis is
        answered with yes or no, so that is the form in which a neuron will count.
        Columns that are hardly ever silent keep their values. Plays no part in
        "separation", which ranks by strength, nor in a function's scores.
    min_support : int or float, default=10
        A neuron must fire on so many rows to be chosen, and be silent on as many; a
        float is a share of the rows. A mean over fewer than ten is mostly noise, and
        an interpreter has too few examples to go by. Never more than a quarter of the
        rows are asked for. Where every column is hardly ever silent, `X` holds no
        activations, and no silence is asked for.
    max_correlation : float, default=0.7
        Where neurons are ranked one by one ("correlation", "separation",
        "prevalence", a function), pass over a neuron that correlates more than this
        with a better one, in absolute value. Without it the ranking may fill up with
        one topic: an autoencoder trained on the target as well splits it over many
        neurons. Those passed over come back, best first, when the others do not
        suffice; 1.0 passes over none.
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
        "method": [StrOptions(_METHODS), callable, "array-like"],
        "binarize": ["boolean"],
        "max_correlation": [Interval(Real, 0, 1, closed="both")],
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
        max_correlation=0.7,
        task="auto",
        random_state=None,
    ):
        self.n_select = n_select
        self.method = method
        self.binarize = binarize
        self.min_support = min_support
        self.max_correlation = max_correlation
        self.task = task
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
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
        X = validate_data(
            self, X, accept_sparse=["csr", "csc"], dtype=[np.float64, np.float32]
        )
        if not self._is_explicit():
            self._check_enough(*X.shape)
        if self._needs_target():
            y = self._check_target(X, y)
        columns = as_columns(X)
        self.scores_ = np.full(self.n_features_in_, np.nan)
        if self._is_explicit():
            self.selected_ = self._explicit(columns)
            return self
        eligible = self._eligible(columns)
        chosen, self.scores_[eligible] = self._choose(X, columns, eligible, y)
        self.selected_ = eligible[chosen]
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
        values = X.iloc[:, self.get_support(indices=True)].to_numpy()
        return frame_like(values, X, self.get_feature_names_out())

    def _needs_target(self):
        is_targetless = isinstance(self.method, str) and self.method in {
            "prevalence",
            "random",
        }
        return not is_targetless and not self._is_explicit()

    def _is_explicit(self):
        return not isinstance(self.method, str) and not callable(self.method)

    def _check_target(self, X, y):
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                'None. Only method="prevalence", "random" and explicit columns do '
                "without."
            )
        target = read_target(y, self.task)
        check_consistent_length(X, target.values)
        refuse_constant(target)
        if target.is_classification:
            return target.classes[target.values]
        return target.values

    def _check_enough(self, n_rows, n_features):
        if self.n_select > n_features:
            raise ValueError(
                f"n_select={self.n_select} neurons cannot be chosen from "
                f"n_features={n_features}. Lower n_select or raise n_neurons."
            )
        if self.n_select > n_rows or n_rows == 1:
            raise ValueError(
                f"n_select={self.n_select} neurons cannot be chosen by "
                f"n_samples={n_rows}. Pass more rows, or lower n_select."
            )

    def _explicit(self, columns):
        names = list(check_feature_names_in(self))
        selected = []
        for column in self.method:
            if isinstance(column, str) and column in names:
                selected.append(names.index(column))
            elif _is_index(column) and 0 <= column < len(names):
                selected.append(int(column))
            else:
                raise ValueError(
                    f"method names the column {column!r}, which X has not; it has "
                    f"{len(names)} columns, {names[0]!r} to {names[-1]!r}."
                )
        if not selected or len(set(selected)) < len(selected):
            raise ValueError(
                f"method must name one or more columns, each once; got {self.method!r}."
            )
        dead = [
            names[column] for column in selected if count_active(columns)[column] == 0
        ]
        if dead:
            warnings.warn(
                f"method names neurons that fire on no row: {', '.join(dead)}.",
                UserWarning,
                stacklevel=4,
            )
        return np.array(selected, dtype=np.intp)

    def _support(self, n_rows):
        support = self.min_support
        if not isinstance(support, Integral):
            support = max(int(np.ceil(support * n_rows)), 1)
        return min(support, max(n_rows // 4, 1))

    def _eligible(self, columns):
        n_rows = columns.shape[0]
        support, n_active = self._support(n_rows), count_active(columns)
        fires = StandardizedColumns(columns).varies & (n_active >= support)
        splits = fires & (n_rows - n_active >= support)
        eligible = np.flatnonzero(splits if splits.any() else fires)
        if len(eligible) == 0:
            raise ValueError(
                f"None of the {columns.shape[1]} neurons varies and fires on at least "
                f"{support} of the {n_rows} rows. Lower min_support, or train an "
                "autoencoder with fewer neurons."
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

    def _choose(self, X, columns, eligible, y):
        """Positions among the `eligible` in order of choice, and the scores of all."""
        columns = columns[:, eligible]
        scored = self._as_answers(columns) if self.binarize else columns
        if self.method == "forward":
            order, gains = forward_selection(scored, y, self.n_select, task=self.task)
            scores = np.full(len(eligible), np.nan)
            scores[order] = gains
            return order, scores
        if self.method == "lasso":
            return lasso_selection(scored, y, self.n_select, task=self.task)
        if self.method == "random":
            scores = check_random_state(self.random_state).uniform(size=len(eligible))
            return np.argsort(-scores, kind="stable")[: self.n_select], scores
        if self.method == "correlation":
            scores = correlation_score(scored, y, task=self.task)
        elif self.method == "separation":
            scores = separation_score(columns, y, task=self.task)
        elif self.method == "prevalence":
            scores = prevalence_score(columns)
        else:
            scores = self._scores_of_function(X, y)[eligible]
        return self._best_apart(scores, scored), scores

    def _scores_of_function(self, X, y):
        scores = self.method(X, y)
        if isinstance(scores, tuple):  # (scores, p-values) of scikit-learn's functions
            scores = scores[0]
        scores = np.asarray(scores, dtype=np.float64)
        if scores.shape != (X.shape[1],):
            raise ValueError(
                f"The function in method must return one score for each of the "
                f"{X.shape[1]} columns, got an array of shape {scores.shape}."
            )
        return scores

    def _best_apart(self, scores, scored):
        """The best scores in order; near-copies of better ones only at the end."""
        columns = StandardizedColumns(scored)
        order = np.argsort(-np.abs(scores), kind="stable")  # NaN comes last
        waiting = list(order[~np.isnan(scores[order])])
        selected, copies = [], []
        is_copy = np.zeros(len(scores), dtype=bool)
        while waiting and len(selected) < self.n_select:
            best = waiting.pop(0)
            if is_copy[best]:
                copies.append(best)
                continue
            selected.append(best)
            values = columns.dot([best], np.ones(1)) / scored.shape[0]
            correlation = np.abs(columns.transpose_dot(values))
            # Equal columns correlate by 1 plus or minus rounding.
            is_copy |= correlation > self.max_correlation + 1e-9
        return np.array((selected + copies)[: self.n_select], dtype=np.intp)

    def _warn_of_few(self, n_eligible):
        if len(self.selected_) < self.n_select:
            warnings.warn(
                f"Only {len(self.selected_)} neurons were selected instead of "
                f"n_select={self.n_select}: {n_eligible} of {self.n_features_in_} fire "
                f"on enough rows (min_support={self.min_support}), and the others add "
                "nothing to those that were chosen.",
                UserWarning,
                stacklevel=4,
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


def _is_index(column):
    return isinstance(column, Integral) and not isinstance(column, bool)
