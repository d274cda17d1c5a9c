"""Hypotheses found on one part and tested on the other, in several splits."""

import numpy as np
import pandas as pd
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.parallel import Parallel, delayed

from sklearn_hsae._sklearn_compat import validate_arguments
from sklearn_hsae.evaluation._discovery_split import DiscoverySplit
from sklearn_hsae.evaluation._fitted_pipeline import fitted_pipeline
from sklearn_hsae.evaluation._matching import match_hypotheses
from sklearn_hsae.evaluation._repeated_search import (
    LARGEST_SEED,
    MIN_AGREEMENT,
    embedded_once,
    finder_and_last,
    hypotheses_of,
    with_other_seeds,
)

_N_SPLITS = 10
_FAMILY_WISE = ("min_p", "bonferroni", "holm")
_P_VALUES = (
    "combined over splits: in each, hypotheses are tested on rows on which they were "
    "not found. They hold if rows, or groups, are independent."
)


@validate_arguments(
    {"min_agreement": MIN_AGREEMENT}, prefer_skip_nested_validation=True
)
def cross_fit(
    pipeline,
    X,
    y,
    *,
    cv=None,
    groups=None,
    min_agreement=0.5,
    params=None,
    n_jobs=None,
    random_state=None,
):
    """Test the hypotheses of a fitted pipeline by several splits of the same rows.

    In each split, all steps before the last find hypotheses on one part of the rows,
    and the last step tests them on the other part, as in :class:`DiscoverySplit`. A
    hypothesis of the fitted pipeline is represented by the one of the split that has
    nearly the same annotations in the second part, whatever its words are. Its p-values
    of all splits give one. So no row has to be held back, and the result does not hang
    on one random split.

    Parameters
    ----------
    pipeline : Pipeline, DiscoverySplit, or a fitted search such as GridSearchCV
        Fitted. Its hypotheses are the ones that are tested. It is not changed. A search
        is done again in each split.
    X : sequence of str, or other input of the pipeline, of length n_samples
        All rows; those that the pipeline was fitted on as a rule.
    y : array-like of shape (n_samples,)
        Their target.
    cv : int, splitter or iterable, default=None
        The splits: hypotheses are found on its training rows and tested on its test
        rows. None is 10 random halves, of the groups if there are some: halves leave
        most rows for the tests. An int, or a splitter of scikit-learn, as in
        :func:`sklearn.model_selection.cross_validate`.
    groups : array-like of shape (n_samples,), default=None
        The group of each row, such as its author. Each group is in one part of a
        split. Needed when the last step has ``cov_type="cluster"``.
    min_agreement : float, default=0.5
        Least correlation of the annotations with those of the hypothesis of the split,
        as in :func:`stability`.
    params : dict or None, default=None
        Parameters of :meth:`DiscoverySplit.fit`, such as
        ``{"sae__sample_weight": weights}``.
    n_jobs : int or None, default=None
        Number of splits at the same time. None is 1, and -1 is all processors.
    random_state : int, RandomState instance or None, default=None
        Draws the halves and the seeds of the steps. Pass an int for the same table
        each time.

    Returns
    -------
    DataFrame
        One row per hypothesis (and class, of three or more), sorted by `p_combined`:

        - `hypothesis`: the name in `pipeline`; `class`.
        - `n_splits`, and `n_found`: in how many of them a hypothesis had the same
          annotations.
        - `n_significant`: in how many it was significant after the correction within
          the split, and had the sign of `coefficient`.
        - `coefficient`: the median over the splits in which it was found, each
          estimated beside the other hypotheses of its split.
        - `p_combined`: twice the median of the corrected p-values of all splits. A
          split in which it was not found, or had another sign than `coefficient`,
          counts as 1. `significant`: whether it is below `alpha` of the last step.
        - `found_as`: list of the names in the splits.

    Raises
    ------
    ValueError
        When the last step corrects for a false discovery rate, a split has rows or
        groups in both parts, or `pipeline` has no step before the last.

    See Also
    --------
    DiscoverySplit : One split, whose hypotheses are tested themselves.
    stability : How often hypotheses come back, without tests.

    Notes
    -----
    Within a split, the chance that any hypothesis without an effect has a corrected
    p-value of alpha / 2 or less is alpha / 2 at most. So the expected share of the
    splits in which that happens is alpha / 2 at most, and by Markov's inequality the
    chance that it happens in half of them or more is alpha at most. This is the rule of
    Meinshausen, Meier & Bühlmann [1]_ for the median. It holds however the splits
    depend on each other, and however hypotheses are matched: with a chance of at
    least 1 - alpha, each significant hypothesis is represented in at least one split by
    a hypothesis that has an effect. It needs a correction that bounds the chance of a
    single false hypothesis: "min_p", "bonferroni" or "holm".

    The price is power: Markov's inequality is far from sharp, so much less than alpha
    of pure noise is significant. And a hypothesis that is found in less than half of
    the splits cannot be significant. Where each split can tell the hypothesis in a way
    of its own, :class:`DiscoverySplit` finds more.

    Each split takes as long as a fit without the embedding. With a language model, each
    split names neurons and judges its second part, and the hypotheses of `pipeline`
    judge all rows.

    References
    ----------
    .. [1] N. Meinshausen, L. Meier, P. Bühlmann, "p-values for high-dimensional
       regression", JASA 104, 2009.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_hsae import HypothesisRegressor, NeuronSelector
    >>> from sklearn_hsae.evaluation import cross_fit
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(rng.integers(2, size=(400, 30))).add_prefix("neuron")
    >>> y = X["neuron7"] + rng.normal(size=400)
    >>> pipe = make_pipeline(NeuronSelector(2), HypothesisRegressor()).fit(X, y)
    >>> table = cross_fit(pipe, X, y, random_state=0)
    >>> table[["hypothesis", "n_found", "n_significant", "significant"]]
      hypothesis  n_found  n_significant  significant
    0    neuron7       10             10         True
    1   neuron23        4              0        False
    """
    finder, last = finder_and_last(pipeline)
    fitted = fitted_pipeline(pipeline)
    check_consistent_length(X, y, groups)
    _check_correction(last)
    if isinstance(pipeline, DiscoverySplit):
        pipeline = pipeline.estimator
    is_search = not isinstance(pipeline, Pipeline)
    if not is_search:  # the search has steps of its own, which embed by their cache
        pipeline, X = embedded_once(fitted, X)
        finder = pipeline[:-1]
    annotations = hypotheses_of(last, finder.transform(X))
    rng = check_random_state(random_state)
    splits = _splits(pipeline, y, cv, groups, is_classifier(last), rng)
    jobs = [(parts, rng.randint(LARGEST_SEED)) for parts in splits]
    found = Parallel(n_jobs=n_jobs)(
        delayed(_fit_split)(pipeline, X, y, parts, groups, params, seed)
        for parts, seed in jobs
    )
    matches = [
        _matches(annotations.iloc[parts[1]], of_split, min_agreement)
        for (parts, _), (of_split, _) in zip(jobs, found, strict=True)
    ]
    tables = [table for _, table in found]
    return _combined(annotations.columns, matches, tables, last.alpha)


