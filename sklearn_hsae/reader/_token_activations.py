"""Activations of single tokens, and where they are in the texts."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

OPENS, CLOSES = "<<", ">>"


@dataclass(frozen=True)
class TokenActivations:
    """Activations of the tokens of several texts.

    Only tokens that count are here, see :class:`~sklearn_hsae.ReaderSAETransformer`.
    Those of text `i` are the rows ``indptr[i]:indptr[i + 1]``.

    Attributes
    ----------
    activations : csr matrix of shape (n_tokens, n_features) of float32
        Text after text, in the order in which they are read.
    indptr : ndarray of shape (n_texts + 1,) of int
        Where the tokens of each text begin.
    spans : ndarray of shape (n_tokens, 2) of int
        Position in its text of the first character of each token, and of the one after
        its last. Tokens that share a character, as parts of its bytes, have the same.
    features : ndarray of shape (n_features,) of str
        Names of the columns.
    """

    activations: sparse.csr_matrix
    indptr: np.ndarray
    spans: np.ndarray
    features: np.ndarray


def mark_spans(text, spans):
    """Put marks around spans of a text.

    Parameters
    ----------
    text : str
    spans : array of shape (n_spans, 2) of int
        In order. Those that touch become one; white space at its ends is left out.

    Returns
    -------
    str
    """
    parts, done = [], 0
    for start, stop in _runs(text, spans):
        parts += [text[done:start], OPENS, text[start:stop], CLOSES]
        done = stop
    return _joined([*parts, text[done:]])


def _runs(text, spans):
    runs = []
    for start, stop in spans:
        if runs and start <= runs[-1][1]:
            runs[-1][1] = max(stop, runs[-1][1])
        else:
            runs.append([start, stop])
    for start, stop in runs:
        inner = text[start:stop]
        if inner.strip():
            yield (
                start + len(inner) - len(inner.lstrip()),
                stop - len(inner) + len(inner.rstrip()),
            )


def _joined(parts):
    """The parts in a row, where only the marks among them read as marks."""
    joined = ""
    for part in parts:
        if part not in (OPENS, CLOSES):
            for sign in ("<", ">"):
                while sign * 2 in part:
                    part = part.replace(sign * 2, f"{sign} {sign}")
        if joined and part and joined[-1] == part[0] and part[0] in "<>":
            joined += " "
        joined += part
    return joined
