"""Activations of single tokens, and where the tokens are in the texts."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class TokenActivations:
    """Activations of the tokens of several texts.

    Only tokens that count are here, see :class:`~sklearn_hsae.ReaderSAETransformer`.
    Those of text `i` are the rows ``indptr[i]:indptr[i + 1]``.

    Attributes
    ----------
    activations : csr matrix of shape (n_tokens, n_features) of float32
        Text after text, in the order in which they are read.
    indptr : ndarray of shape (n_texts + 1,) of int
        Where the tokens of each text begin.
    spans : ndarray of shape (n_tokens, 2) of int
        Position in its text of the first character of each token, and of the one after
        its last. Tokens that share a character, as parts of its bytes, have the same.
    features : ndarray of shape (n_features,) of str
        Names of the columns.
    """

    activations: sparse.csr_matrix
    indptr: np.ndarray
    spans: np.ndarray
    features: np.ndarray

    def __repr__(self):
        n_tokens, n_features = self.activations.shape
        return (
            f"<TokenActivations of {n_tokens:,} tokens in {len(self.indptr) - 1:,} "
            f"texts, {n_features:,} features>"
        )
