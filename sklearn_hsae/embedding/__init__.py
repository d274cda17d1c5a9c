"""Embedding: texts to vectors, by a model on this machine or behind an API."""

from sklearn_hsae.embedding._transformer import DEFAULT_MODEL, EmbeddingTransformer

__all__ = ["DEFAULT_MODEL", "EmbeddingTransformer"]
