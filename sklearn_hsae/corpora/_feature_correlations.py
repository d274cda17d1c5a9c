"""Which features go together in the same texts, and which never do."""

from numbers import Integral

import numpy as np
import pandas as pd

from sklearn_hsae._correlations import phi
from sklearn_hsae.corpora._activations import read_activations, strongest_rows
from sklearn_hsae.selection import active_entries

# Pairs of features that are looked at together: 32 MB per array of float64.
_PAIRS_PER_BLOCK = 4_000_000


def feature_correlations(X, *, measure="npmi", min_count=5, n_examples=0):
    """Find features that occur together more often, or less often, than by chance.

    A text has a feature where its activation is above 0.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of shape (n_texts, n_features)
        Activations. Names of columns name the features.
    measure : {"npmi", "phi", "jaccard"}, default="npmi"
        With p the share of texts that have one feature, or both:

        - "npmi": normalised pointwise mutual information [1]_,
          ``log(p_ab / (p_a * p_b)) / -log(p_ab)``. It is 1 for features that never
          occur apart, 0 for independent ones, and -1 for features that never occur
          together. It grows as features become rarer.
        - "phi": Pearson's correlation of having the features; 0 where a feature is in
          all texts.
        - "jaccard": texts with both divided by texts with either, from 0 to 1.
    min_count : int, default=5
        A pair is in the table when at least `min_count` texts have both features, or
        would have both if the features were independent. So a pair that never occurs
        together is in the table when both features are frequent. Two rare features in
        one text say nothing, but have the highest NPMI of all.
    n_examples : int, default=0
        Number of example texts per pair. To find them takes most of the time, so
        there are none by default.

    Returns
    -------
    DataFrame
        One row per pair of features:

        - `feature_a`, `feature_b`, in the order of the columns;
        - `count_a`, `count_b`, `count_both`: number of texts;
        - `expected`: the number with both if the features were independent;
        - a column with the name of the measure. The largest values come first; of
          equal ones, the largest surplus of `count_both` over `expected`;
        - `examples`, if any are asked for: positions of the rows of `X` that have both
          features, as lists. The weaker of the two activations decides, each relative
          to the largest of its feature.

    Raises
    ------
    ValueError
        When a parameter is out of range.

    Notes
    -----
    The product is sparse and made in blocks. The table has up to n_features^2 / 2
    rows: with thousands of frequent features, raise `min_count` or choose columns.

    References
    ----------
    .. [1] G. Bouma, "Normalized (Pointwise) Mutual Information in Collocation
       Extraction", GSCL 2009.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_hsae.corpora import feature_correlations
    >>> sea, sun, ice = [1, 1, 0, 0], [2, 1, 0, 0], [0, 0, 3, 1]
    >>> X = pd.DataFrame({"sea": sea, "sun": sun, "ice": ice})
    >>> table = feature_correlations(X, min_count=1)
    >>> table[["feature_a", "feature_b", "count_both", "npmi"]]
      feature_a feature_b  count_both  npmi
    0       sea       sun           2   1.0
    1       sea       ice           0  -1.0
    2       sun       ice           0  -1.0
    """
    _check_settings(measure, min_count, n_examples)
    columns, names = read_activations(X)
    active, n_texts = active_entries(columns), columns.shape[0]
    counts = active.sum(axis=0)
    a, b, together = _pairs(active, counts, min_count)
    expected = counts[a] * counts[b] / n_texts
    value = _MEASURES[measure](together, counts[a], counts[b], n_texts)
    table = pd.DataFrame(
        {
            "feature_a": names[a],
            "feature_b": names[b],
            "count_a": counts[a].astype(np.intp),
            "count_b": counts[b].astype(np.intp),
            "count_both": together.astype(np.intp),
            "expected": expected,
            measure: value,
        }
    )
    order = np.lexsort((expected - together, -value))
    table = table.iloc[order].reset_index(drop=True)
    if n_examples:
        pairs = zip(a[order], b[order], strict=True)
        examples = _Examples(columns, n_examples)
        table["examples"] = pd.Series([examples.of(*pair) for pair in pairs], dtype="O")
    return table


def _pairs(active, counts, min_count):
    """Pairs (a, b) with a row in the table, and the number of texts with both.

    Returns
    -------
    a, b : ndarray of int of shape (n_pairs,)
    together : ndarray of shape (n_pairs,)
    """
    frequent = np.flatnonzero(counts >= min_count)
    active, counts = active[:, frequent], counts[frequent]
    n_per_block = max(1, _PAIRS_PER_BLOCK // max(1, len(frequent)))
    pairs = [(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0))]
    for start in range(0, len(frequent), n_per_block):
        rows = slice(start, start + n_per_block)
        together = (active[:, rows].T @ active[:, start:]).toarray()
        expected = np.outer(counts[rows], counts[start:]) / active.shape[0]
        has_row = np.triu(np.maximum(together, expected) >= min_count, k=1)
        a, b = np.nonzero(has_row)
        pairs.append((frequent[a + start], frequent[b + start], together[a, b]))
    return tuple(np.concatenate(parts) for parts in zip(*pairs, strict=True))


def _npmi(both, a, b, n_texts):
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(both * n_texts / (a * b)) / -np.log(both / n_texts)
    value[both == 0] = -1.0  # the limit; the formula says infinity by infinity
    value[(both == a) & (both == b)] = 1.0  # also where both are in all texts
    return value


def _jaccard(both, a, b, n_texts):
    return both / (a + b - both)


_MEASURES = {"npmi": _npmi, "phi": phi, "jaccard": _jaccard}


class _Examples:
    """Texts that have two features."""

    def __init__(self, columns, n_examples):
        self.n_examples = n_examples
        largest = columns.max(axis=0).toarray()
        self.columns = (columns / np.where(largest > 0, largest, 1.0)).tocsc()

    def of(self, a, b):
        weaker = self.columns[:, [a]].minimum(self.columns[:, [b]])
        return strongest_rows(weaker, 0, self.n_examples)


def _check_settings(measure, min_count, n_examples):
    if measure not in _MEASURES:
        raise ValueError(f"measure must be one of {[*_MEASURES]}, got {measure!r}.")
    for name, value, least in (
        ("min_count", min_count, 1),
        ("n_examples", n_examples, 0),
    ):
        if not isinstance(value, Integral) or value < least:
            raise ValueError(f"{name} must be an int >= {least}, got {value!r}.")
