"""Texts that are known already: among those to learn from, or in another order."""

import warnings

import numpy as np
import pandas as pd
from scipy import sparse

_MOST_OVERLAP = 0.1  # short texts, such as "thanks", may repeat by chance


def fingerprints(X):
    """A number per text, or pair in any order; None where X holds other rows.

    Parameters
    ----------
    X : sequence of str or of pairs of str, or a frame with one or two columns

    Returns
    -------
    uint64 ndarray of shape (n_rows,), or None
    """
    if sparse.issparse(X):
        return None
    if getattr(X, "ndim", 1) > 1:
        rows = np.asarray(X, dtype=object).tolist() if X.shape[1] in (1, 2) else []
    else:
        rows = [list(row) if isinstance(row, tuple | list) else [row] for row in X]
    if not rows or not all(isinstance(text, str) for row in rows for text in row):
        return None
    texts = np.empty(len(rows), dtype=object)
    texts[:] = [_hex(sorted(row)) for row in rows]
    return pd.util.hash_array(texts, categorize=False)


def _hex(row):
    return " ".join(text.encode("utf-8", "surrogatepass").hex() for text in row)


def warn_of_overlap(texts, known, where, *, is_tested=False):
    """Warn where texts to test on are also among those to learn from.

    Parameters
    ----------
    texts, known : uint64 ndarray or None
        Fingerprints.
    where : str
        What holds the known texts, for the message.
    is_tested : bool, default=False
        Whether the known texts served for the effects alone, and not to find the
        hypotheses.
    """
    if texts is None or known is None:
        return
    n_known = int(np.isin(texts, known).sum())
    if n_known > _MOST_OVERLAP * len(texts):
        harm = (
            "They are no test of hypotheses that were found on them: p-values are too "
            "small, and scores too high."
        )
        if is_tested:
            harm = (
                "The p-values hold. But the scores that are called held-out are those "
                "of the rows that the effects were fitted to, so they are too high."
            )
        warnings.warn(
            f"{n_known} of {len(texts)} texts to test on are also {where}. {harm} "
            "Pass other texts.",
            UserWarning,
            stacklevel=3,
        )
