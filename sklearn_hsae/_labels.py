"""Labels of columns: unique, because scikit-learn refuses duplicate column names."""

import re

import numpy as np


def unique_labels(labels):
    """Make labels unique: a second "price" becomes "price (2)"."""
    taken, unique = set(), []
    for label in labels:
        candidate, count = label, 1
        while candidate in taken:
            count += 1
            candidate = f"{label} ({count})"
        taken.add(candidate)
        unique.append(candidate)
    return np.array(unique, dtype=object)


def plain_label(label):
    """A label without the count that :func:`unique_labels` appended."""
    return re.sub(r" \(\d+\)$", "", label)
