"""Which texts pass the filters."""

import numpy as np
import pandas as pd

_MAX_CHOICES = 50  # values of a column that can be ticked


def filter_kind(values):
    """How a column is filtered.

    Returns
    -------
    {"range", "choice", "words"}
        A range of numbers, some of its values, or words that a value contains.
    """
    n_values = values.nunique()
    if pd.api.types.is_numeric_dtype(values) and values.dtype != bool:
        n_values = np.isfinite(values[values.notna()].unique().astype(float)).sum()
    if pd.api.types.is_numeric_dtype(values) and values.dtype != bool and n_values > 2:
        return "range"
    return "choice" if n_values <= _MAX_CHOICES else "words"


def as_words(values):
    """The values of a column as words; "missing" for those that are missing."""
    values = pd.Series(values).astype(object)
    return values.where(values.notna(), "missing").map(str)


def choices(values):
    """The values of a column that can be chosen, as words, the most frequent first."""
    return as_words(values).value_counts(sort=True).index.tolist()


def passes(values, kind, wanted):
    """Mask of the values that pass a filter.

    Parameters
    ----------
    values : Series
    kind : {"range", "choice", "words"}
    wanted : tuple of two numbers, list of str, or str
        An empty list and an empty str let everything pass. A missing or infinite number
        passes a range that leaves no other number out.

    Returns
    -------
    bool ndarray
    """
    everything = np.ones(len(values), dtype=bool)
    if kind == "range":
        low, high = wanted
        numbers = values.to_numpy(dtype=np.float64)
        inside = (numbers >= low) & (numbers <= high)
        return everything if inside[np.isfinite(numbers)].all() else inside
    if not wanted:
        return everything
    if kind == "choice":
        return as_words(values).isin(wanted).to_numpy()
    found = as_words(values).str.contains(wanted, case=False, regex=False)
    return found.to_numpy(dtype=bool)
