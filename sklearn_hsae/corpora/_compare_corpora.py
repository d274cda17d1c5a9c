"""Which features are more frequent in one corpus than in another."""

from itertools import combinations
from numbers import Integral
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import column_or_1d

from sklearn_hsae.corpora._activations import read_activations, strongest_rows
from sklearn_hsae.corpora._exact_tests import fisher_p, mcnemar_p
from sklearn_hsae.inference import corrected
from sklearn_hsae.selection import active_entries

_CORRECTIONS = ("fdr_bh", "fdr_by", "holm", "bonferroni")
_MOST_CORPORA = 50  # 1,225 pairs


def compare_corpora(
    X,
    corpora,
    *,
    pairs=None,
    min_share=0.0,
    max_share=1.0,
    correction="fdr_bh",
    alpha=0.05,
    n_examples=3,
):
    """Compare how frequent each feature is in corpora of texts.

    A text has a feature where its activation is above 0. Each two corpora are compared
    by an exact test: Fisher's, or McNemar's where texts are paired.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of shape (n_texts, n_features)
        Activations of the texts of all corpora. Names of columns name the features.
    corpora : array-like of shape (n_texts,)
        The corpus of each text, two different ones or more. A corpus may be one text.
    pairs : array-like of shape (n_texts,), default=None
        A value that texts of different corpora share, such as the prompt that two
        language models answered. Each corpus has each value at most once. A text
        whose partner is missing is left out of the comparison. None: no text has a
        partner.
    min_share, max_share : float, default=0.0, 1.0
        Limits for the share of texts that have the feature, in both corpora
        together. Features outside these limits are not tested, so the correction is
        for fewer tests. A limit for each corpus would favour features that differ by
        chance. Features that all texts have, or none, are never tested.
    correction : {"fdr_bh", "fdr_by", "holm", "bonferroni"}, default="fdr_bh"
        Correction for the number of rows of the table. The default allows for a
        share `alpha` of false ones among the significant rows; with "holm" all rows
        are right with probability 1 - `alpha`.
    alpha : float, default=0.05
        Level of the tests, between 0 and 1.
    n_examples : int, default=3
        Number of example texts for each corpus.

    Returns
    -------
    DataFrame
        One row per feature and two corpora, in the order of `p`:

        - `feature`, and `corpus_a` and `corpus_b` in sorted order;
        - `share_a`, `share_b`: share of texts that have the feature;
        - `difference`: `share_a - share_b`, and its `standard_error`, which is never
          below that of equal shares (so it is not 0 where one share is 0);
        - `relative`: the difference divided by the larger share, from -1 to 1;
        - `log_odds`: logarithm of the odds ratio, each count increased by 1/2
          (Haldane 1956), and its `log_odds_standard_error`. For pairs, the ratio is
          that of pairs in which just one text has the feature;
        - `n_a`, `n_b`: number of texts;
        - `p`, `p_corrected`, `significant`;
        - `examples_a`, `examples_b`: positions of the rows of `X` that show the
          feature most, as lists. For pairs, those with the largest lead over the
          partner.

    Raises
    ------
    ValueError
        When there is one corpus only, a text has no corpus, a pair has two texts of
        one corpus, two corpora share no pair, or a limit is out of range.

    Notes
    -----
    The p-values hold for texts that are independent (or pairs that are), and for
    features that were not learned or chosen to tell these corpora apart.

    References
    ----------
    .. [1] M. P. Fay, "Two-sided exact tests and matching confidence intervals for
       discrete data", The R Journal 2(1), 2010.
    .. [2] Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate", JRSS B
       57(1), 1995.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_hsae.corpora import compare_corpora
    >>> X = pd.DataFrame({"slow": [2, 1, 3, 1, 0, 0, 0, 0], "fish": [1, 0] * 4})
    >>> table = compare_corpora(X, ["bad"] * 4 + ["good"] * 4, n_examples=2)
    >>> table[["feature", "share_a", "share_b", "p", "examples_a"]].round(3)
      feature  share_a  share_b      p examples_a
    0    slow      1.0      0.0  0.029     [2, 0]
    1    fish      0.5      0.5  1.000     [0, 2]
    """
    columns, names = read_activations(X)
    labels = _check_corpora(corpora, columns)
    _check_settings(min_share, max_share, correction, alpha, n_examples)
    partners = None if pairs is None else _check_pairs(pairs, labels)
    compared = []
    for a, b in combinations(np.unique(labels), 2):
        if partners is None:
            sides = _Unpaired(columns, labels == a, labels == b)
        else:
            sides = _Paired(columns, *_common_pairs(partners, labels, a, b))
        table = _table(names, sides.counts, min_share, max_share)
        table.insert(1, "corpus_a", a)
        table.insert(2, "corpus_b", b)
        for side in ("a", "b"):
            table[f"examples_{side}"] = pd.Series(
                [sides.examples(j, side, n_examples) for j in table.index],
                index=table.index,
                dtype=object,
            )
        compared.append(table)
    table = pd.concat(compared, ignore_index=True)
    p_corrected = corrected(table["p"], correction) if len(table) else table["p"]
    position = table.columns.get_loc("p") + 1
    table.insert(position, "p_corrected", p_corrected)
    table.insert(position + 1, "significant", table["p_corrected"] < alpha)
    order = np.lexsort((-table["difference"].abs(), table["p"]))
    return table.iloc[order].reset_index(drop=True)


