"""How often each neuron is selected on halves of the rows, with an error bound."""

from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.parallel import Parallel, delayed

from sklearn_hsae._pairs import rows_of_texts
from sklearn_hsae._sklearn_compat import (
    Interval,
    check_feature_names_in,
    check_method_params,
    safe_indexing,
    validate_arguments,
)
from sklearn_hsae.evaluation._fitted_pipeline import fitted_pipeline


@validate_arguments(
    {"n_pairs": [Interval(Integral, 1, None, closed="left")]},
    prefer_skip_nested_validation=True,
)
def selection_stability(
    pipeline,
    X,
    y,
    *,
    n_pairs=50,
    groups=None,
    params=None,
    n_jobs=None,
    random_state=None,
):
    """Select neurons on complementary halves of the rows, and count how often.

    The rows are split into two random halves, `n_pairs` times, and the selection of the
    pipeline runs on each half. The other steps stay as they are fitted: no autoencoder
    is trained, nothing is named, and no text is judged. This is complementary pairs
    stability selection [1]_, which bounds the number of neurons that are selected
    often by chance.

    Parameters
    ----------
    pipeline : Pipeline, or a fitted search such as GridSearchCV
        Fitted, with a :class:`NeuronSelector` or another selector of scikit-learn. It
        is not changed.
    X : sequence of str, or other input of the pipeline, of length n_samples
        Rows to select on. The bound holds for rows that the autoencoder was not
        trained on.
    y : array-like of shape (n_samples,)
        Their target.
    n_pairs : int, default=50
        Number of pairs of halves, 50 as in [1]_. The selection runs twice as often.
    groups : array-like of shape (n_samples,), default=None
        The group of each row, such as its author. Groups are not torn apart; the halves
        have half of the groups each.
    params : dict or None, default=None
        Parameters of ``fit`` of the selector, such as ``{"sample_weight": weights}``.
        What has one entry per row is split as the rows are.
    n_jobs : int or None, default=None
        Number of halves at the same time. None is 1, and -1 is all processors.
    random_state : int, RandomState instance or None, default=None
        Draws the halves. Pass an int for the same table each time.

    Returns
    -------
    DataFrame
        One row per neuron that was selected on any half, most frequent first:

        - `neuron`: its name.
        - `hypothesis`: the name of its concept in `pipeline`; None if `pipeline` has
          not selected it.
        - `frequency`: share of the halves on which it was selected.
        - `expected_false`: bound of the expected number of neurons that reach this
          frequency although a random half selects each of them no more often than a
          neuron drawn at random. Without assumptions; NaN for frequencies up to 0.5,
          for which there is no bound.
        - `expected_false_unimodal`: the same, about half as large or less, if
          the frequencies of these neurons have unimodal distributions.

    Raises
    ------
    ValueError
        When no step of the pipeline selects columns, or a half would be empty.

    See Also
    --------
    stability : Trains the autoencoder again as well, and compares annotations.

    Notes
    -----
    With p neurons that fire, of which a half selects q on average, a neuron counts as
    false if a random half selects it with a probability of at most q / p. The number of
    false neurons with a frequency of at least t has an expectation of at most ::

        C q^2 / p,   C = 1 / (2 t - 1)

    in general [1]_, as in [2]_ under stronger assumptions. For unimodal distributions C
    is ``1 / (2 (2 t - 1 - 1 / (2 B)))`` for t up to 3/4 and ``4 (1 - t + 1 / (2 B)) /
    (1 + 1 / B)`` above, with B pairs.

    A bound holds for a frequency that is chosen before the table is seen. It speaks of
    the neurons as they are: an autoencoder with a `target_weight` has seen the target
    of its training rows, so pass other rows.

    References
    ----------
    .. [1] R. Shah, R. Samworth, "Variable selection with error control: another look
       at stability selection", Journal of the Royal Statistical Society B 75(1), 2013.
    .. [2] N. Meinshausen, P. Buhlmann, "Stability selection", Journal of the Royal
       Statistical Society B 72(4), 2010.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_hsae import HypothesisRegressor, NeuronSelector
    >>> from sklearn_hsae.evaluation import selection_stability
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(rng.integers(2, size=(400, 30))).add_prefix("neuron")
    >>> y = X["neuron7"] - X["neuron3"] + rng.normal(size=400)
    >>> pipe = make_pipeline(NeuronSelector(3), HypothesisRegressor()).fit(X, y)
    >>> selection_stability(pipe, X, y, random_state=0).head(3).round(2)
         neuron hypothesis  frequency  expected_false  expected_false_unimodal
    0   neuron3    neuron3       1.00             0.3                     0.01
    1   neuron7    neuron7       1.00             0.3                     0.01
    2  neuron23   neuron23       0.34             NaN                      NaN
    """
    check_consistent_length(X, y, groups)
    pipeline = fitted_pipeline(pipeline)
    position = _position_of_selector(pipeline)
    selector = pipeline[position]
    activations = pipeline[:position].transform(X) if position else X
    rng = check_random_state(random_state)
    halves = [half for _ in range(n_pairs) for half in _halves(len(y), groups, rng)]
    supports = Parallel(n_jobs=n_jobs)(
        delayed(_support)(selector, activations, y, half, params) for half in halves
    )
    frequency = np.mean(supports, axis=0)
    n_firing = np.count_nonzero(np.ravel((activations > 0).sum(axis=0)))
    general, unimodal = _expected_false(frequency, n_firing, n_pairs)
    table = pd.DataFrame(
        {
            "neuron": check_feature_names_in(selector),
            "hypothesis": _concepts(pipeline, position),
            "frequency": frequency,
            "expected_false": general,
            "expected_false_unimodal": unimodal,
        }
    )
    return table[frequency > 0].sort_values(
        "frequency", ascending=False, kind="stable", ignore_index=True
    )


