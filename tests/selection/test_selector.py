"""NeuronSelector and the functions beside it, against plain loops and scikit-learn."""

import pickle
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn import config_context
from sklearn.base import clone
from sklearn.feature_selection import f_regression
from sklearn.linear_model import Lasso, LogisticRegression, lars_path
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_hsae import HypothesisRegressor, NeuronSelector, with_texts
from sklearn_hsae.selection import (
    correlation_score,
    forward_selection,
    lasso_selection,
    prevalence_score,
    separation_score,
)

TARGETS = ["regression", "binary", "multiclass"]


def activations(n_rows=300, n_neurons=40, seed=0):
    """Non-negative and mostly zero, as an SAE gives them; no two values tie."""
    rng = np.random.default_rng(seed)
    fires = rng.uniform(size=(n_rows, n_neurons)) < rng.uniform(
        0.05, 0.5, size=n_neurons
    )
    return fires * rng.gamma(2.0, size=(n_rows, n_neurons))


def target(X, kind="regression", seed=1):
    rng = np.random.default_rng(seed)
    y = X[:, :10] @ rng.normal(size=10) + rng.normal(size=len(X))
    if kind == "binary":
        return np.where(y > y.mean(), "yes", "no")
    if kind == "multiclass":
        return np.array(["low", "mid", "high"])[
            np.digitize(y, np.quantile(y, [0.3, 0.8]))
        ]
    return y


def memberships(y):
    """The numbers that stand for y: itself, one class of two, each of several."""
    if y.dtype.kind == "f":
        return [y]
    classes = sorted(set(y))
    classes = classes[1:] if len(classes) == 2 else classes
    return [np.array([float(label == c) for label in y]) for c in classes]


def farthest_from_zero(values):
    return max(values, key=abs)


def separation_oracle(activation, y, n_top, standardize):
    """The definition, one row at a time."""
    silent = [v for a, v in zip(activation, y, strict=True) if a <= 0]
    order = sorted(range(len(y)), key=lambda i: -activation[i])[:n_top]
    top = [y[i] for i in order if activation[i] > 0]
    if not top or not silent:
        return 0.0
    score = sum(top) / len(top) - sum(silent) / len(silent)
    if standardize:
        score /= np.std(y) * np.sqrt(1 / len(top) + 1 / len(silent))
    return score


@pytest.mark.parametrize("kind", TARGETS)
def test_correlation_is_pearsons(kind):
    X = activations()
    y = target(X, kind)
    expected = [
        farthest_from_zero([stats.pearsonr(column, m)[0] for m in memberships(y)])
        for column in X.T
    ]
    np.testing.assert_allclose(correlation_score(X, y), expected, atol=1e-12)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("kind", TARGETS)
def test_separation_follows_its_definition(kind, standardize):
    # n_top=40 lies between the rarest and the most frequent neuron.
    X = activations()
    y = target(X, kind)
    X[:, 3] = 0.0
    X[:, 4] = 1.0 + X[:, 5]  # never silent
    X[X.argmax(axis=0)[6], 6] = -1.0  # below zero is silent
    expected = [
        farthest_from_zero(
            [separation_oracle(column, m, 40, standardize) for m in memberships(y)]
        )
        for column in X.T
    ]
    got = separation_score(X, y, n_top=40, standardize=standardize)
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_a_rare_neuron_is_not_padded_with_silent_rows():
    # One hit among 200: HypotheSAEs fills its top rows with 99 silent ones, and
    # ranks the neuron by them.
    X, y = np.zeros((200, 1)), np.r_[np.ones(100), np.zeros(100)]
    X[150] = 2.0
    assert separation_score(X, y, standardize=False)[0] == pytest.approx(-100 / 199)


def test_a_fluke_of_three_rows_does_not_outrank_a_common_neuron():
    rng = np.random.default_rng(0)
    y = rng.normal(size=1000)
    X = np.zeros((1000, 2))
    X[np.argsort(y)[-3:], 0] = 1.0  # the three highest targets
    X[:, 1] = (y + rng.normal(size=1000)) > 0.5
    assert separation_score(X, y, standardize=False).argmax() == 0
    assert separation_score(X, y).argmax() == 1


