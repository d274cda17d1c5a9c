"""The sparse autoencoder: embeddings to a few active neurons out of many."""

from sklearn_hsae.sae._estimator import MatryoshkaSAETransformer
from sklearn_hsae.sae._fit_many import fit_many

__all__ = ["MatryoshkaSAETransformer", "fit_many"]
