"""Pairs of texts through one plain Pipeline, with the real model and no LLM."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.base import clone
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline

from sklearn_hsae import (
    DiscoverySplit,
    EmbeddingTransformer,
    NeuronSelector,
    evaluate_hypotheses,
    make_hypothesis_pipeline,
)
from sklearn_hsae.evaluation import selection_stability, stability
from sklearn_hsae.evaluation._ceilings import ceiling_table


@pytest.fixture(scope="module")
def pairs(reviews):
    """120 pairs of reviews; which of the two has the higher rating."""
    half = len(reviews.texts) // 2
    frame = pd.DataFrame({"a": reviews.texts[:half], "b": reviews.texts[half:]})
    difference = reviews.target[:half] - reviews.target[half:]
    return frame.assign(difference=difference, a_wins=difference > 0)


def make_pipe(task="classification", **options):
    pipe = make_hypothesis_pipeline(
        task=task, pairs=True, n_neurons=16, k=3, n_select=4, random_state=0, **options
    )
    return pipe.set_params(sae__max_epochs=5)


@pytest.fixture(scope="module")
def fitted(pairs):
    return make_pipe().fit(pairs[["a", "b"]], pairs["a_wins"])


def swapped(frame):
    return list(zip(frame["b"], frame["a"], strict=True))


def test_a_swapped_pair_has_the_mirrored_probability(fitted, pairs):
    assert type(fitted) is Pipeline
    shares = fitted.predict_proba(pairs[["a", "b"]])
    mirrored = fitted.predict_proba(swapped(pairs))
    np.testing.assert_allclose(mirrored, shares[:, ::-1], atol=1e-12)


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_the_order_of_a_pair_changes_no_estimate(fitted, pairs, task):
    # Behind the judge: which neurons exist depends on the order of the rows.
    annotations = fitted[:-1].transform(pairs[["a", "b"]])
    assert set(np.unique(annotations)) == {-1.0, 0.0, 1.0}
    y = pairs["a_wins" if task == "classification" else "difference"].to_numpy()
    last = make_pipe(task)[-1]
    swap = np.random.default_rng(0).random(len(y)) < 0.5
    other = annotations * np.where(swap, -1, 1)[:, None]
    z = np.where(swap, ~y if task == "classification" else -y, y)
    table, again = (
        clone(last).fit(*rows).summary_ for rows in ((annotations, y), (other, z))
    )
    columns = ["separation", "separation_p", "coefficient", "standard_error", "p"]
    np.testing.assert_allclose(table[columns], again[columns], rtol=1e-6)
    # The null model is a difference of 0, or a toss of a coin, in either order.
    last = clone(last).fit(annotations, y)
    metrics, mirrored = (
        last.evaluate(*rows)[1] for rows in ((annotations, y), (other, z))
    )
    assert mirrored == pytest.approx(metrics, rel=1e-6)
    assert last.score(other, z) == pytest.approx(last.score(annotations, y))
    if task == "regression":
        error = np.square(y - last.predict(annotations)).sum()
        assert metrics["r2"] == pytest.approx(1 - error / np.square(y).sum())
        assert last.score(annotations, y) == metrics["r2"]
    else:
        shares = sm.Logit(y * 1.0, annotations.to_numpy()).fit(disp=False)
        explained = 1 - shares.llf / (len(y) * np.log(0.5))
        assert metrics["mcfadden_in_sample"] == pytest.approx(explained)
        score = last.decision_function(annotations)
        wins, scores = np.concatenate([y, ~y]), np.concatenate([score, -score])
        assert metrics["auc"] == pytest.approx(roc_auc_score(wins, scores))
        precision = average_precision_score(wins, scores)
        assert metrics["average_precision"] == pytest.approx(precision)
        # A pair without any difference is a toss of a coin.
        points = np.where(score == 0, 0.5, (score > 0) == y)
        assert (score == 0).any() and metrics["accuracy"] == points.mean()
        assert last.score(annotations, y) == points.mean()


def test_the_ceilings_do_not_depend_on_the_order_of_a_pair():
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(2, 150, 4))
    y = parts[:, :, 0] + rng.normal(size=(2, 150)) > 0
    swap = rng.random((2, 150)) < 0.5
    others, z = np.where(swap[:, :, None], -parts, parts), y ^ swap
    classes, options = np.array([False, True]), {"has_intercept": False}
    metrics = dict.fromkeys(["auc", "auc_low", "auc_high", "n_hypotheses"], 0.0)
    table, mirrored = (
        ceiling_table({"neurons": A}, u, {"neurons": B}, v, classes, metrics, **options)
        for (A, B), (u, v) in ((parts, y), (others, z))
    )
    pd.testing.assert_frame_equal(table, mirrored)
    assert table["auc_low"]["neurons"] > 0.5


def test_annotations_are_those_of_the_single_texts(fitted, pairs):
    single = [
        fitted["annotate"].judge_.judge(pairs[side].to_numpy(object))
        for side in ("a", "b")
    ]
    annotations = fitted[:-1].transform(pairs[["a", "b"]])
    np.testing.assert_array_equal(annotations, single[0] - single[1])
    assert annotations.index.equals(pairs.index)


def test_a_sample_of_the_rows_is_a_sample_of_pairs(pairs):
    pipe = make_pipe().set_params(annotate__fit_sample=30)
    annotations = pipe[:-1].fit_transform(pairs[["a", "b"]], pairs["a_wins"])
    assert annotations.notna().all(axis=1).sum() == 30


def test_lists_arrays_and_frames_of_pairs_give_the_same_rows(pairs):
    embed = EmbeddingTransformer()
    frame = embed.fit_transform(pairs[["a", "b"]][:5])
    assert frame.shape == (10, 384)
    texts = pairs["a"][:5].tolist() + pairs["b"][:5].tolist()
    assert frame.index.get_level_values("text").tolist() == texts
    rows = list(zip(pairs["a"][:5], pairs["b"][:5], strict=True))
    for X in (rows, np.array(rows), pd.Series(rows), [list(row) for row in rows]):
        np.testing.assert_array_equal(embed.fit_transform(X), frame)
    difference = EmbeddingTransformer(carry_texts=False).fit_transform(rows)
    np.testing.assert_array_equal(difference, frame[:5].values - frame[5:].values)


def test_the_selection_does_not_depend_on_the_order_of_a_pair():
    rng = np.random.default_rng(0)
    sides = rng.random((2, 200, 12)) * (rng.random((2, 200, 12)) < 0.3)
    y = sides[0, :, 3] - sides[1, :, 3] + sides[1, :, 8] - sides[0, :, 8] > 0
    swap = rng.random(200) < 0.5
    other, z = sides.copy(), y ^ swap
    other[:, swap] = sides[::-1, swap]
    texts = [f"text {i}" for i in range(400)]
    embedded = EmbeddingTransformer().fit_transform(
        list(zip(texts[:200], texts[200:], strict=True))
    )
    for method in ("forward", "lasso", "correlation", "separation"):
        selected = [
            NeuronSelector(2, method=method)
            .fit(pd.DataFrame(np.vstack(values), index=embedded.index), outcome)
            .selected_.tolist()
            for values, outcome in ((sides, y), (other, z))
        ]
        assert selected[0] == selected[1]
        assert set(selected[0]) == {3, 8}


# Its held-out rows are among those that it learnt from.
@pytest.mark.filterwarnings("ignore:60 of 120 texts")
def test_a_search_with_groups_and_without_a_judge(pairs):
    pipe = make_pipe().set_params(interpret="passthrough", annotate="passthrough")
    X, groups = pairs[["a", "b"]], np.arange(len(pairs)) // 3
    search = GridSearchCV(
        pipe, {"select__n_select": [2, 3]}, cv=GroupKFold(2), error_score="raise"
    )
    search.fit(X, pairs["a_wins"], groups=groups)
    evaluation = evaluate_hypotheses(
        search, X, pairs["a_wins"], X_train=X[:60], y_train=pairs["a_wins"][:60]
    )
    assert len(evaluation.annotations) == len(pairs)
    assert evaluation.ceilings.index[-1] == "hypotheses"


def test_a_discovery_split_keeps_groups_together(pairs):
    groups = np.arange(len(pairs)) // 3
    pipe = make_pipe("regression").set_params(regress__cov_type="cluster")
    model = DiscoverySplit(pipe, random_state=0)
    model.fit(pairs[["a", "b"]], pairs["difference"], groups=groups)
    assert not set(groups[model.discovery_rows_]) & set(groups[model.inference_rows_])
    assert model.summary_["n"].eq(60).all()


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([("a", "b"), ("a",)], "1 of 2 rows are no pair of two texts, at row pos.* 1"),
        ([("a", "b"), "a"], "no pair of two texts, at row position 1"),
        ([("a", "b"), ("a", None)], r"\(second texts\).*1 missing .* row position 1"),
        ([(" ", "b"), ("a", "b")], r"\(first texts\).*1 empty at row position 0"),
        ([("a", "a"), ("a", "b")], "1 pairs of two equal texts, at row position 0"),
        (
            pd.DataFrame([["a", "b", "c"]], columns=["x", "y", "z"]),
            "3 columns, 'x', 'y', 'z'.*frame",
        ),
    ],
)
def test_rows_that_are_no_pairs_are_named(X, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingTransformer().fit(X)


@pytest.mark.parametrize(
    ("task", "y", "message"),
    [
        ("regression", [0.0, 1.0], "y - 0.5"),
        ("classification", ["a", "b", "tie"], "3 classes.*Leave ties out"),
        ("classification", ["a"], "Swap the texts of a random half"),
    ],
)
def test_an_outcome_that_cannot_be_mirrored_is_refused(pairs, task, y, message):
    y = np.resize(y, len(pairs))
    with pytest.raises(ValueError, match=message):
        make_pipe(task).fit(pairs[["a", "b"]], y)


@pytest.mark.parametrize("judged", [False, True])
def test_pairs_need_a_last_step_that_knows_of_them(pairs, judged):
    pipe = make_pipe().set_params(regress__pairs=False)
    if not judged:
        pipe.set_params(interpret="passthrough", annotate="passthrough")
    with pytest.raises(ValueError, match="pairs=True"):
        pipe.fit(pairs[["a", "b"]], pairs["a_wins"])


def test_rows_that_were_moved_behind_the_embedding_are_found(fitted, pairs):
    activations = fitted[:4].transform(pairs[["a", "b"]])
    with pytest.raises(ValueError, match="dropped or moved rows"):
        fitted["annotate"].transform(activations.iloc[1:])


# A short training on so few texts gives few neurons.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("resample", ["seed", "bootstrap"])
def test_stability_draws_whole_pairs(fitted, pairs, resample):
    X, y = pairs[["a", "b"]], pairs["a_wins"].to_numpy()
    options = {"n_repeats": 1, "resample": resample, "random_state": 0}
    table = stability(fitted, X, y, **options)
    assert table["n_repeats"].eq(1).all() and len(table) == 4


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_selection_on_halves_of_the_pairs(fitted, pairs):
    X, y = pairs[["a", "b"]], pairs["a_wins"].to_numpy()
    table = selection_stability(fitted, X, y, n_pairs=2, random_state=0)
    # By hand: each half of the pairs, as frames of its own before the embedding.
    rng, counts = np.random.RandomState(0), np.zeros(16)
    for _ in range(2):
        order = rng.permutation(len(y))
        for half in (order[: len(y) // 2], order[len(y) // 2 :]):
            half = np.sort(half)
            activations = fitted[:2].transform(X.iloc[half])
            counts += clone(fitted["select"]).fit(activations, y[half]).get_support()
    expected = np.sort(counts[counts > 0] / 4)[::-1]
    np.testing.assert_allclose(table["frequency"], expected)


@pytest.mark.filterwarnings("ignore:Only")
def test_known_pairs_are_found_in_any_order(fitted, pairs):
    X, y = pairs[["a", "b"]], pairs["a_wins"].to_numpy()
    with pytest.warns(UserWarning, match="120 of 120 texts to test on are also in"):
        evaluation = evaluate_hypotheses(
            fitted, swapped(pairs), ~y, X_train=X, y_train=y
        )
    methods = evaluation.methods()
    assert "on 120 pairs of texts" in methods and "there is no intercept" in methods


def test_the_selector_refuses_categories_beside_pairs(pairs):
    X = pairs.assign(shop="A").set_index("shop")[["a", "b"]]
    pipe = make_pipe().set_params(select__controls=["shop"])[:3]
    with pytest.raises(ValueError, match="'shop' holds categories, such as 'A'"):
        pipe.fit(X, pairs["a_wins"].to_numpy())