def test_prevalence_is_the_share_above_zero():
    X = activations()
    X[0, 0] = -3.0
    expected = [sum(a > 0 for a in column) / len(X) for column in X.T]
    np.testing.assert_array_equal(prevalence_score(X), expected)


def forward_oracle(X, y, n_select):
    """Refit with every free column in turn; keep the one that raises R2 most."""
    targets = [(m - m.mean()) / m.std() for m in memberships(y)]

    def r2(columns):
        design = np.column_stack([np.ones(len(X)), X[:, columns]])
        fits = [design @ np.linalg.lstsq(design, t, rcond=None)[0] for t in targets]
        left = [np.mean((t - f) ** 2) for t, f in zip(targets, fits, strict=True)]
        return 1 - np.mean(left)

    chosen = []
    while len(chosen) < n_select:
        free = [j for j in range(X.shape[1]) if j not in chosen]
        chosen.append(max(free, key=lambda j: r2([*chosen, j])))
    return chosen, r2(chosen)


@pytest.mark.parametrize("kind", TARGETS)
def test_forward_is_greedy_least_squares(kind):
    X = activations(n_neurons=25)
    y = target(X, kind)
    selected, gains = forward_selection(X, y, 8)
    expected, r2 = forward_oracle(X, y, 8)
    assert selected.tolist() == expected
    assert gains.sum() == pytest.approx(r2, rel=1e-9)


def test_forward_never_takes_what_the_chosen_ones_already_say():
    X = activations(n_neurons=5)
    X = np.column_stack([X, X, X[:, 0] + X[:, 1], np.ones(len(X))])
    selected, _ = forward_selection(X, target(activations()), 12)
    assert len(selected) == 5  # the rank
    assert np.linalg.matrix_rank(X[:, selected]) == 5


def standardized(values):
    return (values - values.mean(axis=0)) / values.std(axis=0)


def test_lasso_coefficients_are_those_of_scikit_learn():
    # The penalty is read off the optimality condition of an active column.
    X = activations()
    y = standardized(target(X))
    selected, coef = lasso_selection(X, y, 12)
    Z = standardized(X)
    penalty = np.abs(Z.T @ (y - Z @ coef)).max() / len(y)
    expected = Lasso(alpha=penalty, tol=1e-12, max_iter=100_000).fit(Z, y).coef_
    np.testing.assert_allclose(coef, expected, atol=1e-6)
    assert set(selected) == set(np.flatnonzero(expected))


def test_lasso_selects_the_first_columns_of_the_exact_path():
    # Least-angle regression knows every knot of the path.
    X = activations(n_neurons=60)
    y = target(X)
    _, _, path = lars_path(standardized(X), standardized(y), method="lasso")
    n_used = (path != 0).sum(axis=0)
    for n_select in (1, 5, 20):
        selected, _ = lasso_selection(X, y, n_select)
        knot = path[:, np.flatnonzero(n_used >= n_select)[0]]
        assert set(selected) == set(np.flatnonzero(knot))


def test_logistic_lasso_is_that_of_scikit_learn():
    X = activations(n_neurons=20)
    y = target(X, "binary")
    _, coef = lasso_selection(X, y, 8)
    Z, member = standardized(X), memberships(y)[0]

    # At the solution the slope of every used column equals the penalty.
    def solution(penalty):
        model = LogisticRegression(
            l1_ratio=1.0,
            solver="saga",
            C=1 / (len(y) * penalty),
            tol=1e-9,
            max_iter=20_000,
            random_state=0,
        )
        return model.fit(Z, member)

    low, high = 1e-4, 1.0
    total = np.abs(coef).sum()
    for _ in range(30):  # the penalty whose solution is as large as ours
        middle = np.sqrt(low * high)
        too_large = np.abs(solution(middle).coef_).sum() > total
        low, high = (middle, high) if too_large else (low, middle)
    np.testing.assert_allclose(solution(low).coef_[0], coef, atol=1e-4)
    assert np.count_nonzero(coef) == 8


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("n_select", [1, 7, 20])
def test_lasso_selects_exactly_n_and_no_zero_coefficient(kind, n_select):
    X = activations()
    selected, coef = lasso_selection(X, target(X, kind), n_select)
    assert len(set(selected)) == n_select
    assert set(np.flatnonzero(coef)) == set(selected)