def _check_correction(last):
    if last.correction not in _FAMILY_WISE:
        raise ValueError(
            f"The last step has correction={last.correction!r}, which allows for false "
            "hypotheses among those found. Splits can be combined after a correction "
            f"that bounds the chance of a single one: {', '.join(_FAMILY_WISE)}."
        )


def _splits(pipeline, y, cv, groups, is_classifier, rng):
    """Positions of the rows to find on, and of those to test on, of each split."""
    if cv is None:
        halves = DiscoverySplit(pipeline, random_state=rng)
        return [halves._split(y, groups) for _ in range(_N_SPLITS)]
    rows = np.arange(len(y))
    labels = rows if groups is None else np.asarray(groups)
    splits = check_cv(cv, y, classifier=is_classifier).split(rows, y, groups)
    splits = [tuple(np.sort(part) for part in parts) for parts in splits]
    for find, test in splits:
        n_shared = len(np.intersect1d(labels[find], labels[test]))
        if n_shared:
            raise ValueError(
                f"cv puts {n_shared} {'rows' if groups is None else 'groups'} into "
                "both parts of a split. Pass a splitter that keeps them apart, such as "
                "GroupShuffleSplit(10, test_size=0.5), or leave cv out."
            )
    return splits


def _fit_split(pipeline, X, y, parts, groups, params, seed):
    """The annotations in the second part, and the table of the tests."""
    model = DiscoverySplit(with_other_seeds(clone(pipeline), seed))
    annotations = model._fit_parts(X, y, parts, groups, params or {})
    return hypotheses_of(model.estimator_[-1], annotations), model.summary_


def _matches(annotations, found, min_agreement):
    """The hypotheses of one split, and those that each stands for."""
    matches = match_hypotheses(found, annotations, by="correlation")
    matches = matches[matches["correlation"] >= min_agreement]
    return dict(zip(matches["hypothesis"], matches["reference"], strict=True))


def _combined(names, matches, tables, alpha):
    """One row per hypothesis and class from those of all splits."""
    has_classes = "class" in tables[0]
    if not has_classes:
        tables = [table.assign(**{"class": "y"}) for table in tables]
    by = ["hypothesis", "class"]
    classes = pd.concat(tables)["class"].unique()
    index = pd.MultiIndex.from_product([names, classes], names=by)
    tests = {
        i: table.assign(hypothesis=table["hypothesis"].map(stands_for))
        .dropna(subset="hypothesis")
        .set_index(by)[["coefficient", "p_corrected"]]
        .reindex(index)
        for i, (table, stands_for) in enumerate(zip(tables, matches, strict=True))
    }
    tests = pd.concat(tests, axis=1).swaplevel(axis=1)
    coefficient = tests["coefficient"].median(axis=1)
    has_sign = np.sign(tests["coefficient"]).eq(np.sign(coefficient), axis=0)
    p = tests["p_corrected"].where(has_sign).fillna(1.0)
    # The (n / 2)-th smallest of n, not the mean of two: half of the splits reach it.
    median = np.quantile(p, 0.5, axis=1, method="inverted_cdf")
    found_as = {name: [] for name in names}
    for stands_for in matches:
        for found, name in stands_for.items():
            found_as[name].append(found)
    table = pd.DataFrame(
        {
            "n_splits": len(tables),
            "n_significant": (p < alpha).sum(axis=1),
            "coefficient": coefficient,
            "p_combined": np.minimum(2 * median, 1.0),
        },
        index=index,
    ).reset_index()
    table.insert(2, "n_found", table["hypothesis"].map(found_as).map(len))
    table["significant"] = table["p_combined"] < alpha
    table["found_as"] = table["hypothesis"].map(found_as)
    table = table.sort_values("p_combined", ignore_index=True, kind="stable")
    table.attrs["p_values"] = _P_VALUES
    return table if has_classes else table.drop(columns="class")