class _Counts(NamedTuple):
    """What the tests need to know: per feature, of shape (n_features,)."""

    a: np.ndarray
    b: np.ndarray
    n_a: int
    n_b: int
    p: np.ndarray
    variance: np.ndarray
    log_odds: np.ndarray
    log_odds_variance: np.ndarray


class _Unpaired:
    """Two corpora, given by masks of their rows."""

    def __init__(self, columns, is_a, is_b):
        self.columns, self.rows = columns, {"a": is_a, "b": is_b}
        active = active_entries(columns).T
        a, b = active @ is_a.astype(float), active @ is_b.astype(float)
        n_a, n_b = int(is_a.sum()), int(is_b.sum())
        p_a, p_b, both = a / n_a, b / n_b, (a + b) / (n_a + n_b)
        apart = p_a * (1 - p_a) / n_a + p_b * (1 - p_b) / n_b
        pooled = both * (1 - both) * (1 / n_a + 1 / n_b)
        cells = np.stack([a, n_b - b, b, n_a - a]) + 0.5
        self.counts = _Counts(
            a,
            b,
            n_a,
            n_b,
            fisher_p(a, b, n_a, n_b),
            np.maximum(apart, pooled),
            np.log(cells[0] * cells[1] / (cells[2] * cells[3])),
            (1 / cells).sum(axis=0),
        )

    def examples(self, j, side, n_examples):
        return strongest_rows(self.columns, j, n_examples, self.rows[side])


class _Paired:
    """Two corpora whose texts `rows_a[i]` and `rows_b[i]` are partners."""

    def __init__(self, columns, rows_a, rows_b):
        self.rows = {"a": rows_a, "b": rows_b}
        X_a, X_b = columns[rows_a], columns[rows_b]
        self.leads = {"a": (X_a - X_b).tocsc(), "b": (X_b - X_a).tocsc()}
        active_a, active_b = active_entries(X_a), active_entries(X_b)
        a, b = active_a.sum(axis=0), active_b.sum(axis=0)
        both = active_a.multiply(active_b).sum(axis=0)
        only_a, only_b, n_pairs = a - both, b - both, len(rows_a)
        self.counts = _Counts(
            a,
            b,
            n_pairs,
            n_pairs,
            mcnemar_p(only_a, only_b),
            (only_a + only_b) / n_pairs**2,
            np.log((only_a + 0.5) / (only_b + 0.5)),
            1 / (only_a + 0.5) + 1 / (only_b + 0.5),
        )

    def examples(self, j, side, n_examples):
        leading = strongest_rows(self.leads[side], j, n_examples)
        return self.rows[side][leading].tolist()