def test_lasso_knows_no_unit_and_no_number_of_rows():
    # A fixed range of penalties fails for y near 1e6 and for many rows.
    X = activations()
    y = target(X)
    expected = lasso_selection(X, y, 10)[0].tolist()
    assert lasso_selection(X, 1e6 * y - 3e7, 10)[0].tolist() == expected
    assert lasso_selection(1e-5 * X, 1e-6 * y, 10)[0].tolist() == expected
    many = lasso_selection(np.tile(X, (50, 1)), np.tile(y, 50), 10)[0]
    assert many.tolist() == expected


def test_lasso_ends_where_columns_enter_together():
    # Two equal columns enter at one penalty: no bisection could ever part them.
    X = activations(n_neurons=6)
    twice = np.column_stack([X, X])
    y = target(np.column_stack([X, X]))
    for n_select in range(1, 7):
        selected, coef = lasso_selection(twice, y, n_select)
        assert len(selected) == n_select
        assert (coef[selected] != 0).all()


def test_lasso_copes_with_separable_classes():
    # The unpenalised fit does not exist; the path to it does.
    X = activations(n_rows=200, n_neurons=15)
    y = X[:, 0] + X[:, 1] > 0.5
    selected, coef = lasso_selection(X, y, 6)
    assert {0, 1} <= set(selected)
    assert np.isfinite(coef).all()


FORMATS = {
    "float32": lambda X: X.astype(np.float32),
    "fortran": np.asfortranarray,
    "csr_matrix": sparse.csr_matrix,
    "csc_array": sparse.csc_array,
    "stored zeros": lambda X: sparse.csr_array(
        (X.ravel(), np.tile(np.arange(X.shape[1]), len(X)),
         np.arange(len(X) + 1) * X.shape[1]), shape=X.shape
    ),
    "frame": pd.DataFrame,
    "sparse frame": lambda X: pd.DataFrame.sparse.from_spmatrix(sparse.csr_array(X)),
}  # fmt: skip
METHODS = ["correlation", "forward", "lasso", "prevalence", "random", "separation"]


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
@pytest.mark.parametrize("method", METHODS)
def test_every_format_gives_the_same_bits(method, kind):
    X = activations().astype(np.float32).astype(np.float64)
    y = target(X, kind)
    selector = NeuronSelector(8, method=method, random_state=0)
    expected = clone(selector).fit(X, y)
    for convert in FORMATS.values():
        given = convert(X)
        fitted = clone(selector).fit(given, y)
        assert fitted.selected_.tolist() == expected.selected_.tolist()
        np.testing.assert_array_equal(fitted.scores_, expected.scores_)
        if isinstance(given, sparse.csr_array):
            assert given.nnz == X.size  # the caller's own matrix keeps its zeros


@pytest.mark.parametrize("binarize", [False, True])
@pytest.mark.parametrize("method", ["correlation", "forward", "lasso", "separation"])
def test_the_order_of_columns_plays_no_part(method, binarize):
    X = activations()
    y = target(X)
    order = np.random.default_rng(5).permutation(X.shape[1])
    selector = NeuronSelector(10, method=method, binarize=binarize)
    expected = set(clone(selector).fit(X, y).selected_)
    assert set(order[clone(selector).fit(X[:, order], y).selected_]) == expected


