"""What a reader learns in `fit`, and what it checks."""

import os
import warnings

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_consistent_length

_CHECKED_TEXTS = 16  # about a thousand tokens: enough for a median and a score
_LARGEST_FVU = 0.6


def sample_states(reader, windows):
    """Read some of the texts, to learn the usual length of a state.

    Parameters
    ----------
    reader : HiddenStateReader
    windows : list of list of Window
        The windows of each text.

    Returns
    -------
    states : ndarray of shape (n_tokens, n_features)
    norm : float
        The median length of a state, rounded in steps of 41 %. So the folds of a
        cross-validation have the same norm, and share the cache.
    """
    picks = np.linspace(0, len(windows) - 1, min(len(windows), _CHECKED_TEXTS))
    picked = [windows[int(i)] for i in picks]
    states = np.concatenate([step.states for step in reader.read(picked)])
    if len(states) == 0:
        raise ValueError(
            f"None of {len(picked)} texts has a token that counts: the first token "
            "of each is left out, and so are special ones. Pass longer texts."
        )
    median = np.median(np.linalg.norm(states, axis=1))
    return states, float(2 ** (np.round(np.log2(median) * 2) / 2))


def train_on_tokens(sae, spool, y, n_texts):
    """Train a clone of `sae` on the tokens of a `TokenSpool`.

    The target of a text is used where `y` is given and `target_weight` is positive.
    """
    rows, texts = spool.rows()
    sae = clone(sae)
    if y is None or not sae.target_weight > 0:
        return sae.fit(rows)
    from sklearn_hsae.reader._text_head import fit_with_text_head

    check_consistent_length(range(n_texts), y)
    fit_with_text_head(sae, rows, texts, y)
    return sae


def n_counted(windows):
    """Number of the tokens that count."""
    return sum(int(w.is_counted.sum()) for of_text in windows for w in of_text)


def check_width(sae, width, model, n_features):
    """Raise when a pretrained autoencoder does not fit the model."""
    if width != n_features:
        raise ValueError(
            f"The autoencoder {os.fspath(sae)!r} encodes vectors of length "
            f"{width}, and the hidden states of {model!r} have length "
            f"{n_features}. Pass the model that it was trained on."
        )


def warn_of_mismatch(score, own_layer, layer):
    """Warn when a pretrained autoencoder was made for another layer or model.

    Parameters
    ----------
    score : float or None
        Share of the variance that it explains. None without an autoencoder.
    own_layer : int or None
        The layer that its files name.
    layer : int
        The layer that is read.
    """
    if own_layer is not None and own_layer != layer:
        warnings.warn(
            f"The autoencoder was trained on layer {own_layer}, and layer={layer}"
            " is read. Pass layer='auto' for its own.",
            stacklevel=5,
        )
    if score is not None and score < 1 - _LARGEST_FVU:
        warnings.warn(
            f"The autoencoder explains {max(score, 0):.0%} of the variance of the "
            "hidden states. It is probably of another model or another layer, or was "
            "trained on texts with another beginning (see chat_role).",
            stacklevel=5,
        )
