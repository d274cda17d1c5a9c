"""The values that a decoder with a function at its end can give."""

import warnings

import numpy as np

OUTPUT_RANGES = {"tanh": (-1, 1), "sigmoid": (0, 1)}
_CHECKED_ROWS = 10_000


def warn_of_range(kind, rows):
    """Warn when a decoder of this kind cannot reconstruct some of the rows.

    Parameters
    ----------
    kind : {"tanh", "sigmoid"}
    rows : array or RowFile of shape (n_rows, n_features)
    """
    low, high = OUTPUT_RANGES[kind]
    checked = np.asarray(rows[:_CHECKED_ROWS])
    outside = np.mean((checked < low) | (checked > high))
    if outside > 0:
        warnings.warn(
            f"decoder_activation={kind!r} gives values between {low} and {high}, and "
            f"{outside:.1%} of the entries of X are outside. Scale X, or pass "
            "decoder_activation='identity'.",
            UserWarning,
            stacklevel=4,
        )
