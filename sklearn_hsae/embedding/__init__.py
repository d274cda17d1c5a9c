"""Embedding: turn texts into vectors, with a local or a remote model."""

from sklearn_hsae.embedding._transformer import (
    EmbeddingTransformer,
)
from sklearn_hsae.embedding._transformer import (
    embed_as as embed_as,  # with another name on the progress bar
)
from sklearn_hsae.embedding._transformer import (
    make_embedder as make_embedder,  # of an ``embedder=``; for this package alone
)

__all__ = ["EmbeddingTransformer"]
