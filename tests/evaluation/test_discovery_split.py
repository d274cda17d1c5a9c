"""DiscoverySplit: hypotheses on one part of the rows, tests on the other."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_get_params_invariance

from sklearn_hsae import (
    ConceptAnnotator,
    DiscoverySplit,
    HypothesisClassifier,
    HypothesisRegressor,
    NeuronSelector,
    evaluate_hypotheses,
    make_hypothesis_pipeline,
    with_texts,
    write_report,
)

N_ROWS, N_NEURONS = 200, 30


def finder(n_select=5, last=None, **options):
    """A pipeline without texts: the neurons that go with y are the hypotheses."""
    last = HypothesisRegressor(correction="holm") if last is None else last
    select = NeuronSelector(n_select, method="correlation", **options)
    return Pipeline([("select", select), ("regress", last)])


def neurons(rng, n_rows=N_ROWS):
    return rng.integers(2, size=(n_rows, N_NEURONS)).astype(float)


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    X = neurons(rng)
    return X, X[:, 3] - X[:, 8] + rng.normal(size=N_ROWS)


def test_noise_is_found_at_alpha_and_not_more():
    # The 5 of 30 columns of noise that go best with noise: tested on the same rows,
    # some are significant far too often.
    rng, n_draws, found = np.random.default_rng(1), 120, np.zeros(2)
    model = DiscoverySplit(finder(), random_state=rng.integers(1000))
    for _ in range(n_draws):
        X, y = neurons(rng), rng.normal(size=N_ROWS)
        found[0] += model.fit(X, y).summary_["significant"].any()
        found[1] += finder().fit(X, y)[-1].summary_["significant"].any()
    error = np.sqrt(0.05 * 0.95 / n_draws)
    assert found[0] / n_draws < 0.05 + 3 * error
    assert found[0] > 0
    assert found[1] / n_draws > 0.15


def test_each_part_does_its_work_and_no_row_is_in_both(rows):
    X, y = rows
    model = DiscoverySplit(finder(), discovery_fraction=0.3, random_state=0).fit(X, y)
    found, tested = model.discovery_rows_, model.inference_rows_
    assert len(found) == 60 and len(tested) == 140
    assert sorted([*found, *tested]) == list(range(N_ROWS))
    select = NeuronSelector(5, method="correlation").fit(X[found], y[found])
    expected = HypothesisRegressor(correction="holm").fit(
        select.transform(X[tested]), y[tested]
    )
    table = model.summary_
    np.testing.assert_allclose(table["p"], expected.summary_["p"])
    np.testing.assert_allclose(table["coefficient"], expected.coef_)
    np.testing.assert_allclose(model.predict(X), expected.predict(select.transform(X)))
    assert model.score(X, y) == pytest.approx(expected.score(select.transform(X), y))
    assert "held out" in table.attrs["p_values"]
    assert "post-selection" in finder().fit(X, y)[-1].summary_.attrs["p_values"]


def test_groups_stay_together(rows):
    X, y = rows
    groups = np.arange(N_ROWS) // 4
    model = DiscoverySplit(finder(), random_state=0).fit(X, y, groups=groups)
    found, tested = groups[model.discovery_rows_], groups[model.inference_rows_]
    assert not set(found) & set(tested)
    assert len(set(found)) == len(set(tested)) == 25
    with config_context(enable_metadata_routing=True):
        requested = DiscoverySplit(finder(), random_state=0).set_fit_request(
            groups=True
        )
        scores = cross_val_score(requested, X, y, params={"groups": groups}, cv=2)
    assert np.isfinite(scores).all()


def test_both_parts_have_the_classes_in_equal_shares(rows):
    X, _ = rows
    y = np.array(["rare"] * 20 + ["common"] * 180)
    model = DiscoverySplit(finder(last=HypothesisClassifier()), random_state=0)
    model.fit(X, y)
    assert (y[model.discovery_rows_] == "rare").sum() == 10
    assert model.classes_.tolist() == ["common", "rare"]
    assert set(model.predict(X)) <= {"common", "rare"}
    assert model.predict_proba(X).shape == (N_ROWS, 2)
    assert model.decision_function(X).shape == (N_ROWS,)
    assert is_classifier(model) and not is_regressor(model)
    assert is_regressor(DiscoverySplit(finder()))
    assert not hasattr(DiscoverySplit(finder()), "predict_proba")


def test_parameters_clone_and_pickle(rows):
    X, y = rows
    model = DiscoverySplit(finder(), random_state=0)
    check_get_params_invariance("DiscoverySplit", model)
    model.set_params(estimator__select__n_select=2, discovery_fraction=0.4)
    assert clone(model).get_params()["estimator__select__n_select"] == 2
    model.fit(X, y)
    assert len(model.summary_) == 2
    assert not hasattr(model.estimator[0], "support_")  # it is cloned
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.n_features_in_ == N_NEURONS
    same = clone(model).fit(X, y)
    np.testing.assert_array_equal(same.inference_rows_, model.inference_rows_)


def test_a_search_inside_looks_at_the_discovery_part_alone(rows):
    X, y = rows
    grid = {"select__n_select": [1, 2, 4]}
    model = DiscoverySplit(GridSearchCV(finder(), grid, cv=3), random_state=0)
    model.fit(X, y)
    found = model.discovery_rows_
    search = GridSearchCV(finder(), grid, cv=3).fit(X[found], y[found])
    assert model.estimator_[0].n_select == search.best_params_["select__n_select"]
    assert (model.summary_["n"] == len(model.inference_rows_)).all()
    with pytest.raises(ValueError, match="pass refit=True"):
        DiscoverySplit(GridSearchCV(finder(), grid, refit=False)).fit(X, y)


def test_a_search_around_it(rows):
    X, y = rows
    grid = {"estimator__select__n_select": [1, 4], "discovery_fraction": [0.3, 0.5]}
    search = GridSearchCV(DiscoverySplit(finder(), random_state=0), grid, cv=2)
    search.fit(X, y)
    assert search.best_params_["estimator__select__n_select"] == 4
    new = evaluate_hypotheses(search, X, y)
    assert new.table["hypothesis"].tolist() == list(
        search.best_estimator_.summary_["hypothesis"]
    )


def test_weights_are_split_as_the_rows_are(rows):
    X, y = rows
    weights = np.random.default_rng(2).uniform(0.1, 2, N_ROWS)
    plain = DiscoverySplit(finder(), random_state=0).fit(
        X, y, select__sample_weight=weights, regress__sample_weight=weights
    )
    found, tested = plain.discovery_rows_, plain.inference_rows_
    select = NeuronSelector(5, method="correlation").fit(
        X[found], y[found], sample_weight=weights[found]
    )
    expected = HypothesisRegressor(correction="holm").fit(
        select.transform(X[tested]), y[tested], sample_weight=weights[tested]
    )
    np.testing.assert_allclose(plain.summary_["p"], expected.summary_["p"])
    with config_context(enable_metadata_routing=True):
        pipe = finder()
        pipe[0].set_fit_request(sample_weight=True)
        pipe[1].set_fit_request(sample_weight=True).set_score_request(
            sample_weight=True
        )
        routed = DiscoverySplit(pipe, random_state=0)
        routed.fit(X, y, sample_weight=weights)
        score = routed.score(X, y, sample_weight=weights)
    np.testing.assert_allclose(routed.summary_["p"], expected.summary_["p"])
    assert score == pytest.approx(
        expected.score(select.transform(X), y, sample_weight=weights)
    )


@pytest.mark.parametrize("kind", ["list", "series", "frame", "polars"])
def test_texts_in_any_container(reviews, kind):
    pipe = make_hypothesis_pipeline(
        n_neurons=16, k=3, n_select=4, random_state=0, judge="keyphrase"
    ).set_params(sae__max_epochs=3)
    texts, y = list(reviews.texts), reviews.target
    X = {
        "list": texts,
        "series": pd.Series(texts, index=np.arange(len(texts)) + 7),
        "frame": pd.DataFrame({"review": texts}),
        "polars": pl.DataFrame({"review": texts}),
    }[kind]
    if kind == "polars":
        pipe.set_output(transform="polars")
    model = DiscoverySplit(pipe, random_state=0).fit(X, y)
    assert (model.summary_["n"] == 120).all()
    assert model.predict(X).shape == (240,)
    assert list(model.summary_["hypothesis"]) == list(model.estimator_[-2].concepts_)


def test_discovery_rows_are_not_judged_and_the_others_once():
    # A judgement may cost money.
    judged = []

    class Counting(ConceptAnnotator):
        def _annotate(self, texts):
            judged.extend(texts)
            return super()._annotate(texts)

    texts = [f"cold soup {i}" if i % 2 else f"warm bread {i}" for i in range(80)]
    X = with_texts(np.eye(2)[np.arange(80) % 2], texts)
    y = np.random.default_rng(0).normal(size=80)
    concepts = ["mentions cold soup", "mentions a 1, 2, 3, 4, 5"]
    pipe = make_pipeline(Counting(concepts, judge="keyphrase"), HypothesisRegressor())
    model = DiscoverySplit(pipe, random_state=0).fit(X, y)
    assert judged == [texts[i] for i in model.inference_rows_]


@pytest.mark.parametrize(
    "estimator, message",
    [
        (HypothesisRegressor(), "expects a Pipeline that finds"),
        (make_pipeline(HypothesisRegressor()), "expects a Pipeline that finds"),
        (make_pipeline(NeuronSelector(1), LinearRegression()), "got LinearRegression"),
    ],
)
def test_other_estimators_are_refused_with_the_way_out(rows, estimator, message):
    with pytest.raises(ValueError, match=message):
        DiscoverySplit(estimator).fit(*rows)


def test_bad_rows_are_named(rows):
    X, y = rows
    model = DiscoverySplit(finder())
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, y[:-1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, y, groups=np.zeros(3))
    with pytest.raises(ValueError, match="All rows are of one group"):
        model.fit(X, y, groups=np.zeros(len(y)))
    with pytest.raises(ValueError, match="discovery_fraction"):
        DiscoverySplit(finder(), discovery_fraction=1.0).fit(X, y)
    with pytest.raises(NotFittedError):
        model.predict(X)
    with pytest.raises(NotFittedError):
        evaluate_hypotheses(model, X, y)


def test_rows_of_the_discovery_part_are_no_test(tmp_path):
    """As with X_train, a warning says how many are known."""
    texts = np.array([f"text {i} {'good' * (i % 2)}" for i in range(200)], dtype=object)
    y = np.random.default_rng(0).normal(size=200) + np.arange(200) % 2
    pipe = make_pipeline(
        FunctionTransformer(_has_good), NeuronSelector(1), HypothesisRegressor()
    )
    model = DiscoverySplit(pipe, random_state=0).fit(texts, y)
    with pytest.warns(UserWarning, match="100 of 200 texts to test on") as caught:
        evaluate_hypotheses(model, texts, y)
    found, estimated = (str(warning.message) for warning in caught)
    assert "DiscoverySplit found them on" in found and "too small" in found
    assert "DiscoverySplit estimated the effects on" in estimated
    part = model.inference_rows_
    with pytest.warns(UserWarning, match="The p-values hold. But the scores that"):
        evaluation = evaluate_hypotheses(model, texts[part], y[part])
    assert "estimated on texts on which the hypotheses were not" in evaluation.methods()
    write_report(evaluation, tmp_path / "r.html", texts=texts[part])
    with pytest.raises(ValueError, match="100 of 100 texts are in another order than"):
        write_report(evaluation, tmp_path / "r.html", texts=np.roll(texts[part], 1))
    with pytest.raises(ValueError, match="1 of 100 texts are others than those"):
        write_report(evaluation, tmp_path / "r.html", texts=[*texts[part][:-1], "x"])


def _has_good(texts):
    return np.array([["good" in text, len(text) % 2] for text in texts]) * 1.0
