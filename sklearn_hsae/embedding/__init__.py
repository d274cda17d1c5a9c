"""Embedding: texts to vectors, by a model on this machine or behind an API."""

from sklearn_hsae.embedding._transformer import EmbeddingTransformer, make_embedder

__all__ = ["EmbeddingTransformer", "make_embedder"]
