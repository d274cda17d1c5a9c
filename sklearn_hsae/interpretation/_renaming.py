"""The common part of all interpreters: labels become column names."""

import logging

import numpy as np
import pandas as pd
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_hsae._labels import unique_labels
from sklearn_hsae._sklearn_compat import check_feature_names_in
from sklearn_hsae._texts import CarriesTextsMixin
from sklearn_hsae._tokens import carry_tokens, tokens_behind
from sklearn_hsae.interpretation._fidelity import fidelity_table

logger = logging.getLogger("sklearn_hsae")


class RenamingMixin(CarriesTextsMixin, TransformerMixin):
    """Transforms activations: named neurons get their concepts, others are left out.

    An interpreter calls `_set_concepts` and then `_set_fidelity` in its `fit`.
    """

    def transform(self, X):
        """Put the concepts in the place of the neurons' names.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_neurons)

        Returns
        -------
        DataFrame of shape (n_samples, n_concepts)
            The values of `X` for the neurons that have a concept, with `concepts_` as
            columns and the row index of `X`.
        """
        check_is_fitted(self)
        values = validate_data(self, X, ensure_min_samples=0, reset=False)
        if len(self._columns) < values.shape[1]:
            values = values[:, self._columns]
        index = X.index if isinstance(X, pd.DataFrame) else None
        named = pd.DataFrame(values, index=index, columns=self.concepts_, copy=False)
        tokens = tokens_behind(X)
        if tokens is not None:
            neurons = X.columns[self._columns]
            old_names = dict(zip(self.concepts_, neurons, strict=True))
            carry_tokens(named, tokens.renamed(old_names))
        return named

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
        DataFrame of shape (n_samples, n_concepts)
        """
        return self.fit(X, y, texts=texts).transform(X)

    def get_feature_names_out(self, input_features=None):
        """The concepts.

        Parameters
        ----------
        input_features : array-like or None, default=None
            Not used; for the signature of scikit-learn.

        Returns
        -------
        ndarray of str of shape (n_concepts,)
        """
        check_is_fitted(self)
        return self.concepts_

    @property
    def fidelity_(self):
        # Kept as lists: skops and mlflow cannot save a DataFrame.
        check_is_fitted(self)
        return pd.DataFrame(self._fidelity)

    def _set_concepts(self, labels, reasons):
        """Set `concepts_`: one label per neuron, None for a neuron that is left out.

        Parameters
        ----------
        labels : list of str or None, one per neuron
        reasons : list of str, one per neuron
            Why a neuron has no label; "" for one that has.
        """
        self._columns = np.flatnonzero([label is not None for label in labels])
        self.concepts_ = unique_labels([labels[column] for column in self._columns])
        self._why_none = list(reasons)
        logger.info(
            "Naming: %d of %d neurons have a label.", len(self.concepts_), len(labels)
        )
        for column, label, reason in zip(
            range(len(labels)), labels, reasons, strict=True
        ):
            logger.debug("Neuron %d: %s", column, label or f"left out, {reason}")

    def _set_fidelity(self, annotations, activations):
        """Set `fidelity_` from annotations by `concepts_` and all activations."""
        all_annotations = np.full(activations.shape, np.nan)
        all_annotations[:, self._columns] = annotations
        concepts = np.full(activations.shape[1], None, dtype=object)
        concepts[self._columns] = self.concepts_
        names = pd.DataFrame(
            {
                "neuron": check_feature_names_in(self),
                "concept": concepts,
                "reason": self._why_none,
            }
        )
        table = pd.concat([names, fidelity_table(all_annotations, activations)], axis=1)
        self._fidelity = table.to_dict("list")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # the output is a frame
        return tags
