"""make_embedder: what an ``embedder=`` stands for."""

from sklearn.base import clone

from sklearn_hsae._sklearn_compat import validate_params
from sklearn_hsae.embedding._lsa import LSAEmbedder
from sklearn_hsae.embedding._transformer import EmbeddingTransformer

EMBEDDER_TYPES = [str, EmbeddingTransformer, LSAEmbedder, None]  # of an ``embedder=``


def make_embedder(embedder, verbose=0):
    """Turn the value of an ``embedder=`` into an embedder.

    Parameters
    ----------
    embedder : EmbeddingTransformer, LSAEmbedder, str or None
        A str is the name of a model, or "lsa" for an :class:`LSAEmbedder`. None is the
        default, "auto".
    verbose : int
        `verbose` of a new embedder, when `embedder` is a name or None.

    Returns
    -------
    EmbeddingTransformer or LSAEmbedder
        Not fitted. A clone, so that `embedder` does not change.
    """
    if isinstance(embedder, EmbeddingTransformer | LSAEmbedder):
        embedder = clone(embedder)
    elif embedder == "lsa":
        embedder = LSAEmbedder(random_state=0, verbose=verbose)
    elif embedder is None or isinstance(embedder, str):
        embedder = EmbeddingTransformer(embedder or "auto", verbose=verbose)
    else:
        raise ValueError(
            "embedder must be the name of a model, 'lsa', an EmbeddingTransformer, an "
            f"LSAEmbedder or None, got {embedder!r}."
        )
    validate_params(embedder)
    return embedder
