"""Texts, vectors and activations that are larger than the memory."""

from sklearn_hsae.out_of_core._read_pieces import read_pieces
from sklearn_hsae.out_of_core._shards import Shards
from sklearn_hsae.out_of_core._transform_to import transform_to

__all__ = ["Shards", "read_pieces", "transform_to"]
