"""What all interpreters do once the labels are found: put them in as column names."""

import pandas as pd
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_hsae._texts import CarriesTextsMixin


class RenamingMixin(CarriesTextsMixin, TransformerMixin):
    """Transforms activations by renaming their columns to `concepts_`."""

    def transform(self, X):
        """Put the concepts in the place of the neurons' names.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_neurons)

        Returns
        -------
        DataFrame of shape (n_samples, n_neurons)
            The values of `X`, with `concepts_` as columns and the row index of `X`.
        """
        check_is_fitted(self)
        values = validate_data(self, X, reset=False)
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(values, index=index, columns=self.concepts_, copy=False)

    def fit_transform(self, X, y=None, *, texts=None):
        """Fit, then transform the same rows; see :meth:`fit` for the parameters.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_neurons)
        y : None
            Ignored.
        texts : sequence of str of length n_samples, default=None

        Returns
        -------
        DataFrame of shape (n_samples, n_neurons)
        """
        return self.fit(X, y, texts=texts).transform(X)

    def get_feature_names_out(self, input_features=None):
        """The concepts.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str of shape (n_neurons,)
        """
        check_is_fitted(self)
        return self.concepts_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # the output is a frame
        return tags