@pytest.mark.parametrize("method", METHODS)
def test_ties_go_to_the_first_column_every_time(method):
    X = np.repeat(activations(n_neurons=3), 4, axis=1)
    y = target(np.repeat(X, 4, axis=1))
    selector = NeuronSelector(3, method=method, random_state=3)
    runs = [clone(selector).fit(X, y).selected_.tolist() for _ in range(3)]
    assert runs[0] == runs[1] == runs[2]
    if method != "random":
        assert sorted(runs[0]) == [0, 4, 8]


@pytest.mark.parametrize("method", METHODS)
def test_dead_rare_and_constant_neurons_are_never_selected(method):
    X = activations()
    y = target(X)
    bad = [0, 1, 2, 3]
    X[:, 0] = 0.0
    X[:, 1] = (y >= np.sort(y)[-9]) * 5.0  # nine rows, and the best possible ones
    X[:, 2] = 1.0
    X[:, 3] = 1.0 + y - y.min()  # always on: no silent rows to compare with
    fitted = NeuronSelector(36, method=method, random_state=0).fit(X, y)
    assert sorted(fitted.selected_) == list(range(4, 40))
    assert np.isnan(fitted.scores_[bad]).all()


def test_min_support_counts_rows_or_takes_a_share_of_them():
    X = np.zeros((200, 3))
    X[:9, 0], X[:10, 1], X[:30, 2] = 1.0, 1.0, 1.0
    eligible = {
        support: np.flatnonzero(
            ~np.isnan(
                NeuronSelector(1, method="prevalence", min_support=support)
                .fit(X)
                .scores_
            )
        ).tolist()
        for support in (1, 10, 11, 0.15)
    }
    assert eligible == {1: [0, 1, 2], 10: [1, 2], 11: [2], 0.15: [2]}


def test_a_neuron_of_too_few_groups_is_not_selected():
    X = activations(n_neurons=12)
    years = 2020 + np.arange(300) % 4
    X[years < 2023, 5] = 0.0
    X[years < 2022, 6] = 0.0
    n_years = [len(set(years[column > 0])) for column in X.T]
    assert n_years == [4] * 5 + [1, 2] + [4] * 5
    y = X[:, 5] + X[:, 6]
    for form in (X, sparse.csr_array(X)):
        for least in (1, 2, 3):
            fitted = NeuronSelector(10, min_groups=least).fit(form, y, groups=years)
            eligible = {j for j, n in enumerate(n_years) if n >= least}
            assert set(fitted.selected_) <= eligible
            assert (5 in fitted.selected_) == (least == 1)
            assert (6 in fitted.selected_) == (least <= 2)
    with pytest.raises(ValueError, match="min_groups=2 needs the group of each row"):
        NeuronSelector(3, min_groups=2).fit(X, y)
    with pytest.raises(ValueError, match="more than the 4 groups"):
        NeuronSelector(3, min_groups=5).fit(X, y, groups=years)
    with pytest.raises(ValueError, match=r"10 of the 300 rows, in 3 groups\. Lower"):
        NeuronSelector(1, min_groups=3).fit(X[:, 5:7], y, groups=years)


def test_groups_are_routed_when_they_are_needed():
    X = activations()
    y, groups = target(X), np.repeat(np.arange(6), 50)
    pipe = make_pipeline(NeuronSelector(3, min_groups=2), HypothesisRegressor())
    expected = pipe.fit(X, y, neuronselector__groups=groups)[0].selected_
    with config_context(enable_metadata_routing=True):
        routed = clone(pipe).fit(X, y, groups=groups)
        assert routed[0].selected_.tolist() == expected.tolist()
        one = make_pipeline(NeuronSelector(3), HypothesisRegressor())
        with pytest.raises(TypeError, match="groups"):
            one.fit(X, y, groups=groups)
        selector = NeuronSelector(3, min_groups=2).set_fit_request(groups="years")
        assert selector.get_metadata_routing().fit.requests["groups"] == "years"


def test_fewer_eligible_neurons_than_asked_for_are_a_warning_with_the_numbers():
    X = activations(n_neurons=30)
    X[:, 12:] = 0.0
    message = r"Only 12 columns .* n_select=20: 12 of 30 are .*min_support=10"
    for method in METHODS:
        selector = NeuronSelector(20, method=method, random_state=0)
        with pytest.warns(UserWarning, match=message):
            Z = selector.fit(X, target(X)).transform(X)
        assert Z.shape == (300, 12)


