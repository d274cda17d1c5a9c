"""What the files of a sparse autoencoder say."""

from typing import NamedTuple

from sklearn_hsae.reader._places import Place


class SAEFile(NamedTuple):
    """An autoencoder, and what its files say about the states that it was trained on.

    Attributes
    ----------
    sae : PretrainedSAE or MatryoshkaSAETransformer
    layer : int or None
        The layer that it reads; None when the files do not say.
    has_bos : bool or None
        Whether each sequence began with a token of its own; None when they do not say.
    is_centred : bool or None
        Whether the mean was taken off each state, where a model has layer norms.
    place : Place
        Where in the layer.
    """

    sae: object
    layer: int | None = None
    has_bos: bool | None = None
    is_centred: bool = False
    place: Place = Place()


def require(weights, names, path):
    """Raise when a file lacks some of its arrays."""
    missing = [name for name in names if name not in weights]
    if missing:
        raise ValueError(
            f"{path} lacks {', '.join(missing)}; it has {', '.join(weights)}. It is no "
            "autoencoder of this kind."
        )
