"""Data: texts from a user's file, and generated reviews with known concepts."""

from sklearn_hsae.datasets._file_kinds import (
    iter_file as iter_file,  # for this package alone
    read_file as read_file,  # for this package alone
)
from sklearn_hsae.datasets._load_texts import load_texts
from sklearn_hsae.datasets._reviews import make_reviews
from sklearn_hsae.datasets._texts_in_pieces import (
    TextsInPieces as TextsInPieces,  # for this package alone
)

__all__ = ["load_texts", "make_reviews"]