def test_near_copies_are_passed_over_and_come_back_last():
    rng = np.random.default_rng(0)
    X = activations(n_rows=500, n_neurons=6)
    copies = X[:, :1] * rng.uniform(0.95, 1.05, size=(500, 4))
    X = np.column_stack([X, copies])
    y = 3 * X[:, 0] + X[:, 1] + 0.5 * X[:, 2] + rng.normal(size=500)
    same = {0, 6, 7, 8, 9}
    options = {"method": "correlation", "binarize": False}
    alone = NeuronSelector(5, max_correlation=1.0, **options).fit(X, y)
    assert set(alone.selected_) == same
    apart = NeuronSelector(3, **options).fit(X, y)
    assert len(same & set(apart.selected_)) == 1
    everything = NeuronSelector(10, **options).fit(X, y).selected_
    assert sorted(everything) == list(range(10))
    assert set(everything[-4:]) < same


@pytest.mark.parametrize("method", ["correlation", "lasso", "forward"])
def test_binarize_scores_the_answers_and_returns_the_activations(method):
    X = activations()
    y = target(X)
    fitted = NeuronSelector(8, method=method).fit(X, y)
    answers = NeuronSelector(8, method=method, binarize=False).fit(X > 0, y)
    assert fitted.selected_.tolist() == answers.selected_.tolist()
    np.testing.assert_array_equal(fitted.transform(X), X[:, fitted.get_support()])


def test_two_numbers_are_classes_and_more_are_a_quantity():
    X = activations()
    y = target(X)
    two, stars = (
        (y > 0) * 5.0 + 1.0,
        np.digitize(y, np.quantile(y, [0.2, 0.4, 0.6, 0.8])) + 1.0,
    )
    for task, labels in (("classification", two), ("regression", stars)):
        automatic = NeuronSelector(8, method="lasso").fit(X, labels).scores_
        told = NeuronSelector(8, method="lasso", task=task).fit(X, labels).scores_
        np.testing.assert_array_equal(automatic, told)
    classes = correlation_score(X, stars, task="classification")
    assert not np.allclose(classes, correlation_score(X, stars))
    np.testing.assert_array_equal(
        classes, correlation_score(X, [f"{s} stars" for s in stars])
    )


@pytest.mark.parametrize(
    "labels", [list, pd.Series, lambda y: pd.Series(y, dtype="category"), np.array]
)
def test_labels_of_any_kind_are_classes(labels):
    X = activations()
    y = target(X, "multiclass")
    expected = NeuronSelector(5).fit(X, y.astype(object)).selected_
    assert NeuronSelector(5).fit(X, labels(y)).selected_.tolist() == expected.tolist()


def test_explicit_columns_by_index_and_by_name():
    X = pd.DataFrame(activations()).add_prefix("sae")
    by_name = NeuronSelector(columns=["sae17", "sae3"]).fit(X)
    assert by_name.selected_.tolist() == [17, 3]
    assert by_name.get_feature_names_out().tolist() == ["sae3", "sae17"]
    by_index = NeuronSelector(columns=np.array([17, 3])).fit(X)
    assert by_index.selected_.tolist() == [17, 3]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([3, 3], "each once"),
        ([], "one or more"),
        ([40], "columns names 40, .* 40 columns"),
        ([-1], "columns names -1"),
        (["sae99"], "columns names 'sae99'.*'x0' to 'x39'"),
        ([True, False], "columns names True"),
        ("sae3", "'columns' parameter"),
    ],
)
def test_explicit_columns_that_make_no_sense_are_refused(columns, message):
    with pytest.raises(ValueError, match=message):
        NeuronSelector(columns=columns).fit(activations())


