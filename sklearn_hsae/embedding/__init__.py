"""Embedding: turn texts into vectors, by a model or by their words."""

from sklearn_hsae.embedding._lsa import LSAEmbedder
from sklearn_hsae.embedding._make_embedder import (  # for this package alone
    EMBEDDER_TYPES as EMBEDDER_TYPES,
    make_embedder as make_embedder,
)
from sklearn_hsae.embedding._transformer import (
    EmbeddingTransformer,
    embed_as as embed_as,
)

__all__ = ["EmbeddingTransformer", "LSAEmbedder"]
