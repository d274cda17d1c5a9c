"""How often hypotheses come back when they are searched for again."""

from numbers import Integral

import numpy as np
import pandas as pd
from sklearn import get_config
from sklearn.base import clone
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.parallel import Parallel, delayed

from sklearn_hsae._pairs import rows_of_texts
from sklearn_hsae._sklearn_compat import (
    Interval,
    StrOptions,
    check_method_params,
    safe_indexing,
    validate_arguments,
)
from sklearn_hsae.evaluation._discovery_split import DiscoverySplit
from sklearn_hsae.evaluation._matching import match_hypotheses
from sklearn_hsae.evaluation._repeated_search import (
    LARGEST_SEED,
    MIN_AGREEMENT,
    embedded_once,
    finder_and_last,
    hypotheses_of,
    with_other_seeds,
)
from sklearn_hsae.evaluation._unfitted_pipeline import params_with_groups


@validate_arguments(
    {
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "resample": [StrOptions({"seed", "bootstrap"})],
        "min_agreement": MIN_AGREEMENT,
    },
    prefer_skip_nested_validation=True,
)
def stability(
    pipeline,
    X,
    y,
    *,
    X_common=None,
    y_common=None,
    n_repeats=5,
    resample="seed",
    groups=None,
    min_agreement=0.5,
    params=None,
    n_jobs=None,
    random_state=None,
):
    """Search for hypotheses again, and count how often each one comes back.

    All steps before the last are fitted again, each time with other seeds: the
    autoencoder, the selection, the names and the judge. Texts are embedded once. A
    hypothesis comes back when one of the new hypotheses has nearly the same annotations
    on the same texts, whatever its words are. Each new hypothesis stands for one old
    one at most, see :func:`match_hypotheses`.

    Parameters
    ----------
    pipeline : Pipeline, DiscoverySplit, or a fitted search such as GridSearchCV
        Fitted. Its hypotheses are the ones that are looked for. It is not changed.
    X : sequence of str, or other input of the pipeline, of length n_samples
        The rows that the pipeline was fitted on. For a :class:`DiscoverySplit`, the
        hypotheses are searched for again on its discovery part alone.
    y : array-like of shape (n_samples,)
        Their target.
    X_common, y_common : default=None
        The rows on which annotations are compared, and their target. None is `X` and
        `y`. With a language model as judge, each repeat judges all of these rows: a
        few hundred are enough.
    n_repeats : int, default=5
        Number of repeats. A share of 5 is coarse, but shows which hypotheses depend on
        a seed; its standard error is 0.22 at most, and 0.1 for 25 repeats.
    resample : {"seed", "bootstrap"}, default="seed"
        ``"seed"``: each repeat has all rows, and other seeds. It shows what depends on
        chance within the steps. ``"bootstrap"``: each repeat also draws rows with
        replacement. It shows as well what depends on the texts that happen to be
        there.
    groups : array-like of shape (n_samples,), default=None
        The group of each row, such as its author. The early stopping of the autoencoder
        keeps groups together, a selector with `min_groups` counts them, and
        ``"bootstrap"`` draws whole groups.
    min_agreement : float, default=0.5
        Least correlation of the annotations for a hypothesis that came back. At 0.5
        about three quarters of the rows that have a rare concept have the other one as
        well. :func:`evaluate_hypotheses` groups hypotheses by the same limit.
    params : dict or None, default=None
        Parameters of ``pipeline.fit`` for the steps before the last, such as
        ``{"sae__sample_weight": weights}``. What has one entry per row is drawn as the
        rows are.
    n_jobs : int or None, default=None
        Number of repeats at the same time. None is 1, and -1 is all processors.
    random_state : int, RandomState instance or None, default=None
        Draws the seeds and the rows. Pass an int for the same table each time.

    Returns
    -------
    DataFrame of n_hypotheses rows
        Sorted by `share_returned`, then by `agreement`:

        - `hypothesis`: the name in `pipeline`.
        - `n_returned`, `n_repeats`, `share_returned`: in how many repeats it came back.
        - `agreement`: mean correlation with its match, over all repeats; 0 where there
          was no match.
        - `same_sign`: share of the repeats in which it came back where its coefficient,
          beside the other hypotheses of that repeat, has the same sign. Both are
          estimated on the common rows. For three or more classes it is the coefficient
          of the class on which the hypothesis has the largest effect.
        - `found_as`: list of the names in the repeats in which it came back.

    Raises
    ------
    ValueError
        When a parameter is out of range, or `pipeline` has no step before the last.

    See Also
    --------
    selection_stability : How often each neuron of one autoencoder is selected.
    HypothesisEvaluation.with_stability : Adds the counts to a table of hypotheses.

    Notes
    -----
    A hypothesis that does not come back can be true: a large autoencoder splits a topic
    in one of many ways. But a reader should know that another seed would have told
    another story.

    With a language model, each repeat names neurons and judges texts again. A
    :class:`LanguageModel` shares its budget with its clones, so `max_cost` holds for
    all repeats together with the first fit. A fit without words costs nothing::

        free = clone(pipe).set_params(interpret="passthrough", annotate="passthrough")

    Its hypotheses are neurons, and they are compared by the texts on which they fire.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_hsae import HypothesisRegressor, NeuronSelector
    >>> from sklearn_hsae.evaluation import stability
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(rng.integers(2, size=(400, 30))).add_prefix("neuron")
    >>> y = X["neuron7"] + rng.normal(size=400)
    >>> pipe = make_pipeline(NeuronSelector(2), HypothesisRegressor()).fit(X, y)
    >>> table = stability(pipe, X, y, resample="bootstrap", random_state=0)
    >>> table[["hypothesis", "n_returned", "n_repeats", "same_sign"]]
      hypothesis  n_returned  n_repeats  same_sign
    0    neuron7           5          5        1.0
    1   neuron23           1          5        1.0
    """
    finder, last = finder_and_last(pipeline)
    check_consistent_length(X, y, groups)
    if (X_common is None) != (y_common is None):
        raise ValueError("Pass both X_common and y_common, or neither.")
    if X_common is not None:
        check_consistent_length(X_common, y_common)
    else:
        X_common, y_common = X, y
    finder, X, X_common = embedded_once(finder, X, X_common)
    reference = _hypotheses(finder, last, X_common, y_common)
    rng = check_random_state(random_state)
    params = params or {}
    if groups is not None and not get_config()["enable_metadata_routing"]:
        params = params_with_groups(finder, params, groups)
    known = np.arange(len(y))
    if isinstance(pipeline, DiscoverySplit):
        known = pipeline.discovery_rows_
    jobs = []
    for _ in range(n_repeats):
        rows = _rows(known, resample, groups, rng)
        jobs.append((rows, rng.randint(LARGEST_SEED)))
    found = Parallel(n_jobs=n_jobs)(
        delayed(_search_again)(
            finder, last, X, y, rows, params, X_common, y_common, seed
        )
        for rows, seed in jobs
    )
    return _table(reference, found, min_agreement)