def test_an_explicit_neuron_that_never_fires_is_kept_with_a_warning():
    # A cross-validation fold may lack its few rows; the fit must not fail there.
    X = activations()
    X[:, 5] = 0.0
    with pytest.warns(UserWarning, match="fire on no row: x5"):
        assert NeuronSelector(columns=[5]).fit(X).selected_.tolist() == [5]


def test_a_function_scores_the_whole_of_x_as_it_came():
    X = sparse.csr_array(activations())
    y = target(X.toarray())
    seen = []

    def score(X, y):
        seen.append((type(X), X.shape))
        return -np.arange(float(X.shape[1]))

    fitted = NeuronSelector(3, method=score, max_correlation=1.0).fit(X, y)
    assert seen == [(sparse.csr_array, X.shape)]
    assert fitted.selected_.tolist() == [39, 38, 37]  # farthest from 0, of any sign


def test_functions_of_scikit_learn_and_of_our_own_with_options():
    X = activations()
    y = target(X)
    correlation = NeuronSelector(
        6, method="correlation", binarize=False, max_correlation=1.0
    )
    by_f = NeuronSelector(6, method=f_regression, max_correlation=1.0)
    assert by_f.fit(X, y).selected_.tolist() == correlation.fit(X, y).selected_.tolist()
    plain = partial(separation_score, n_top=50, standardize=False)
    fitted = clone(NeuronSelector(6, method=plain)).fit(X, y)
    np.testing.assert_array_equal(fitted.scores_, plain(X, y))


def test_a_score_of_nan_is_never_selected_and_a_wrong_shape_refused():
    X = activations(n_neurons=10)
    y = target(X)
    scores = np.r_[np.full(7, np.nan), 0.0, 1.0, 2.0]
    with pytest.warns(UserWarning, match="Only 3"):
        fitted = NeuronSelector(5, method=lambda X, y: scores).fit(X, y)
    assert fitted.selected_.tolist() == [9, 8, 7]
    with pytest.raises(ValueError, match=r"each of the 10 columns.*\(3,\)"):
        NeuronSelector(5, method=lambda X, y: scores[:3]).fit(X, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.r_[np.nan, np.ones(298), np.inf], "2 of 300 rows, at row position 0, 299"),
        (["a"] * 150 + [None] + ["b"] * 149, "row position 150"),
        (np.full(300, 4.0), r"constant: each of its 300 values is .*4\.0"),
        (["a"] * 300, "one class only"),
        (np.arange(299.0), "inconsistent numbers of samples"),
        (np.ones((300, 2)), "1d array"),
        (None, "requires y to be passed"),
    ],
)
@pytest.mark.parametrize("method", ["forward", "lasso", "separation", f_regression])
def test_a_useless_target_is_refused(method, y, message):
    with pytest.raises(ValueError, match=message):
        NeuronSelector(5, method=method).fit(activations(), y)


@pytest.mark.parametrize(
    ("parameters", "rows", "message"),
    [
        ({"n_select": 20}, 19, "n_select=20 .* n_samples=19"),
        ({"n_select": 1}, 1, "n_samples=1"),
        ({"n_select": 0}, 300, "n_select"),
        ({"method": "spearman"}, 300, "method"),
        ({"method": [3]}, 300, "method"),
        ({"min_support": 0.9}, 300, "min_support"),
        ({"max_correlation": 1.5}, 300, "max_correlation"),
        ({"task": "ranking"}, 300, "task"),
    ],
)
def test_impossible_parameters_are_refused(parameters, rows, message):
    X = activations()
    with pytest.raises(ValueError, match=message):
        NeuronSelector(**parameters).fit(X[:rows], target(X)[:rows])


def test_more_than_there_are_is_all_of_them_and_a_warning():
    X = activations()
    with pytest.warns(UserWarning, match="Only 40 columns .* n_select=41"):
        selector = NeuronSelector(41, method="prevalence").fit(X)
    assert selector.get_support().all()


