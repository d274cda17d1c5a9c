"""Whether concepts are as frequent in new texts as in the training texts."""

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_hsae.corpora._exact_tests import fisher_p
from sklearn_hsae.inference import corrected


def concept_drift(model, annotations):
    """Compare how frequent each concept is in new texts and in the training texts.

    Parameters
    ----------
    model : Pipeline, HypothesisRegressor or HypothesisClassifier
        Fitted without weights. A pipeline ends with one of the other two.
    annotations : DataFrame of shape (n_texts, n_hypotheses)
        The concepts of the new texts, ``model[:-1].transform(texts)``: 1, 0 or NaN.
        It may have no row.

    Returns
    -------
    DataFrame of n_hypotheses rows
        - `hypothesis`: the concept, in the order of the model;
        - `training_prevalence`, `n_training`: the share of the training texts that
          have it, and the number of these texts;
        - `prevalence`, `n`: the same for the new texts that were annotated with it. The
          share of no texts is NaN;
        - `p` of Fisher's exact test that both shares are equal, and `p_corrected` for
          the number of concepts, by Holm. NaN without a new text;
        - `drifts`: whether `p_corrected` is below `alpha` of the last step.

    Raises
    ------
    ValueError
        When `annotations` lacks a hypothesis of the model, or the model was fitted with
        weights, which have no counts to test.

    Notes
    -----
    The test assumes that texts are independent. One long thread, or many copies of one
    text, look like drift. It says that the texts have changed. Whether the effects have
    changed too can only be tested with new outcomes.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_hsae import HypothesisRegressor
    >>> from sklearn_hsae.corpora import concept_drift
    >>> X = pd.DataFrame({"rude": [0, 1] * 50, "cold soup": [1, 0, 0, 0] * 25})
    >>> model = HypothesisRegressor().fit(X, np.arange(100) % 7)
    >>> new = pd.DataFrame({"rude": [0, 1] * 10, "cold soup": [1, 1, 1, 0] * 5})
    >>> table = concept_drift(model, new)
    >>> table[["hypothesis", "training_prevalence", "prevalence", "drifts"]]
      hypothesis  training_prevalence  prevalence  drifts
    0       rude                 0.50        0.50   False
    1  cold soup                 0.25        0.75    True
    """
    last = model[-1] if isinstance(model, Pipeline) else model
    check_is_fitted(last)
    if last.is_weighted_:
        raise ValueError(
            "The model was fitted with sample_weight, so its shares of texts are no "
            "counts that a test could compare. Fit it without weights."
        )
    before = last.summary_.drop_duplicates("hypothesis")  # a row per class
    names = before["hypothesis"].tolist()
    absent = [name for name in names if name not in annotations]
    if absent:
        raise ValueError(
            f"annotations has no column {absent[0]!r}. Pass the annotations of this "
            "model as a DataFrame: model[:-1].transform(texts)."
        )
    values = annotations[names].to_numpy(dtype=np.float64)
    n = (~np.isnan(values)).sum(axis=0)
    count = (np.nan_to_num(values) != 0).sum(axis=0)
    share, n_before = before["prevalence"].to_numpy(), before["n"].to_numpy()
    table = drift_table(share, n_before, count, n, last.alpha)
    table.insert(0, "hypothesis", names)
    return table


def drift_table(share, n_before, count, n, alpha):
    """Shares of the training texts beside those of new texts, with exact tests.

    Parameters
    ----------
    share, n_before : ndarray of shape (n_features,)
        Share of the training texts that have the feature, of this number of texts.
    count, n : ndarray of shape (n_features,)
        Number of the new texts that have it, of this number of texts.
    alpha : float

    Returns
    -------
    DataFrame of n_features rows
        See :func:`concept_drift`.
    """
    p = np.full(len(share), np.nan)
    seen = n > 0
    count_before = np.rint(share * n_before)
    p[seen] = fisher_p(count_before[seen], count[seen], n_before[seen], n[seen])
    p_corrected = corrected(p, "holm")
    return pd.DataFrame(
        {
            "training_prevalence": share,
            "n_training": n_before,
            "prevalence": np.divide(count, n, out=np.full(len(n), np.nan), where=seen),
            "n": n,
            "p": p,
            "p_corrected": p_corrected,
            "drifts": p_corrected < alpha,
        }
    )