def _rows(known, resample, groups, rng):
    """Positions of the rows of one repeat, out of those that may be used."""
    if resample == "seed":
        return known
    if groups is None:
        return known[rng.randint(len(known), size=len(known))]
    _, numbers = np.unique(np.asarray(groups)[known], return_inverse=True)
    members = np.split(
        np.argsort(numbers, kind="stable"), np.cumsum(np.bincount(numbers))[:-1]
    )
    drawn = rng.randint(len(members), size=len(members))
    return known[np.concatenate([members[group] for group in drawn])]


def _search_again(finder, last, X, y, rows, params, X_common, y_common, seed):
    """The hypotheses of one repeat."""
    finder = with_other_seeds(clone(finder), seed)
    finder.fit(
        safe_indexing(X, rows_of_texts(X, rows)),
        safe_indexing(y, rows),
        **check_method_params(y, params, rows),
    )
    return _hypotheses(finder, last, X_common, y_common)


def _hypotheses(finder, last, X, y):
    """The annotations of the hypotheses, and their effects by class."""
    # Only the signs of the coefficients are needed: the quickest errors will do.
    last = clone(last).set_params(cov_type="nonrobust", correction="holm")
    annotations = finder.transform(X)
    summary = last.fit(annotations, y).summary_
    if "class" not in summary:
        summary["class"] = "y"
    effects = summary.pivot(
        index="hypothesis", columns="class", values="coefficient"
    ).fillna(0.0)
    return hypotheses_of(last, annotations), effects


def _table(reference, found, min_agreement):
    annotations, effects = reference
    strongest = effects.abs().idxmax(axis=1)  # the class of three or more
    matches = [
        _match(annotations, effects, strongest, *again, min_agreement)
        for again in found
    ]
    matches = pd.concat(matches).groupby("reference", sort=False)
    table = pd.DataFrame(
        {
            "n_returned": matches["returned"].sum(),
            "n_repeats": len(found),
            "share_returned": matches["returned"].mean(),
            "agreement": matches["correlation"].mean(),
            "same_sign": matches["same_sign"].mean(),
            "found_as": matches["hypothesis"].agg(
                lambda names: names.dropna().tolist()
            ),
        }
    )
    table = table.rename_axis("hypothesis").reset_index()
    order = ["share_returned", "agreement"]
    return table.sort_values(order, ascending=False, ignore_index=True)


def _match(annotations, effects, strongest, again, effects_again, min_agreement):
    """The match of each hypothesis in one repeat."""
    effects_again = effects_again.reindex(columns=effects.columns, fill_value=0.0)
    table = match_hypotheses(again, annotations, by="correlation")
    table["correlation"] = table["correlation"].fillna(0.0)
    table["returned"] = table["correlation"] >= min_agreement
    table["same_sign"] = [
        effects.at[name, label] * effects_again.at[match, label] > 0
        if is_returned
        else np.nan
        for name, match, is_returned, label in zip(
            table["reference"],
            table["hypothesis"],
            table["returned"],
            strongest[table["reference"]],
            strict=True,
        )
    ]
    table["same_sign"] = table["same_sign"].astype(float)
    table["hypothesis"] = table["hypothesis"].where(table["returned"])
    return table
