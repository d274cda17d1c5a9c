"""Compare hypotheses with known concepts, or with the hypotheses of another run."""

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from scipy.optimize import linear_sum_assignment

from sklearn_hsae._correlations import phi
from sklearn_hsae._sklearn_compat import validate_arguments
from sklearn_hsae.evaluation._wording import wording_by_embedder, wording_by_llm
from sklearn_hsae.llm import LanguageModel

_MEASURES = ("f1", "correlation", "wording")


@validate_arguments(
    {"llm": [str, LanguageModel, None]}, prefer_skip_nested_validation=True
)
def match_hypotheses(found, reference, *, by="f1", embedder=None, llm=None):
    """Match found hypotheses with reference concepts, one to one.

    The pairs maximise the sum of a measure (Hungarian algorithm), as in the synthetic
    evaluation of HypotheSAEs [1]_. The result shows which of the known concepts were
    found, or how similar the hypotheses of two runs are.

    Parameters
    ----------
    found : DataFrame of shape (n_rows, n_hypotheses)
        Annotations 1, 0 or NaN, for example `annotations` of a
        :class:`HypothesisEvaluation`. Columns are the hypotheses.
    reference : DataFrame of shape (n_rows, n_concepts)
        The truth for the same rows: 1, 0 or NaN. Columns are the concepts.
    by : {"f1", "correlation", "wording"}, default="f1"
        What is summed: the F1 of the annotations against the truth, their correlation
        (which may be negative), or how near the words are: the cosine of their
        embeddings, or what `llm` says.
    embedder : str, EmbeddingTransformer or None, default=None
        For ``by="wording"``: the name of a model, or a transformer. None is the default
        model of :class:`EmbeddingTransformer`.
    llm : str, LanguageModel or None, default=None
        For ``by="wording"``: a language model in the place of the embedder. It says
        whether two concepts mean the same (1), something related (0.5), or something
        different (0), as in [1]_, in one call per reference. Embeddings of opposites
        are near to each other, so it is the better judge of labels that are sentences.

    Returns
    -------
    DataFrame of n_concepts rows
        `reference`, `hypothesis` (None where there are fewer hypotheses than concepts),
        `f1` and `correlation`, and with ``by="wording"`` the `similarity`. Rows with a
        NaN in either column of a pair do not count for it.

    Raises
    ------
    ValueError
        When the two are not frames with the same number of rows, or there are an
        embedder and a language model, or one without ``by="wording"``.

    References
    ----------
    .. [1] R. Movva, K. Peng, N. Garg, J. Kleinberg, E. Pierson, "Sparse Autoencoders
       for Hypothesis Generation", ICML 2025.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_hsae.evaluation import match_hypotheses
    >>> truth = pd.DataFrame({"late": [1, 1, 0, 0], "rude": [0, 0, 0, 1]})
    >>> found = pd.DataFrame({"waits": [1, 1, 1, 0], "is rude": [0, 0, 0, 1]})
    >>> match_hypotheses(found, truth).round(2)
      reference hypothesis   f1  correlation
    0      late      waits  0.8         0.58
    1      rude    is rude  1.0         1.00
    """
    _check(found, reference, by, embedder, llm)
    f1, correlation = _agreement(reference.to_numpy(float), found.to_numpy(float))
    measures = {"f1": f1, "correlation": correlation}
    if by == "wording":
        known, names = [*map(str, reference.columns)], [*map(str, found.columns)]
        if llm is None:
            measures["similarity"] = wording_by_embedder(embedder, known, names)
        else:
            measures["similarity"] = wording_by_llm(llm, known, names)
    score = np.nan_to_num(measures["similarity" if by == "wording" else by])
    rows, columns = linear_sum_assignment(score, maximize=True)
    table = pd.DataFrame({"reference": reference.columns})
    names = pd.Series(found.columns[columns].to_numpy(object), index=rows, dtype=object)
    table["hypothesis"] = names.reindex(table.index).where(lambda s: s.notna(), None)
    for name, values in measures.items():
        table[name] = pd.Series(values[rows, columns], index=rows)
    return table


def _check(found, reference, by, embedder, llm):
    for name, frame in (("found", found), ("reference", reference)):
        if not isinstance(frame, pd.DataFrame):
            raise ValueError(
                f"{name} must be a DataFrame whose columns are named, got a "
                f"{type(frame).__name__}. Pass evaluation.annotations of an "
                "evaluation, or pd.DataFrame(values, columns=names)."
            )
        if not all(is_numeric_dtype(dtype) for dtype in frame.dtypes):
            raise ValueError(
                f"{name} must hold 1, 0 and NaN. Some of its columns hold other "
                'values: for words, pass frame == "yes".'
            )
    if len(found) != len(reference):
        raise ValueError(
            f"found has {len(found)} rows and reference has {len(reference)}: pass the "
            "annotations and the truth of the same texts, in the same order."
        )
    if by not in _MEASURES:
        raise ValueError(f"by must be one of {_MEASURES}, got {by!r}.")
    if by != "wording" and (embedder is not None or llm is not None):
        raise ValueError(
            f"Got {'an embedder' if llm is None else 'llm'}, but by={by!r} compares "
            "annotations. Pass by='wording' to compare words."
        )
    if embedder is not None and llm is not None:
        raise ValueError("Got an embedder and llm. Pass one of them.")


def _agreement(truth, annotations):
    """F1 and Pearson's correlation of each concept with each hypothesis.

    Both are computed from the counts of the 2 x 2 tables, by matrix products.
    """
    if (truth < 0).any() or (annotations < 0).any():
        # Pairs of texts, in both orders: the first text has it, and the second not.
        truth, annotations = (
            np.maximum(np.vstack([values, -values]), 0)
            for values in (truth, annotations)
        )
    known, judged = ~np.isnan(truth), ~np.isnan(annotations)
    yes, says_yes = (np.nan_to_num(truth) != 0), (np.nan_to_num(annotations) != 0)
    n_rows = known.T.astype(float) @ judged
    both = yes.T.astype(float) @ says_yes
    n_true = yes.T.astype(float) @ judged
    n_said = known.T.astype(float) @ says_yes
    n_either = n_true + n_said
    f1 = np.divide(2 * both, n_either, out=np.zeros_like(both), where=n_either > 0)
    return f1, phi(both, n_true, n_said, n_rows)
