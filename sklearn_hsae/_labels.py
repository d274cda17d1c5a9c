"""Column names: unique, and without characters that other libraries refuse."""

import re
import unicodedata

import numpy as np
import pandas as pd

# Letters, marks (the vowels of Hindi), digits, and signs such as emoji.
_SAID = "LMNS"
# LightGBM refuses the special characters of JSON and replaces white space; XGBoost
# refuses brackets and "<".
_UNSAFE = re.compile(r'[\s",:\[\]{}<>]+')


def unique_labels(labels, suffix=" ({})"):
    """Make labels unique: a second "price" becomes "price (2)"."""
    taken, unique = set(), []
    for label in labels:
        candidate, count = label, 1
        while candidate in taken:
            count += 1
            candidate = label + suffix.format(count)
        taken.add(candidate)
        unique.append(candidate)
    return np.array(unique, dtype=object)


def plain_label(label):
    """A label without the count that :func:`unique_labels` appended."""
    return re.sub(r" \(\d+\)$", "", label)


def same_label(label):
    """A label as lower-case words without punctuation: equal when the words are."""
    words = unicodedata.normalize("NFC", label).lower()
    said = "".join(c if unicodedata.category(c)[0] in _SAID else " " for c in words)
    return " ".join(said.split())


def safe_names(X):
    """Rename the columns of a frame so that LightGBM and XGBoost accept them.

    Concepts contain commas and quotation marks, which these libraries refuse in feature
    names. Insert ``FunctionTransformer(safe_names)`` as a step before such an
    estimator.

    Parameters
    ----------
    X : DataFrame or any other object
        Output of a step of a pipeline.

    Returns
    -------
    DataFrame or the object itself
        `X` with white space, commas, colons, quotation marks and brackets in its
        column names replaced by "_". The names are unique; the values are not copied.
        An object that is not a DataFrame is returned unchanged.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_hsae import safe_names
    >>> safe_names(pd.DataFrame([[1.0]], columns=['says "slow", "late"'])).columns[0]
    'says_slow_late'
    """
    if not isinstance(X, pd.DataFrame):
        return X
    names = [_UNSAFE.sub("_", str(name)).strip("_") or "_" for name in X.columns]
    return X.set_axis(unique_labels(names, "_{}"), axis=1)
