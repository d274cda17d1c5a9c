"""The command ``sklearn-hsae``: from a file of texts to tested hypotheses."""

from sklearn_hsae.cli._main import main

__all__ = ["main"]
