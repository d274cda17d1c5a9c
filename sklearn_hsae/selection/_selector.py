"""NeuronSelector: a scikit-learn feature selector for neurons."""

import logging
import warnings
from numbers import Integral, Real

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import (
    assert_all_finite,
    check_consistent_length,
    check_random_state,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_hsae._pairs import (
    carries_pairs,
    mirrored,
    mirrored_target,
    of_both_texts,
)
from sklearn_hsae._sklearn_compat import (
    Interval,
    StrOptions,
    check_feature_names_in,
    check_sample_weight,
    fit_context,
    safe_indexing,
)
from sklearn_hsae._target import read_target, refuse_constant
from sklearn_hsae._texts import CarriesTextsMixin, frame_like
from sklearn_hsae._tokens import carry_tokens, tokens_behind
from sklearn_hsae.selection._columns import as_columns, count_active, on_or_off
from sklearn_hsae.selection._controls import read_controls
from sklearn_hsae.selection._eligible import eligible_neurons
from sklearn_hsae.selection._methods import (
    METHODS,
    WITHOUT_TARGET,
    Candidates,
    best_apart,
)
from sklearn_hsae.selection._named_columns import find_columns
from sklearn_hsae.selection._suggest_n_select import suggest_n_select

logger = logging.getLogger("sklearn_hsae")


class NeuronSelector(CarriesTextsMixin, SelectorMixin, BaseEstimator):
    """Select the neurons that are related to the target.

    Parameters
    ----------
    n_select : "auto" or int, default="auto"
        Number of neurons to select, which is the number of hypotheses. "auto" is one
        per 50 rows, at least 3 and at most 20: with more hypotheses, a test on the same
        number of other rows can hardly separate their effects. "auto" selects fewer
        when fewer neurons are related to the target.
    oversample : int, default=1
        How many times `n_select` neurons are selected, if as many are related to the
        target. With more than 1, the pipeline has a second selector behind the
        :class:`ConceptAnnotator`, which selects `n_select` of the concepts: a good
        neuron may have a bad name, and only the annotations show it.
    method : str or callable, default="forward"
        - ``"forward"``: adds one neuron at a time, the one that explains most of the
          remaining variance of y. So no two neurons say the same. See
          :func:`forward_selection`.
        - ``"correlation"``, ``"separation"``: the largest absolute scores; see
          :func:`correlation_score` and :func:`separation_score`.
        - ``"lasso"``: the first `n_select` neurons on the lasso path; see
          :func:`lasso_selection`.
        - ``"prevalence"``: the neurons that fire most often.
        - ``"random"``: neurons drawn at random, as a baseline.
        - a function of (X, y) that returns one score per neuron, or (scores,
          p-values) as scikit-learn's functions do. The neurons with the largest
          absolute scores are selected, never one with NaN. `y` contains float64
          numbers, or the classes. Use a function also to set options:
          ``partial(separation_score, n_top=50)``.
    columns : array-like of int or str, or None, default=None
        Indices or names of the columns to keep. With `columns`, `y`, `n_select` and
        the other parameters are ignored.
    binarize : bool, default=True
        Replace activations by 1 (the neuron fires) and 0 for the scores. A concept is
        judged with yes or no, so this is what an annotation can preserve. Columns
        that are almost never 0 keep their values. No effect on "separation" and on a
        function, which use the activations.
    min_support : int or float, default=10
        A neuron can be selected if it fires on at least this number of rows, and is
        silent on at least this number. A float is a share of the rows. A mean over
        fewer than ten rows is mostly noise, and an interpreter would have too few
        examples. The limit is never higher than a quarter of the rows. When all
        columns are almost never 0, `X` contains no activations, and silent rows are
        not required.
    min_groups : int, default=1
        A neuron can be selected if it fires in at least this number of the `groups` of
        :meth:`fit`, such as years or shops. So no hypothesis is about a single one of
        them. 1 needs no groups.
    max_correlation : float, default=0.7
        For the methods that rank neurons ("correlation", "separation", "prevalence",
        a function): a neuron is skipped when its absolute correlation with a better
        neuron is larger than this. Otherwise one topic may fill the ranking, because an
        autoencoder with `target_weight` splits a topic over many neurons. When too few
        neurons remain, the best skipped ones are selected. 1.0 skips none.
    controls : sequence of str or None, default=None
        Levels of the row index of `X`, such as the year or the shop. Neurons are
        selected by what they say beside the controls: both the target and the neurons
        count only with what a regression on the controls leaves ("separation": the
        target alone). Numbers enter as they are, other values as one column per value
        but the first. A row with a missing control has the weight 0. No effect on
        "prevalence" and "random"; a function cannot have controls.
    task : {"auto", "regression", "classification"}, default="auto"
        What `y` is. "auto": booleans, words, pandas categories and two whole
        numbers are classes; all other numbers are a quantity.
    random_state : int, RandomState instance or None, default=None
        For ``method="random"``.

    Attributes
    ----------
    selected_ : ndarray of shape (n_selected,)
        Column indices in the order of selection. The columns of the output are in
        the order of the input, as those of scikit-learn's selectors.
    scores_ : ndarray of shape (n_features_in_,)
        Score of each neuron; NaN for neurons that cannot be selected or have no score.
    prevalence_ : ndarray of shape (n_selected,)
        Share of the training rows on which each selected neuron fires, in the order of
        the columns of the output. See :func:`~sklearn_hsae.corpora.neuron_drift`.
    n_samples_fit_ : int
        Number of these rows.
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)

    See Also
    --------
    MatryoshkaSAETransformer : Computes the activations.

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
        "n_select": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "oversample": [Interval(Integral, 1, None, closed="left")],
        "method": [StrOptions(set(METHODS)), callable],
        "columns": ["array-like", None],
        "binarize": ["boolean"],
        "min_groups": [Interval(Integral, 1, None, closed="left")],
        "max_correlation": [Interval(Real, 0, 1, closed="both")],
        "min_support": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 0.5, closed="both"),
        ],
        "controls": ["array-like", None],
        "task": [StrOptions({"auto", "regression", "classification"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_select="auto",
        *,
        oversample=1,
        method="forward",
        columns=None,
        binarize=True,
        min_support=10,
        min_groups=1,
        max_correlation=0.7,
        controls=None,
        task="auto",
        random_state=None,
    ):
        self.n_select = n_select
        self.oversample = oversample
        self.method = method
        self.columns = columns
        self.binarize = binarize
        self.min_support = min_support
        self.min_groups = min_groups
        self.max_correlation = max_correlation
        self.controls = controls
        self.task = task
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None, groups=None):
        """Choose the neurons.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_neurons)
            Activations; sparse input is never made dense. Or the annotations of a
            :class:`ConceptAnnotator`: a row with NaN, which was not judged, has the
            weight 0.
        y : array-like of shape (n_samples,)
            The target. May be None for "prevalence", "random" and explicit `columns`.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows in all scores that use `y`. A function gets them as its
            argument `sample_weight`. `min_support` counts rows without weights.
        groups : array-like of shape (n_samples,) or None, default=None
            The group of each row, for `min_groups`. With metadata routing, the selector
            asks for them by itself when `min_groups` is above 1.

        Returns
        -------
        self : NeuronSelector

        Raises
        ------
        ValueError
            When there are fewer rows than `n_select`, when no column can be
            selected (see `min_support` and `min_groups`), or when y is missing,
            constant or of another length.
        """
        are_pairs = carries_pairs(X)
        controls, is_known = self._read_controls(X)
        X = validate_data(
            self,
            X,
            accept_sparse=["csr", "csc"],
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
        )
        X, is_judged = _judged_rows(X)
        if are_pairs:
            y = y if y is None else mirrored_target(y, self.task)
            sample_weight, groups = map(of_both_texts, (sample_weight, groups))
            controls = _mirrored_controls(controls)
        if sample_weight is not None:
            sample_weight = check_sample_weight(
                sample_weight, X, ensure_non_negative=True
            )
        self.scores_ = np.full(self.n_features_in_, np.nan)
        if self.columns is not None:
            activations, names = as_columns(X), list(check_feature_names_in(self))
            self.selected_ = find_columns(self.columns, names, activations)
            return self._with_prevalence(activations)
        n_rows, n_features = X.shape
        n_select = self._n_to_select(n_rows // (1 + are_pairs), n_features)
        target = None
        if self._needs_target():
            sample_weight = _weights_of_known(is_known & is_judged, sample_weight)
            target = self._target(X, y, sample_weight, controls)
        activations = as_columns(X)
        support = self._support(n_rows)
        compared = activations
        if self.binarize:
            compared = on_or_off(activations, n_most=n_rows - support)
        of_training_rows = activations
        if are_pairs:
            X, activations, compared = map(mirrored, (X, activations, compared))
            activations, compared = as_columns(activations), as_columns(compared)
        eligible = eligible_neurons(activations, support, groups, self.min_groups)
        self.selected_ = self._choose(
            X, activations, compared, target, n_select, eligible
        )
        logger.info(
            "Selection: %d of %d columns.", len(self.selected_), self.n_features_in_
        )
        logger.debug("Selected columns: %s.", self.selected_.tolist())
        return self._with_prevalence(of_training_rows)

    def _with_prevalence(self, activations):
        n_active = count_active(activations[:, self.get_support(indices=True)])
        self.n_samples_fit_ = activations.shape[0]
        self.prevalence_ = n_active / self.n_samples_fit_
        return self

    def transform(self, X):
        """Keep the columns of the selected neurons.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_neurons)

        Returns
        -------
        {ndarray, sparse matrix, DataFrame} of shape (n_samples, n_selected)
            A frame when `X` is a frame, with dense columns and the row index of `X`.
        """
        check_is_fitted(self)
        if not isinstance(X, pd.DataFrame):
            X = validate_data(
                self,
                X,
                accept_sparse="csr",
                dtype=None,
                ensure_all_finite="allow-nan",
                ensure_min_samples=0,
                reset=False,
            )
            return safe_indexing(X, self.get_support(), axis=1)
        validate_data(self, X, reset=False, skip_check_array=True)
        values = X.iloc[:, self.get_support(indices=True)].to_numpy()
        frame = frame_like(values, X, self.get_feature_names_out())
        return carry_tokens(frame, tokens_behind(X))

    def get_metadata_routing(self):
        """What is requested: `groups` in `fit` if `min_groups` is above 1.

        Returns
        -------
        MetadataRequest
        """
        routing = super().get_metadata_routing()
        if routing.fit.requests["groups"] is None:
            routing.fit.add_request(param="groups", alias=self.min_groups > 1)
        return routing

    def _needs_target(self):
        return self.columns is None and self.method not in WITHOUT_TARGET

    def _read_controls(self, X):
        """The controls as numbers, and which rows have them all."""
        if self.controls is None or not self._needs_target():
            return None, True
        if callable(self.method):
            raise ValueError(
                "method is a function, which takes no controls. Leave controls out, or "
                f"pass one of {sorted(METHODS)}."
            )
        return read_controls(self.controls, X, are_pairs=carries_pairs(X))

    def _target(self, X, y, sample_weight, controls):
        """`y` as numbers or classes, the task, the weights and the controls."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                'None. Only method="prevalence", method="random" and columns=[...] do '
                "not need it."
            )
        target = read_target(y, self.task)
        check_consistent_length(X, target.values)
        refuse_constant(target)
        if target.is_classification:
            y, task = target.classes[target.values], "classification"
        else:
            y, task = target.values, "regression"
        return {
            "y": y,
            "task": task,
            "sample_weight": sample_weight,
            "controls": controls,
        }

    def _n_to_select(self, n_rows, n_features):
        n_select = self.n_select
        if n_select == "auto":
            n_select = min(suggest_n_select(n_rows), n_features)
        if n_select > n_rows or n_rows == 1:
            raise ValueError(
                f"n_select={n_select} neurons cannot be chosen by "
                f"n_samples={n_rows}. Pass more rows, or lower n_select."
            )
        return min(self.oversample * n_select, n_rows, n_features)

    def _support(self, n_rows):
        support = self.min_support
        if not isinstance(support, Integral):
            support = max(int(np.ceil(support * n_rows)), 1)
        return min(support, max(n_rows // 4, 1))

    def _choose(self, X, activations, compared, target, n_select, eligible):
        """Return the chosen columns in order, and set `scores_`."""
        candidates = Candidates(
            activations[:, eligible],
            compared[:, eligible],
            target,
            n_select,
            self.max_correlation,
            check_random_state(self.random_state),
        )
        if callable(self.method):
            scores = self._scores_of_function(X, target)[eligible]
            chosen, scores = best_apart(scores, candidates)
        else:
            chosen, scores = METHODS[self.method](candidates)
        self.scores_[eligible] = scores
        self._check_chosen(len(chosen), len(eligible))
        return eligible[chosen]

    def _scores_of_function(self, X, target):
        weight = target["sample_weight"]
        options = {} if weight is None else {"sample_weight": weight}
        scores = self.method(X, target["y"], **options)
        if isinstance(scores, tuple):  # (scores, p-values) of scikit-learn's functions
            scores = scores[0]
        scores = np.asarray(scores, dtype=np.float64)
        if scores.shape != (X.shape[1],):
            raise ValueError(
                f"The function in method must return one score for each of the "
                f"{X.shape[1]} columns, got an array of shape {scores.shape}."
            )
        return scores

    def _check_chosen(self, n_chosen, n_eligible):
        if n_chosen == 0:
            raise ValueError(
                f"No neuron was selected. {n_eligible} of {self.n_features_in_} fire "
                f"on enough rows (min_support={self.min_support}), and none of them "
                "is related to y. Check that y belongs to these rows, train another "
                "autoencoder, or pass method='prevalence' or columns=[...]."
            )
        if self.n_select != "auto" and n_chosen < self.n_select:
            warnings.warn(
                f"Only {n_chosen} columns were selected instead of "
                f"n_select={self.n_select}: {n_eligible} of {self.n_features_in_} are "
                f"above zero on enough rows (min_support={self.min_support}), and the "
                "others add nothing to the selected ones.",
                UserWarning,
                stacklevel=5,
            )

    def _get_support_mask(self):
        check_is_fitted(self)
        mask = np.zeros(self.n_features_in_, dtype=bool)
        mask[self.selected_] = True
        return mask

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.target_tags.required = self._needs_target()
        return tags


def _mirrored_controls(controls):
    """The differences of each pair, and below them those of the swapped pairs."""
    if controls is None:
        return None
    difference = np.split(controls, 2)[0]
    return np.concatenate([difference, -difference])


def _weights_of_known(is_known, sample_weight):
    """The weights, 0 for a row of which a control or a judgement is missing."""
    if np.all(is_known):
        return sample_weight
    return is_known * (1.0 if sample_weight is None else sample_weight)


def _judged_rows(X):
    """`X` with 0 for NaN, and which rows have no NaN."""
    if sparse.issparse(X):
        assert_all_finite(X, input_name="X")
        return X, True
    if not np.isnan(X).any():
        return X, True
    is_judged = ~np.isnan(X).any(axis=1)
    if not is_judged.any():
        raise ValueError("Each row of X has a NaN. At least one must have none.")
    return np.nan_to_num(X), is_judged