def _table(names, counts, min_share, max_share):
    """The rows of two corpora; the index holds the positions of the features."""
    n_texts = counts.n_a + counts.n_b
    total = counts.a + counts.b
    is_tested = (total >= min_share * n_texts) & (total <= max_share * n_texts)
    is_tested &= (total > 0) & (total < n_texts)
    share_a, share_b = counts.a / counts.n_a, counts.b / counts.n_b
    larger = np.maximum(share_a, share_b)
    table = pd.DataFrame(
        {
            "feature": names,
            "share_a": share_a,
            "share_b": share_b,
            "difference": share_a - share_b,
            "standard_error": np.sqrt(counts.variance),
            "relative": (share_a - share_b) / np.where(larger > 0, larger, 1.0),
            "log_odds": counts.log_odds,
            "log_odds_standard_error": np.sqrt(counts.log_odds_variance),
            "n_a": counts.n_a,
            "n_b": counts.n_b,
            "p": counts.p,
        }
    )
    return table[is_tested]


def _check_settings(min_share, max_share, correction, alpha, n_examples):
    if not 0 <= min_share <= max_share <= 1:
        raise ValueError(
            "min_share and max_share are shares of texts with 0 <= min_share <= "
            f"max_share <= 1, got min_share={min_share!r} and max_share={max_share!r}."
        )
    if correction not in _CORRECTIONS:
        raise ValueError(
            f"correction must be one of {_CORRECTIONS}, got {correction!r}."
        )
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha!r}.")
    if not isinstance(n_examples, Integral) or n_examples < 0:
        raise ValueError(f"n_examples must be an int >= 0, got {n_examples!r}.")


def _check_corpora(corpora, columns):
    labels = _one_label_per_row(corpora, "corpora", columns)
    names = np.unique(labels)
    if len(names) < 2:
        raise ValueError(
            f"corpora names one corpus only, '{names[0]}': two are needed. Put the "
            "texts of both corpora into X, and the name of its corpus at each row."
        )
    if len(names) > _MOST_CORPORA:
        raise ValueError(
            f"corpora has {len(names)} different values, and {_MOST_CORPORA} at most "
            "can be compared two by two. Cut a quantity into ranges first, for example "
            "by pd.qcut(y, 2, labels=['low', 'high'])."
        )
    return labels


def _check_pairs(pairs, labels):
    partners = _one_label_per_row(pairs, "pairs", labels)
    seen = pd.DataFrame({"pair": partners, "corpus": labels})
    repeated = seen[seen.duplicated()]
    if len(repeated):
        pair, corpus = repeated.iloc[0]
        raise ValueError(
            f"pairs has the value '{pair}' more than once in the corpus '{corpus}'. "
            "Each pair has one text per corpus: keep the first by "
            "~frame.duplicated(['pair', 'corpus'])."
        )
    return partners


def _one_label_per_row(values, name, X):
    labels = column_or_1d(values)
    if len(labels) != (n_rows := X.shape[0]):
        raise ValueError(
            f"{name} has {len(labels)} values and X has {n_rows} rows: pass one value "
            "per row of X, in the same order."
        )
    is_missing = pd.isna(labels)
    if is_missing.any():
        rows = np.flatnonzero(is_missing)[:10].tolist()
        raise ValueError(
            f"{name} is missing at {is_missing.sum()} rows, the first are {rows}. "
            "Drop these rows from X, or give them a value."
        )
    if labels.dtype == object and len({type(label) for label in labels}) > 1:
        labels = labels.astype(str)  # so that they can be sorted
    return labels


def _common_pairs(partners, labels, a, b):
    """Rows of the texts of `a` and of their partners in `b`."""
    rows_a, rows_b = np.flatnonzero(labels == a), np.flatnonzero(labels == b)
    common, in_a, in_b = np.intersect1d(
        partners[rows_a], partners[rows_b], assume_unique=True, return_indices=True
    )
    if len(common) == 0:
        raise ValueError(
            f"The corpora '{a}' and '{b}' have no value of pairs in common. Leave "
            "pairs out to compare texts that have no partners."
        )
    return rows_a[in_a], rows_b[in_b]
