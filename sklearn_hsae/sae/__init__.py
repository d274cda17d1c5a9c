"""The sparse autoencoder: embeddings to a few active neurons out of many."""

from sklearn_hsae.sae._estimator import MatryoshkaSAETransformer

__all__ = ["MatryoshkaSAETransformer"]