def _position_of_selector(pipeline):
    for position in reversed(range(len(pipeline.steps) - 1)):
        if isinstance(pipeline[position], SelectorMixin):
            return position
    raise ValueError(
        "No step of the pipeline selects columns; it has the steps "
        f"{list(pipeline.named_steps)}. Pass a pipeline with a NeuronSelector, which "
        "is not within another step."
    )


def _halves(n_rows, groups, rng):
    """Positions of the rows of two halves; an odd row, or group, is in neither."""
    numbers = np.arange(n_rows)
    if groups is not None:
        _, numbers = np.unique(np.asarray(groups), return_inverse=True)
    n_groups = numbers.max() + 1
    if n_groups < 2:
        raise ValueError(
            f"{n_groups} group cannot be split into halves. Pass more rows or groups."
        )
    half = n_groups // 2
    order = rng.permutation(n_groups)
    return [
        np.flatnonzero(np.isin(numbers, part))
        for part in (order[:half], order[half : 2 * half])
    ]


def _support(selector, activations, y, rows, params):
    """Which neurons are selected on these rows."""
    selector = clone(selector).fit(
        safe_indexing(activations, rows_of_texts(activations, rows)),
        safe_indexing(y, rows),
        **check_method_params(y, params or {}, rows),
    )
    return selector.get_support()


def _expected_false(frequency, n_neurons, n_pairs):
    """Both bounds for each frequency; NaN where there is none."""
    n_selected = frequency.sum()  # on average
    share = n_selected / n_neurons
    step = 1 / (2 * n_pairs)
    general, lower, upper = np.full((3, len(frequency)), np.nan)
    np.divide(1.0, 2 * frequency - 1, out=general, where=frequency > 0.5)
    least = 0.5 + min(share**2, step + 0.75 * share**2)
    np.divide(
        0.5,
        2 * frequency - 1 - step,
        out=lower,
        where=(frequency > least) & (2 * frequency - 1 > step),
    )
    upper = 4 * (1 - frequency + step) / (1 + 2 * step)
    unimodal = np.where(frequency > 0.75, upper, lower)
    if share > 1 / np.sqrt(3):  # the theorem covers rare selections only
        unimodal[:] = np.nan
    return general * share * n_selected, unimodal * share * n_selected


def _concepts(pipeline, position):
    """The concept of each neuron that the pipeline has selected; None for others."""
    selector = pipeline[position]
    names = check_feature_names_in(selector)
    concepts = np.where(selector.get_support(), names, None)
    for step in pipeline[position + 1 :]:
        table = getattr(step, "fidelity_", None)
        if table is not None:
            by_neuron = dict(zip(table["neuron"], table["concept"], strict=True))
            concepts = [by_neuron.get(name) for name in names]
    return concepts