def test_oversampling_selects_the_first_columns_of_a_longer_selection():
    X = activations()
    twice = NeuronSelector(4, oversample=2).fit(X, target(X))
    np.testing.assert_array_equal(
        twice.selected_, NeuronSelector(8).fit(X, target(X)).selected_
    )
    everything = NeuronSelector(30, oversample=2, method="prevalence").fit(X)
    assert everything.get_support().all()  # no warning: there are more than 30


def test_no_neuron_that_fires_is_an_error_with_the_numbers():
    X = np.zeros((300, 40))
    with pytest.raises(ValueError, match=r"None of the 40 columns .* 10 of the 300"):
        NeuronSelector(5).fit(X, np.arange(300.0))


def test_words_are_no_quantity():
    X = activations()
    with pytest.raises(ValueError, match="regression needs numbers"):
        NeuronSelector(5, task="regression").fit(X, target(X, "binary"))


@pytest.mark.parametrize("transform", ["default", "pandas"])
@pytest.mark.parametrize("kind", ["dense", "sparse", "mixed"])
def test_frames_keep_texts_and_names_and_become_dense(kind, transform):
    X = activations().astype(np.float32)
    names = [f"sae{i}" for i in range(40)]
    frame = pd.DataFrame(X, columns=names, index=pd.Index(range(7, 307), name="id"))
    if kind != "dense":
        frame = frame.astype(pd.SparseDtype(np.float32, 0.0))
    if kind == "mixed":
        frame = frame.assign(sae0=X[:, 0])
    frame = with_texts(frame, [f"text {i}" for i in range(300)])
    selector = NeuronSelector(5).set_output(transform=transform)
    Z = selector.fit_transform(frame, target(X))
    assert Z.index.equals(frame.index)
    assert Z.columns.tolist() == selector.get_feature_names_out().tolist()
    assert set(Z.dtypes) == {np.dtype(np.float32)}
    np.testing.assert_array_equal(Z.to_numpy(), X[:, np.sort(selector.selected_)])


def test_columns_leave_in_the_order_of_the_input():
    # selected_ tells the order of choice, as it does not show in the output.
    X = activations()
    fitted = NeuronSelector(6).fit(X, target(X))
    assert fitted.selected_.tolist() != sorted(fitted.selected_)
    assert fitted.get_support(indices=True).tolist() == sorted(fitted.selected_)
    np.testing.assert_array_equal(
        fitted.inverse_transform(fitted.transform(X)),
        np.where(fitted.get_support(), X, 0.0),
    )


def test_frames_with_other_columns_are_refused():
    X = pd.DataFrame(activations()).add_prefix("sae")
    fitted = NeuronSelector(5).fit(X, target(X.to_numpy()))
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.transform(X.rename(columns={"sae0": "other"}))


def test_sparse_input_leaves_sparse_and_a_pickle_says_the_same():
    X = sparse.csr_array(activations())
    fitted = NeuronSelector(5).fit(X, target(X.toarray()))
    again = pickle.loads(pickle.dumps(fitted))
    assert sparse.issparse(again.transform(X))
    np.testing.assert_array_equal(
        again.transform(X).toarray(), X.toarray()[:, fitted.get_support()]
    )


def test_random_repeats_with_its_seed_only():
    X = activations()
    picks = [
        NeuronSelector(8, method="random", random_state=seed).fit(X).selected_.tolist()
        for seed in (0, 0, 1)
    ]
    assert picks[0] == picks[1] != picks[2]


@pytest.mark.parametrize("method", METHODS)
def test_a_wide_sparse_matrix_is_never_dense(method):
    # 2,000 x 500,000 would take 8 GB.
    rng = np.random.default_rng(0)
    n_rows, n_neurons = 2_000, 500_000
    columns = rng.integers(0, 100, size=(n_rows, 8)) * 5_000
    rows = np.repeat(np.arange(n_rows), 8)
    entries = (rng.gamma(2.0, size=rows.size), (rows, columns.ravel()))
    X = sparse.csr_array(sparse.coo_array(entries, shape=(n_rows, n_neurons)))
    y = X[:, [5_000]].toarray().ravel() - X[:, [10_000]].toarray().ravel()
    y += rng.normal(size=n_rows)
    fitted = NeuronSelector(5, method=method, random_state=0).fit(X, y)
    assert (fitted.selected_ % 5_000 == 0).all()
    if method not in ("prevalence", "random"):
        assert {5_000, 10_000} <= set(fitted.selected_)


