"""Embedding: texts to vectors, by a model on this machine or behind an API."""

from sklearn_hsae.embedding._transformer import (
    EmbeddingTransformer,
)
from sklearn_hsae.embedding._transformer import (
    make_embedder as make_embedder,  # of an ``embedder=``; for this package alone
)

__all__ = ["EmbeddingTransformer"]
