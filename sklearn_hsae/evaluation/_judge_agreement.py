"""Whether several judges agree on which texts have which concepts."""

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from sklearn_hsae._pairs import check_single
from sklearn_hsae.evaluation._row_order import check_same_order


def judge_agreement(*annotations):
    """Compare the annotations of two or more judges, concept by concept.

    Judges are language models, persons, or the free judges of
    :class:`ConceptAnnotator`. Where two of them agree no more than by chance, at least
    one of them does not read the concept, or the concept says too little.

    Parameters
    ----------
    *annotations : DataFrame of shape (n_rows, n_concepts)
        1, 0 or NaN: one frame per judge, two or more. All have the same texts in the
        same order, and the same concepts in any order.

    Returns
    -------
    DataFrame of n_concepts rows
        In the order of the first frame's columns:

        - `concept`.
        - `n`: texts that all judges have judged; `agreement` and `kappa` are computed
          on them.
        - `agreement`: share of the texts on which two judges agree; with more judges,
          the mean over all pairs.
        - `kappa`: the same corrected for chance, 1 for perfect agreement and 0 for
          chance: Cohen's [1]_ for two judges, Fleiss' [2]_ for more.
        - `alpha`: Krippendorff's [3]_ for nominal data. It also uses texts that some of
          the judges, two or more, have judged.
        - `prevalence_low`, `prevalence_high`: the lowest and the highest share of texts
          that a judge says have the concept, among the `n` texts.

        NaN where a measure is not defined, for example where all say no for each text.

    Raises
    ------
    ValueError
        When there are fewer than two frames, rows or concepts differ, or a frame holds
        annotations of pairs of texts.

    Notes
    -----
    For a rare concept a high `agreement` means little: two judges who say yes to 2 % of
    the texts at random agree on 96 %. `kappa` and `alpha` are 0 then.

    References
    ----------
    .. [1] J. Cohen, "A coefficient of agreement for nominal scales", Educational and
       Psychological Measurement 20(1), 1960.
    .. [2] J. Fleiss, "Measuring nominal scale agreement among many raters",
       Psychological Bulletin 76(5), 1971.
    .. [3] K. Krippendorff, "Content analysis: an introduction to its methodology",
       Sage, 2004.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_hsae.evaluation import judge_agreement
    >>> model = pd.DataFrame({"late": [1, 1, 0, 0, 0], "rude": [0, 0, 0, 1, 1]})
    >>> person = pd.DataFrame({"late": [1, 1, 0, 0, 0], "rude": [1, 0, 0, 1, 0]})
    >>> judge_agreement(model, person).round(2)[["concept", "n", "agreement", "kappa"]]
      concept  n  agreement  kappa
    0    late  5        1.0   1.00
    1    rude  5        0.6   0.17
    """
    _check(annotations)
    concepts = annotations[0].columns
    # Rows are texts, then concepts, then judges.
    votes = np.stack(
        [frame[concepts].to_numpy(dtype=np.float64) for frame in annotations], axis=-1
    )
    rows = [
        {"concept": concept, **_measures(votes[:, j])}
        for j, concept in enumerate(concepts)
    ]
    return pd.DataFrame(rows)


def _check(annotations):
    if len(annotations) < 2:
        raise ValueError(
            f"judge_agreement compares two frames of annotations or more, got "
            f"{len(annotations)}: judge_agreement(first, second)."
        )
    first = annotations[0]
    for number, frame in enumerate(annotations, 1):
        if not isinstance(frame, pd.DataFrame):
            raise ValueError(
                f"Argument {number} must be a DataFrame whose columns are concepts, "
                f"got a {type(frame).__name__}."
            )
        if not all(is_numeric_dtype(dtype) for dtype in frame.dtypes):
            raise ValueError(
                f"Argument {number} must hold 1, 0 and NaN; for words, pass "
                'frame == "yes".'
            )
        check_single(frame.to_numpy(dtype=np.float64), "judge_agreement")
        if len(frame) != len(first):
            raise ValueError(
                f"Argument {number} has {len(frame)} rows, the first {len(first)}. "
                "Pass the annotations of the same texts, in the same order."
            )
        check_same_order(first, frame, f"argument {number}")
        if set(frame.columns) != set(first.columns):
            lone = sorted(set(frame.columns) ^ set(first.columns), key=str)[0]
            raise ValueError(
                f"Argument {number} and the first do not have the same concepts: "
                f"{lone!r} is in one of them only."
            )


def _measures(votes):
    """All measures for the votes on one concept, of shape (n_rows, n_judges)."""
    complete = votes[~np.isnan(votes).any(axis=1)] != 0
    n_judges = votes.shape[1]
    measures = {"n": len(complete)}
    agreement, chance, shares = np.nan, np.nan, np.full(n_judges, np.nan)
    if len(complete):
        shares = complete.mean(axis=0)
        agreement = _pairs_that_agree(complete.sum(axis=1), n_judges).mean()
        if n_judges == 2:  # each judge's own share of yes
            chance = shares.prod() + (1 - shares).prod()
        else:  # one share for all
            chance = shares.mean() ** 2 + (1 - shares.mean()) ** 2
    return {
        **measures,
        "agreement": agreement,
        "kappa": _beyond(agreement, chance),
        "alpha": _krippendorff(votes),
        "prevalence_low": shares.min(),
        "prevalence_high": shares.max(),
    }


def _pairs_that_agree(n_yes, n_votes):
    """The share of the pairs of votes on each text that are equal."""
    n_no = n_votes - n_yes
    return (n_yes * (n_yes - 1) + n_no * (n_no - 1)) / (n_votes * (n_votes - 1))


def _beyond(agreement, chance):
    return (agreement - chance) / (1 - chance) if chance < 1 else np.nan


def _krippendorff(votes):
    """1 minus the observed disagreement as a share of the expected one."""
    n_votes = (~np.isnan(votes)).sum(axis=1)
    votes, n_votes = votes[n_votes > 1], n_votes[n_votes > 1]
    if len(votes) == 0:
        return np.nan
    n_yes, n_all = (np.nan_to_num(votes) != 0).sum(axis=1), n_votes.sum()
    agreement = np.average(_pairs_that_agree(n_yes, n_votes), weights=n_votes)
    return _beyond(agreement, _pairs_that_agree(n_yes.sum(), n_all))
