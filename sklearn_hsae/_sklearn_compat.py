"""All imports from private modules of scikit-learn.

scikit-learn has no public functions that check parameters and feature names as its own
estimators do. When a release moves one of these names, only this file must change.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import (
    Interval,
    StrOptions,
    validate_params as validate_arguments,
)
from sklearn.utils._set_output import _wrap_data_with_container
from sklearn.utils.validation import (
    _check_feature_names as check_feature_names,
    _check_feature_names_in as check_feature_names_in,
    _check_method_params as check_method_params,
    _check_n_features as check_n_features,
    _check_sample_weight as check_sample_weight,
    _get_feature_names as get_feature_names,
)

__all__ = [
    "Interval",
    "StrOptions",
    "check_feature_names",
    "check_feature_names_in",
    "check_method_params",
    "check_n_features",
    "check_sample_weight",
    "fit_context",
    "get_feature_names",
    "in_chosen_container",
    "safe_indexing",
    "validate_arguments",
    "validate_params",
]


def validate_params(estimator):
    """Check the parameters of an estimator without fitting it."""
    estimator._validate_params()


def in_chosen_container(returned, X, estimator):
    """Convert the output of `transform` for `X` to the container of `set_output`."""
    return _wrap_data_with_container("transform", returned, X, estimator)