def test_it_selects_among_columns_that_are_no_activations():
    # Numeric controls, or whatever a third-party step returned: always on.
    X = np.random.default_rng(0).uniform(1.0, 2.0, size=(100, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert NeuronSelector(1).fit(X, X[:, 3]).selected_.tolist() == [3]
    pipeline = make_pipeline(StandardScaler(), NeuronSelector(1)).fit(X, X[:, 3])
    assert pipeline[-1].selected_.tolist() == [3]


WEIGHTED = ["correlation", "forward", "lasso"]


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("method", WEIGHTED)
def test_a_weight_counts_as_so_many_equal_rows(method, kind):
    X = activations()
    y = target(X, kind)
    weight = np.random.default_rng(4).integers(0, 4, size=len(X))
    selector = NeuronSelector(8, method=method)
    weighted = clone(selector).fit(X, y, sample_weight=0.3 * weight)
    repeated = clone(selector).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert weighted.selected_.tolist() == repeated.selected_.tolist()
    np.testing.assert_allclose(weighted.scores_, repeated.scores_, atol=1e-5)
    assert weighted.selected_.tolist() != clone(selector).fit(X, y).selected_.tolist()


@pytest.mark.parametrize("standardize", [False, True])
def test_weighted_separation_follows_its_definition(standardize):
    X = activations(n_neurons=10)
    y = target(X)
    w = np.random.default_rng(4).uniform(0.0, 3.0, size=len(X))
    w[:30] = 0.0
    got = separation_score(X, y, n_top=40, standardize=standardize, sample_weight=w)
    deviation = np.sqrt(np.cov(y, aweights=w, ddof=0))
    for column, score in zip(X.T, got, strict=True):
        order = [i for i in np.argsort(-column) if column[i] > 0 and w[i] > 0]
        top, silent = order[:40], [i for i in range(len(y)) if column[i] <= 0]
        expected = np.average(y[top], weights=w[top])
        expected -= np.average(y[silent], weights=w[silent])
        if standardize:
            n_top, n_silent = (
                w[rows].sum() ** 2 / (w[rows] ** 2).sum() for rows in (top, silent)
            )
            expected /= deviation * np.sqrt(1 / n_top + 1 / n_silent)
        assert score == pytest.approx(expected)


def test_weights_reach_a_selector_in_a_pipeline_and_a_function():
    X = activations()
    y, weight = target(X), np.r_[np.ones(150), np.zeros(150)]
    expected = NeuronSelector(5).fit(X[:150], y[:150]).selected_.tolist()
    with config_context(enable_metadata_routing=True):
        selector = NeuronSelector(5).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(selector).fit(X, y, sample_weight=weight)
    assert pipeline[0].selected_.tolist() == expected
    function = NeuronSelector(5, method=correlation_score)
    scores = function.fit(X, y, sample_weight=weight).scores_
    alone = correlation_score(X[:150], y[:150])
    np.testing.assert_allclose(scores, alone)


def test_weights_that_make_no_sense_are_refused():
    X = activations()
    for weight, message in (
        (np.zeros(300), "0 for every row|non-zero number"),
        (-np.ones(300), "Negative values"),
        (np.ones(299), r"sample_weight.shape"),
    ):
        with pytest.raises(ValueError, match=message):
            NeuronSelector(5).fit(X, target(X), sample_weight=weight)


def test_categories_that_are_numbers_stay_classes():
    # What y is was decided once; a method must not decide it again.
    X = activations()
    y = np.digitize(target(X), [0.0, 2.0])
    expected = NeuronSelector(5, task="classification").fit(X, y).selected_
    fitted = NeuronSelector(5).fit(X, pd.Series(y, dtype="category"))
    assert fitted.selected_.tolist() == expected.tolist()
