"""Hypotheses found on one part of the rows and tested on the other, in one `fit`."""

from numbers import Real

import numpy as np
import pandas as pd
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.model_selection import (
    GroupShuffleSplit,
    ShuffleSplit,
    StratifiedShuffleSplit,
)
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length, get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_hsae._pairs import rows_of_texts
from sklearn_hsae._sklearn_compat import (
    Interval,
    check_method_params,
    fit_context,
    safe_indexing,
)
from sklearn_hsae._target import read_target
from sklearn_hsae.evaluation._overlap import fingerprints
from sklearn_hsae.evaluation._unfitted_pipeline import (
    finder_and_tester,
    params_with_groups,
)

_HELD_OUT = (
    "held out: from rows on which the hypotheses were not found. They hold if the rows "
    "of both parts are independent."
)
_CALLED_LATER = ("predict", "predict_proba", "decision_function", "score")


def _fitted_has(name):
    def check(self):
        estimator = getattr(self, "estimator_", None)
        return hasattr(self.estimator if estimator is None else estimator, name)

    return check


class DiscoverySplit(MetaEstimatorMixin, BaseEstimator):
    """Find hypotheses on one part of the rows, and test them on the other.

    All steps of a pipeline but the last are fitted on the discovery part: embedding,
    autoencoder, selection, names and the judge. The last step is fitted on the other
    rows, which no earlier step has seen. So the p-values of `summary_` hold, which
    those of a plain ``pipeline.fit`` do not [1]_.

    Parameters
    ----------
    estimator : Pipeline, or a search such as GridSearchCV over one
        With a :class:`HypothesisRegressor` or :class:`HypothesisClassifier` as its last
        step. It is cloned. A search runs on the discovery part alone, and its best
        pipeline is tested: its choice cannot bias the p-values.
    discovery_fraction : float, default=0.5
        Share of the rows (with groups: of the groups) on which hypotheses are found.
        Halves suit most: fewer rows find worse hypotheses, and fewer rows for the
        tests find less of them significant.
    random_state : int, RandomState instance or None, default=None
        Draws the parts. Pass an int for the same parts each time.

    Attributes
    ----------
    estimator_ : Pipeline
        The fitted pipeline. It predicts, and :func:`evaluate_hypotheses` takes it.
    summary_ : DataFrame
        That of the last step, from the rows that no earlier step has seen.
    discovery_rows_ : ndarray of int
        Positions of the rows on which the hypotheses were found, ascending.
    inference_rows_ : ndarray of int
        Positions of the rows on which they were tested, ascending.
    classes_ : ndarray of shape (n_classes,)
        With a classifier only.
    n_features_in_ : int
        When the first step has it.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        When the first step has it.

    See Also
    --------
    evaluate_hypotheses : The same test on rows that you hold back yourself.
    cross_fit : Several splits, and one p-value of each hypothesis from all of them.

    Notes
    -----
    Texts of one author, or copies of one text, are not independent. Pass their groups
    to :meth:`fit`, so that each group is in one part. The tests themselves take the
    rows of the second part to be independent, unless the last step has
    ``cov_type="cluster"``.

    Each row of the second part is judged. With a language model as judge that is the
    larger part of the cost; ``fit_sample`` of :class:`ConceptAnnotator` does not limit
    it, a higher `discovery_fraction` does.

    A search around it, ``GridSearchCV(DiscoverySplit(pipe), ...)``, is possible. But
    the settings are then chosen by scores of rows that are also tested, so put the
    search inside.

    References
    ----------
    .. [1] Cox (1975). A note on data-splitting for the evaluation of significance
       levels. Biometrika 62.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_hsae import DiscoverySplit, HypothesisRegressor, NeuronSelector
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(rng.integers(2, size=(400, 30))).add_prefix("neuron")
    >>> y = X["neuron7"] + rng.normal(size=400)
    >>> pipe = make_pipeline(NeuronSelector(3), HypothesisRegressor())
    >>> model = DiscoverySplit(pipe, random_state=0).fit(X, y)
    >>> model.summary_.loc[model.summary_["significant"], ["hypothesis", "n"]]
      hypothesis    n
    1    neuron7  200
    """

    _parameter_constraints: dict = {
        "estimator": [object],
        "discovery_fraction": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(self, estimator, *, discovery_fraction=0.5, random_state=None):
        self.estimator = estimator
        self.discovery_fraction = discovery_fraction
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, *, groups=None, **params):
        """Find hypotheses on the discovery part and test them on the other rows.

        Parameters
        ----------
        X : sequence of str, or what the pipeline takes, of length n_samples
            List, array, Series or frame.
        y : array-like of shape (n_samples,)
            The target. Both parts have the same shares of its classes, unless there
            are groups.
        groups : array-like of shape (n_samples,), default=None
            Rows of one group go to the same part, and within the first part to the
            same part of the autoencoder's early stopping. A selector with `min_groups`
            gets those of the first part, and a last step with ``cov_type="cluster"``
            those of the second part.
        **params : dict
            With metadata routing: what the steps request, such as `sample_weight`.
            Without: ``step__parameter``, as for :class:`~sklearn.pipeline.Pipeline`.
            What has one entry per row is split as the rows are.

        Returns
        -------
        self : DiscoverySplit
            Fitted.
        """
        check_consistent_length(X, y, groups)
        parts = self._split(y, groups)
        self._discovery_texts, self._inference_texts = (
            fingerprints(safe_indexing(X, part)) for part in parts
        )
        self._fit_parts(X, y, parts, groups, params)
        return self

    def _fit_parts(self, X, y, parts, groups, params):
        """Find on the rows of the first part, and test on those of the second.

        Returns
        -------
        annotations : DataFrame or ndarray
            What the last step got.
        """
        finder, last_name, last = finder_and_tester(self.estimator)
        self.discovery_rows_, self.inference_rows_ = parts
        fit, transform, fit_last = self._params(params, last_name, groups)
        part = self.discovery_rows_
        finder = clone(finder).fit(
            safe_indexing(X, rows_of_texts(X, part)),
            safe_indexing(y, part),
            **check_method_params(y, fit, part),
        )
        if not isinstance(finder, Pipeline):  # a search, whose best is fitted entirely
            *_, last = finder_and_tester(finder.best_estimator_)
            finder = finder.best_estimator_[:-1]
        if groups is not None and last.cov_type == "cluster":
            fit_last = {**fit_last, "groups": groups}
        part = self.inference_rows_
        annotations = finder.transform(
            safe_indexing(X, rows_of_texts(X, part)),
            **check_method_params(y, transform, part),
        )
        last = clone(last).fit(
            annotations,
            safe_indexing(y, part),
            **check_method_params(y, fit_last, part),
        )
        steps = [*finder.steps, (last_name, last)]
        self.estimator_ = type(finder)(
            **{**finder.get_params(deep=False), "steps": steps}
        )
        return annotations

    @property
    def summary_(self):
        check_is_fitted(self)
        summary = self.estimator_[-1].summary_
        summary.attrs["p_values"] = _HELD_OUT
        return summary

    @property
    def classes_(self):
        return self.estimator_.classes_

    @property
    def n_features_in_(self):
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self):
        return self.estimator_.feature_names_in_

    def predict(self, X, **params):
        """Predict by the fitted pipeline.

        Parameters
        ----------
        X : sequence of str, or what the pipeline takes, of length n_samples
        **params : dict
            See ``predict`` of the pipeline.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self.estimator_.predict(X, **params)

    @available_if(_fitted_has("predict_proba"))
    def predict_proba(self, X, **params):
        """Probabilities of the classes, by the fitted pipeline.

        Parameters
        ----------
        X : sequence of str, or what the pipeline takes, of length n_samples
        **params : dict
            See ``predict_proba`` of the pipeline.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X, **params)

    @available_if(_fitted_has("decision_function"))
    def decision_function(self, X, **params):
        """Log-odds of the classes, by the fitted pipeline.

        Parameters
        ----------
        X : sequence of str, or what the pipeline takes, of length n_samples
        **params : dict
            See ``decision_function`` of the pipeline.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        check_is_fitted(self)
        return self.estimator_.decision_function(X, **params)

    def score(self, X, y, **params):
        """R² or accuracy of the fitted pipeline.

        Parameters
        ----------
        X : sequence of str, or what the pipeline takes, of length n_samples
        y : array-like of shape (n_samples,)
        **params : dict
            See ``score`` of the pipeline.

        Returns
        -------
        float
        """
        check_is_fitted(self)
        return self.estimator_.score(X, y, **params)

    def get_metadata_routing(self):
        """What the steps request, see scikit-learn's guide on metadata routing.

        Returns
        -------
        MetadataRouter
        """
        finder, _, last = finder_and_tester(self.estimator)
        found = MethodMapping().add(caller="fit", callee="fit")
        if hasattr(finder, "transform"):
            found.add(caller="fit", callee="transform")
        later = MethodMapping()
        for name in _CALLED_LATER:
            later.add(caller=name, callee=name)
        tested = MethodMapping().add(caller="fit", callee="fit")
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(finder=finder, method_mapping=found)
            .add(last=last, method_mapping=tested)
            .add(estimator=self.estimator, method_mapping=later)
        )

    def _split(self, y, groups):
        """Positions of the rows of both parts, each in ascending order."""
        *_, last = finder_and_tester(self.estimator)
        target = read_target(
            y, "classification" if is_classifier(last) else "regression"
        )
        options = {
            "train_size": self.discovery_fraction,
            "test_size": 1 - self.discovery_fraction,
            "random_state": self.random_state,
        }
        if groups is not None:
            if len(pd.unique(np.asarray(groups))) < 2:
                raise ValueError(
                    "All rows are of one group, which cannot be in both parts. Pass "
                    "groups with two values or more, or no groups."
                )
            splitter = GroupShuffleSplit(1, **options)
        elif is_classifier(last):
            splitter = StratifiedShuffleSplit(1, **options)
        else:
            splitter = ShuffleSplit(1, **options)
        rows = np.arange(len(target.values))
        parts = next(splitter.split(rows, target.values, groups))
        return tuple(np.sort(part) for part in parts)

    def _params(self, params, last_name, groups):
        """What `fit` and `transform` of the finder, and `fit` of the last step, get."""
        if get_config()["enable_metadata_routing"]:
            if self.get_metadata_routing().consumes("fit", ["groups"]):
                params = {**params, "groups": groups}
            routed = process_routing(self, "fit", **params)
            return (
                routed.finder.fit,
                routed.finder.get("transform", {}),
                routed.last.fit,
            )
        prefix = f"{last_name}__"
        of_last = {
            name.removeprefix(prefix): value
            for name, value in params.items()
            if name.startswith(prefix)
        }
        others = {n: v for n, v in params.items() if not n.startswith(prefix)}
        if groups is not None:
            others = params_with_groups(self.estimator, others, groups)
        return others, {}, of_last

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = inner.classifier_tags
        tags.regressor_tags = inner.regressor_tags
        tags.input_tags = inner.input_tags
        tags.target_tags = inner.target_tags
        return tags
