"""Every use that people make of a Pipeline, with the real model and no LLM."""

import pickle
import warnings
from decimal import Decimal
from itertools import product

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    make_column_transformer,
)
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingRegressor, StackingRegressor, VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_val_score,
    learning_curve,
    train_test_split,
)
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_hsae import (
    ConceptAnnotator,
    EmbeddingTransformer,
    HypothesisClassifier,
    HypothesisRegressor,
    KeyphraseInterpreter,
    MatryoshkaSAETransformer,
    NeuronSelector,
    drop_texts,
    evaluate_hypotheses,
    make_hypothesis_pipeline,
    safe_names,
    with_texts,
)
from sklearn_hsae.sae._kernels import suitable_threads

N_SELECT = 4


@pytest.fixture(scope="module")
def embeddings(reviews):
    return EmbeddingTransformer().fit_transform(reviews.texts).to_numpy()


def make_pipe(**options):
    """The pipeline, small enough to be fitted in a second."""
    pipe = make_hypothesis_pipeline(
        n_neurons=16, k=3, n_select=N_SELECT, random_state=0, **options
    )
    return pipe.set_params(sae__max_epochs=5)


def without_interpretation(pipe):
    return pipe.set_params(interpret="passthrough", annotate="passthrough")


@pytest.fixture(scope="module")
def fitted(reviews):
    return make_pipe().fit(reviews.texts, reviews.target)


def test_it_is_a_plain_pipeline(fitted):
    assert type(fitted) is Pipeline
    names = ["embed", "sae", "select", "interpret", "annotate", "choose", "regress"]
    assert list(fitted.named_steps) == names


def test_twice_as_many_neurons_are_named_and_the_best_concepts_are_hypotheses(fitted):
    assert len(fitted["select"].get_feature_names_out()) == 2 * N_SELECT
    hypotheses = fitted["regress"].feature_names_in_
    assert len(hypotheses) == N_SELECT
    assert set(hypotheses) < set(fitted["interpret"].concepts_)


def test_fit_predict_score_equal_the_steps_by_hand(fitted, reviews):
    # What the Pipeline must compute, written without any pipeline.
    X = EmbeddingTransformer().fit_transform(reviews.texts)
    sae = MatryoshkaSAETransformer(
        16, 3, prefixes=None, max_epochs=5, random_state=0
    ).set_params(target_weight=fitted["sae"].target_weight)
    A = sae.fit_transform(X, reviews.target)
    A = NeuronSelector(2 * N_SELECT).fit(A, reviews.target).transform(A)
    C = KeyphraseInterpreter(random_state=0).fit_transform(A)
    H = ConceptAnnotator().fit_transform(C)
    choose = NeuronSelector(N_SELECT, method="lasso", binarize=False)
    H = choose.fit(H, reviews.target).transform(H)
    last = HypothesisRegressor().fit(H, reviews.target)
    np.testing.assert_allclose(fitted.predict(reviews.texts), last.predict(H))
    assert fitted.score(reviews.texts, reviews.target) == pytest.approx(
        last.score(H, reviews.target)
    )


def test_rows_are_texts_and_columns_are_concepts(fitted, reviews):
    frame = pd.Series(reviews.texts, index=[f"id{i}" for i in range(240)])
    stages = [frame]
    for _, step in fitted.steps[:-1]:
        stages.append(step.transform(stages[-1]))
    embedded, activations, selected, concepts, answers, chosen = stages[1:]
    for stage in (embedded, activations, selected, concepts):
        assert stage.index.names == [None, "text"]
        assert stage.index.get_level_values(0).tolist() == frame.index.tolist()
    assert embedded.dtypes.unique().tolist() == [np.float32]
    assert activations.columns[:2].tolist() == ["sae0", "sae1"]
    assert concepts.columns.tolist() == list(fitted["interpret"].concepts_)
    assert answers.index.equals(frame.index)  # the last reader drops the texts
    assert set(np.unique(answers)) <= {0.0, 1.0}
    assert list(fitted[:-2].get_feature_names_out()) == concepts.columns.tolist()
    assert list(fitted[:-1].get_feature_names_out()) == chosen.columns.tolist()
    assert chosen.equals(answers[chosen.columns])


@pytest.mark.parametrize(
    "container",
    [list, tuple, np.array, pd.Series, lambda t: pd.DataFrame({"text": t})],
)
def test_texts_in_any_container(fitted, reviews, container):
    expected = fitted.predict(reviews.texts)
    np.testing.assert_array_equal(fitted.predict(container(reviews.texts)), expected)


def test_cross_validation(reviews):
    pipe = make_pipe()
    scores = cross_val_score(pipe, reviews.texts, reviews.target, cv=2)
    named = cross_val_score(pipe, reviews.texts, reviews.target, cv=2, scoring="r2")
    np.testing.assert_allclose(scores, named)
    predicted = cross_val_predict(pipe, reviews.texts, reviews.target, cv=2)
    assert np.isfinite(predicted).all()


def test_grid_search_over_the_autoencoder_in_two_processes(reviews, monkeypatch):
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)  # else every process would take these

    def score_and_threads(pipe, X, y):
        # Those of torch, which the embedder uses, and those of a large training.
        n_threads = max(torch.get_num_threads(), suitable_threads(2**40))
        return {"score": pipe.score(X, y), "threads": n_threads}

    grid = [
        {"sae__n_neurons": [12, 16], "sae__k": [2, 4]},
        {
            "sae__prefixes": [None, (0.125, 1.0), [2, 4]],
            "sae__target_weight": [0.0, 0.3],
        },
    ]
    search = GridSearchCV(
        without_interpretation(make_pipe()),
        grid,
        cv=2,
        n_jobs=2,
        scoring=score_and_threads,
        refit="score",
    )
    search.fit(np.array(reviews.texts, dtype=object), reviews.target)
    assert len(search.cv_results_["params"]) == 10
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    # The two of them have as many threads as this process alone has cores.
    n_threads = search.cv_results_["mean_test_threads"].max()
    assert n_threads <= max(joblib.cpu_count() // 2, 1)
    assert np.isfinite(search.predict(reviews.texts[:5])).all()


def test_learning_curve(reviews):
    pipe = without_interpretation(make_pipe())
    _, _, scores = learning_curve(
        pipe, reviews.texts, reviews.target, cv=2, train_sizes=[0.5, 1.0]
    )
    assert np.isfinite(scores).all()


def test_clone_pickle_and_joblib(fitted, reviews, tmp_path):
    expected = fitted.predict(reviews.texts[:20])
    stored = pickle.dumps(fitted)
    assert reviews.texts[0].encode() not in stored  # no training text travels along
    again = pickle.loads(stored)
    np.testing.assert_array_equal(again.predict(reviews.texts[:20]), expected)
    joblib.dump(fitted, tmp_path / "pipe.joblib")
    loaded = joblib.load(tmp_path / "pipe.joblib")
    np.testing.assert_array_equal(loaded.predict(reviews.texts[:20]), expected)
    fresh = clone(fitted).fit(reviews.texts, reviews.target)
    np.testing.assert_array_equal(fresh.predict(reviews.texts[:20]), expected)


def values_within(state):
    """Everything that an object holds, at any depth."""
    if isinstance(state, dict):
        children = state.values()
    elif isinstance(state, list | tuple | set):
        children = state
    else:
        children = vars(state).values() if hasattr(state, "__dict__") else ()
    for child in children:
        yield child
        yield from values_within(child)


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_fitted_state_holds_nothing_of_pandas(reviews, task):
    # skops, and with it mlflow, cannot save a DataFrame, a Series or an Index.
    y = reviews.target if task == "regression" else reviews.target > 3
    pipe = make_pipe(task=task).fit(pd.Series(reviews.texts), pd.Series(y))
    kept = [type(value).__module__ for value in values_within(pipe)]
    assert not [module for module in kept if module.startswith("pandas")]


def test_skops_saves_and_loads(fitted, reviews):
    skops = pytest.importorskip("skops.io")
    stored = skops.dumps(fitted)
    types = skops.get_untrusted_types(data=stored)
    assert all(name.startswith("sklearn_hsae.") for name in types)
    again = skops.loads(stored, trusted=types)
    np.testing.assert_array_equal(
        again.predict(reviews.texts[:20]), fitted.predict(reviews.texts[:20])
    )
    pd.testing.assert_frame_equal(again[-1].summary_, fitted[-1].summary_)
    before, after = (pipe["interpret"].fidelity_ for pipe in (fitted, again))
    pd.testing.assert_frame_equal(after, before)


def test_memory_keeps_texts_apart(reviews, tmp_path, embeddings):
    # Same numbers, other texts: a cache that looks at the numbers alone names the
    # neurons by the texts of the fit before.
    pipe = make_pipe().set_params(memory=str(tmp_path), embed="passthrough")
    half = len(embeddings) // 2
    first = with_texts(embeddings[:half], reviews.texts[:half])
    other = with_texts(embeddings[:half], reviews.texts[half:])
    y = reviews.target[:half]
    names = pipe.fit(first, y)[:-1].get_feature_names_out().tolist()
    assert pipe.fit(other, y)[:-1].get_feature_names_out().tolist() != names
    assert pipe.fit(first, y)[:-1].get_feature_names_out().tolist() == names


def test_feature_union(reviews):
    union = FeatureUnion(
        [("concepts", make_pipe()[:-1]), ("embeddings", EmbeddingTransformer())]
    )
    model = make_pipeline(union, Ridge()).fit(reviews.texts, reviews.target)
    assert union.fit_transform(reviews.texts, reviews.target).shape == (240, 388)
    assert np.isfinite(model.predict(reviews.texts)).all()


def test_several_autoencoders_in_one_selection(reviews):
    # The selection sees the neurons of both; each branch keeps the texts.
    texts = [*reviews.texts[:160], *reviews.texts[:4]]
    y = reviews.target[[*range(160), *range(4)]]
    options = {"max_epochs": 5, "sparse_output": True, "random_state": 0}
    broad = MatryoshkaSAETransformer(8, 2, **options)
    fine = MatryoshkaSAETransformer(32, 4, **options)
    union = FeatureUnion([("broad", broad), ("fine", fine)])
    pipe = without_interpretation(make_pipe()).set_params(sae=union)
    pipe.set_params(select__n_select=10, select__oversample=1, choose="passthrough")
    pipe.set_output(transform="pandas").fit(texts, y)
    activations = pipe[:2].transform(texts)
    assert list(activations.index.get_level_values("text")) == texts
    X = EmbeddingTransformer().fit_transform(texts)
    for name, sae in (("broad", clone(broad)), ("fine", clone(fine))):
        alone = sae.fit_transform(X, y)
        own = activations[[f"{name}__{column}" for column in alone]]
        np.testing.assert_array_equal(own, alone)
    chosen = pipe[:3].get_feature_names_out()
    expected = NeuronSelector(10).fit(np.asarray(activations), y)
    assert set(chosen) == set(activations.columns[expected.selected_])
    assert {name.split("__")[0] for name in chosen} == {"broad", "fine"}
    evaluation = evaluate_hypotheses(
        pipe, reviews.texts[160:], reviews.target[160:], X_train=texts, y_train=y
    )
    assert evaluation.ceilings["n_columns"]["all neurons"] == 40


def test_column_transformer_with_numeric_controls(reviews):
    frame = pd.DataFrame(
        {"text": reviews.texts, "price": np.arange(240.0), "seats": np.ones(240)},
        index=[f"id{i}" for i in range(240)],
    )
    columns = ColumnTransformer(
        [
            ("concepts", make_pipe()[:-1], "text"),
            ("controls", "passthrough", ["price", "seats"]),
        ],
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    together = columns.fit_transform(frame, reviews.target)
    assert together.shape == (240, N_SELECT + 2)
    assert together.index.equals(frame.index) and not together.isna().any(axis=None)
    model = make_pipeline(columns, HypothesisRegressor())
    assert np.isfinite(model.fit(frame, reviews.target).predict(frame)).all()


def test_voting_stacking_and_transformed_targets(reviews):
    pipe = without_interpretation(make_pipe())
    X, y = np.array(reviews.texts, dtype=object), reviews.target
    for model in (
        VotingRegressor([("a", pipe), ("b", pipe)]),
        StackingRegressor([("a", pipe)], cv=2),
        TransformedTargetRegressor(pipe, func=np.expm1, inverse_func=np.log1p),
    ):
        y_positive = y - y.min()
        assert np.isfinite(model.fit(X, y_positive).predict(X[:5])).all()


@pytest.mark.parametrize("place, step", [(1, StandardScaler()), (1, PCA(30))])
def test_steps_of_others_in_between(reviews, place, step):
    pipe = make_pipe()
    pipe.steps.insert(place, ("other", step))
    pipe.set_output(transform="pandas").fit(reviews.texts, reviews.target)
    assert np.isfinite(pipe.predict(reviews.texts[:5])).all()


def test_a_step_that_loses_the_texts_is_a_loud_error(reviews):
    pipe = make_pipe()
    pipe.steps.insert(1, ("other", StandardScaler()))
    pipe.set_output(transform="default")
    with pytest.raises(ValueError, match=r"set_output\(transform='pandas'\)"):
        pipe.fit(reviews.texts, reviews.target)


def test_own_embeddings(reviews, embeddings, fitted):
    pipe = make_pipe().set_params(embed="passthrough")
    X = with_texts(embeddings, reviews.texts)
    np.testing.assert_allclose(
        pipe.fit(X, reviews.target).predict(X), fitted.predict(reviews.texts)
    )
    train, test, y, new_y = train_test_split(X, reviews.target, random_state=0)
    assert np.isfinite(pipe.fit(train, y).score(test, new_y))


def test_document_ids_are_never_taken_for_texts(embeddings, reviews):
    frame = pd.DataFrame(embeddings, index=[f"doc{i}" for i in range(240)])
    frame.columns = frame.columns.astype(str)
    pipe = make_pipe().set_params(embed="passthrough")
    with pytest.raises(ValueError, match="row-index level named 'text'"):
        pipe.fit(frame, reviews.target)


def test_sparse_activations_give_the_same_hypotheses(reviews, fitted):
    sparse = make_pipe().set_params(sae__sparse_output=True)
    sparse.fit(reviews.texts, reviews.target)
    np.testing.assert_allclose(
        sparse.predict(reviews.texts), fitted.predict(reviews.texts)
    )
    assert list(sparse["interpret"].concepts_) == list(fitted["interpret"].concepts_)


def test_classification(reviews):
    y = np.where(reviews.target > 3, "good", "bad")
    pipe = make_pipe(task="classification").fit(reviews.texts, y)
    assert isinstance(pipe[-1], HypothesisClassifier)
    assert pipe.predict_proba(reviews.texts).shape == (240, 2)
    result = evaluate_hypotheses(pipe, reviews.texts[:100], y[:100])
    assert 0.5 < result.metrics["auc"] <= 1


def test_classes_as_integers_are_the_same_classes_as_words(reviews):
    # LabelEncoder and fetch_20newsgroups give integers; they are no quantity.
    codes = np.digitize(reviews.target, [2.0, 3.0, 4.0])
    words = np.array(["a", "b", "c", "d"])
    pipe = make_pipe(task="classification")
    by_code, by_word = (
        clone(pipe).fit(reviews.texts, y) for y in (codes, words[codes])
    )
    np.testing.assert_array_equal(
        words[by_code.predict(reviews.texts)], by_word.predict(reviews.texts)
    )
    np.testing.assert_array_equal(
        by_code.predict_proba(reviews.texts), by_word.predict_proba(reviews.texts)
    )


@pytest.mark.parametrize(
    "kind",
    [
        lambda y: y.astype(object),
        lambda y: [Decimal(str(value)) for value in y],
        lambda y: y.astype(str),
        lambda y: y.astype(">f8"),
        lambda y: pd.Series(y, dtype="Float64"),
    ],
    ids=["object", "Decimal", "strings", "big-endian", "nullable"],
)
def test_a_quantity_of_any_type_gives_the_same_predictions(reviews, kind):
    # A frame with a text column becomes an object array, numbers included.
    y = np.round(reviews.target, 2)
    expected = without_interpretation(make_pipe()).fit(reviews.texts, y)
    found = without_interpretation(make_pipe()).fit(reviews.texts, kind(y))
    np.testing.assert_array_equal(
        found.predict(reviews.texts), expected.predict(reviews.texts)
    )


def test_zeros_and_ones_are_a_quantity_where_a_regression_is_asked_for(reviews):
    # With "auto" they are two classes; the last step must not be the only one told.
    y = (reviews.target > 3).astype(float)
    pipe = without_interpretation(make_pipe())
    predicted = clone(pipe).fit(reviews.texts, y).predict(reviews.texts)
    shifted = clone(pipe).fit(reviews.texts, 3 * y - 1).predict(reviews.texts)
    np.testing.assert_allclose(shifted, 3 * predicted - 1, rtol=1e-3, atol=1e-3)
    assert len(np.unique(predicted)) > 2


def test_an_empty_text_has_no_concept_and_refuses_nobody(fitted, reviews):
    texts = ["", reviews.texts[0], " \n"]
    with pytest.warns(UserWarning, match="2 empty texts at row position 0, 2"):
        annotations = fitted[:-1].transform(texts)
    assert not annotations.iloc[[0, 2]].any(axis=None)
    with pytest.warns(UserWarning, match="empty texts"):
        predicted = fitted.predict(texts)
    assert predicted[1] == fitted.predict(reviews.texts[:1])[0]
    assert predicted[0] == predicted[2] == pytest.approx(fitted[-1].intercept_)
    with pytest.warns(UserWarning, match="1 empty text at"):
        assert fitted.predict([""]).shape == (1,)
    with pytest.raises(ValueError, match="1 empty at row position 0"):
        clone(fitted).fit(["", *reviews.texts[1:]], reviews.target)


@pytest.mark.parametrize(
    "nothing",
    [[], (), np.array([]), pd.Series([], dtype=str), pd.DataFrame({"text": []})],
    ids=["list", "tuple", "array", "Series", "frame"],
)
def test_no_text_gives_no_rows(fitted, nothing):
    # A service has weeks without a text.
    X = nothing
    for _, step in fitted.steps[:-1]:
        X = step.transform(X)
        assert X.shape == (0, len(step.get_feature_names_out()))
        assert list(X.columns) == list(step.get_feature_names_out())
    assert fitted.predict(nothing).shape == (0,)


def test_no_row_of_an_array_gives_no_rows(fitted, reviews):
    # The same for those who start from arrays: dense, csr, and back to embeddings.
    no_rows = np.zeros((0, 384), dtype=np.float32)
    for sparse_output in (False, True):
        sae = MatryoshkaSAETransformer(4, 2, max_epochs=1, sparse_output=sparse_output)
        sae.fit(np.eye(20, 384, dtype=np.float32))
        activations = sae.transform(no_rows)
        assert activations.shape == (0, 4) and activations.dtype == np.float32
        assert sae.inverse_transform(activations).shape == (0, 384)
        framed = sae.transform(pd.DataFrame(no_rows))
        assert framed.shape == (0, 4)
        selector = NeuronSelector(columns=[0, 3]).fit(np.eye(20, 4))
        assert selector.transform(activations).shape == (0, 2)


def test_classes_of_no_text(reviews):
    y = np.digitize(reviews.target, [2.5, 3.5])
    pipe = without_interpretation(make_pipe(task="classification"))
    pipe.fit(reviews.texts, y)
    assert pipe.predict([]).shape == (0,) and pipe.predict([]).dtype == y.dtype
    assert pipe.predict_proba([]).shape == (0, 3)


def test_nothing_is_learnt_or_tested_on_no_text(fitted):
    with pytest.raises(ValueError, match="got no texts"):
        clone(fitted).fit([], [])
    with pytest.raises(ValueError, match="0 sample"):
        MatryoshkaSAETransformer().fit(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="has no rows"):
        evaluate_hypotheses(fitted, [], [])


@pytest.mark.parametrize("start", ["texts", "own embeddings"])
def test_an_empty_text_activates_no_neuron(reviews, embeddings, start):
    X, y = reviews.texts, reviews.target
    pipe = without_interpretation(make_pipe())
    new = ["", X[0]]
    if start == "own embeddings":
        pipe.set_params(embed="passthrough")
        X = with_texts(embeddings, X)
    pipe.fit(X, y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if start == "own embeddings":
            new = with_texts(embeddings[[1, 0]], new)
        activations = pipe[:-1].transform(new)
        predicted = pipe.predict(new)
    messages = [str(warning.message) for warning in caught]
    once = (
        "Got 1 empty text at row position 0. It counts as a text without any concept."
    )
    # Once for each time that the texts are read.
    assert messages == [once] * (1 if start == "own embeddings" else 2)
    assert not activations.iloc[0].any() and activations.iloc[1].any()
    assert predicted[0] == pytest.approx(pipe[-1].intercept_)
    assert predicted[1] == pytest.approx(pipe.predict(X[:1])[0])


def test_embeddings_beside_other_columns(reviews):
    frame = pd.DataFrame({"review": reviews.texts, "price": np.arange(240.0)})
    embedded = EmbeddingTransformer(carry_texts=False)
    dropped = make_pipeline(EmbeddingTransformer(), FunctionTransformer(drop_texts))
    for branch, selection in product((embedded, dropped), ("review", ["review"])):
        columns = make_column_transformer(
            (branch, selection), ("passthrough", ["price"])
        )
        assert columns.fit_transform(frame).shape == (240, 385)
        framed = columns.set_output(transform="pandas").fit_transform(frame)
        assert framed.index.equals(frame.index)


def test_neurons_beside_other_columns(reviews):
    frame = pd.DataFrame({"review": reviews.texts, "price": np.arange(240.0)})
    sae = MatryoshkaSAETransformer(8, 2, max_epochs=1, random_state=0)
    for branch in (
        make_pipeline(EmbeddingTransformer(carry_texts=False), sae),
        make_pipeline(EmbeddingTransformer(), sae, FunctionTransformer(drop_texts)),
    ):
        columns = make_column_transformer((branch, "review"), ("passthrough", [1]))
        columns.set_output(transform="pandas")
        model = make_pipeline(columns, Ridge()).fit(frame, reviews.target)
        assert model.predict(frame[:3]).shape == (3,)
        assert columns.transform(frame[5:7]).index.tolist() == [5, 6]


def test_a_frame_whose_own_index_is_named_text(reviews, fitted):
    ids = pd.Index([f"t{i}" for i in range(240)], name="text")
    frame = pd.DataFrame(
        {"review": reviews.texts, "price": np.arange(240.0)}, index=ids
    )
    columns = make_column_transformer(
        (fitted[:-1], "review"), ("passthrough", ["price"])
    ).set_output(transform="pandas")
    together = columns.fit_transform(frame, reviews.target)
    assert together.index.equals(ids) and not together.isna().any(axis=None)


@pytest.mark.parametrize("selection", ["review", ["review"]])
def test_evaluation_of_concepts_beside_controls(reviews, selection):
    frame = pd.DataFrame({"review": reviews.texts, "price": np.arange(240.0)})
    y = reviews.target
    columns = make_column_transformer(
        (make_pipe()[:-1], selection), ("passthrough", ["price"])
    ).set_output(transform="pandas")
    model = make_pipeline(columns, HypothesisRegressor()).fit(frame[:160], y[:160])
    result = evaluate_hypotheses(
        model, frame[160:], y[160:], X_train=frame[:160], y_train=y[:160]
    )
    assert result.ceilings["n_columns"].tolist() == [384, 16, 8, 8, 5]
    assert result.table["f1"].notna().sum() == N_SELECT


@pytest.mark.parametrize("place", ["pipeline", "global"])
def test_polars_output_gives_the_same_annotations_and_predictions(
    fitted, reviews, place
):
    # A polars frame has no row index for texts: the steps before the annotator pass on
    # pandas frames, and its own output is a polars frame.
    pipe = make_pipe()
    if place == "pipeline":
        pipe.set_output(transform="polars")
    else:
        pipe = Pipeline([(name, clone(step)) for name, step in pipe.steps])
        for _, step in pipe.steps:
            vars(step).pop("_sklearn_output_config", None)
    X, y = reviews.texts, reviews.target
    with config_context(transform_output="polars" if place == "global" else "default"):
        pipe.fit(X, y)
        annotations = pipe[:-1].transform(X)
        with pytest.warns(UserWarning, match="are also in X_train"):
            result = evaluate_hypotheses(pipe, X, y, X_train=X, y_train=y)
    expected = fitted[:-1].transform(X)
    assert isinstance(annotations, pl.DataFrame)
    assert annotations.columns == expected.columns.tolist()
    np.testing.assert_array_equal(annotations.to_numpy(), expected.to_numpy())
    np.testing.assert_allclose(pipe.predict(X), fitted.predict(X))
    assert result.annotations.columns.tolist() == annotations.columns
    assert len(result.ceilings) == 5


def test_polars_columns_beside_texts(fitted, reviews):
    frame = pl.DataFrame({"review": reviews.texts, "price": np.arange(240.0)})
    columns = make_column_transformer(
        (make_pipe()[:-1], "review"), ("passthrough", ["price"])
    ).set_output(transform="polars")
    together = columns.fit_transform(frame, reviews.target)
    assert isinstance(together, pl.DataFrame) and together.shape == (240, N_SELECT + 1)
    model = make_pipeline(columns, HypothesisRegressor()).fit(frame, reviews.target)
    assert len(model[-1].summary_) == N_SELECT + 1


def test_a_step_of_others_that_returns_polars_is_named_with_the_cure(reviews):
    pipe = make_pipe()
    pipe.steps.insert(1, ("pca", PCA(20)))
    pipe.set_output(transform="polars")
    with pytest.raises(ValueError, match=r"polars frame.*transform='pandas'\) on that"):
        pipe.fit(reviews.texts, reviews.target)
    pipe["pca"].set_output(transform="pandas")
    pipe.fit(reviews.texts, reviews.target)


def test_what_swallows_the_texts_is_named_with_what_helps_there(reviews, embeddings):
    X, y = reviews.texts, reviews.target
    swapped = make_pipe().set_params(select=PCA(4))
    with pytest.raises(ValueError, match=r"plain array.*a step such as PCA\(\)"):
        swapped.fit(X, y)
    swapped.set_output(transform="pandas").fit(X, y)
    pipe = make_pipe().set_params(embed="passthrough")
    frame = with_texts(embeddings, X)
    with pytest.raises(ValueError, match=r"such as BaggingRegressor.*shape"):
        BaggingRegressor(pipe, n_estimators=2).fit(frame, y)
    bagging = BaggingRegressor(make_pipe(), n_estimators=1, random_state=0)
    column = np.array(X, dtype=object).reshape(-1, 1)
    assert np.isfinite(bagging.fit(column, y).predict(column[:3])).all()


def test_samplers_of_imbalanced_learn(reviews):
    imblearn = pytest.importorskip("imblearn.pipeline")
    from imblearn.over_sampling import RandomOverSampler

    frame = pd.DataFrame({"review": reviews.texts})
    y = reviews.target > 3.5
    steps = make_pipe(task="classification").steps
    sampler = ("over", RandomOverSampler(random_state=0))
    model = imblearn.Pipeline([sampler, *steps]).fit(frame, y)
    with pytest.warns(UserWarning, match="are also in X_train"):
        result = evaluate_hypotheses(model, frame, y, X_train=frame, y_train=y)
    assert len(result.ceilings) == 5
    late = imblearn.Pipeline([steps[0], sampler, *steps[1:]])
    with pytest.raises(ValueError, match=r"sampler.*put it before the embedding"):
        late.fit(frame, y)


def test_lightgbm_takes_concepts_under_safe_names(reviews):
    lightgbm = pytest.importorskip("lightgbm")
    pipe = make_pipe()
    last = lightgbm.LGBMRegressor(n_estimators=3, verbose=-1)
    pipe.steps[-1:] = [("names", FunctionTransformer(safe_names)), ("boost", last)]
    assert np.isfinite(
        pipe.fit(reviews.texts, reviews.target).predict(reviews.texts)
    ).all()


def test_drop_texts_lets_frames_be_joined(fitted, reviews):
    embedded = drop_texts(fitted["embed"].transform(reviews.texts))
    joined = pd.concat([fitted[:-1].transform(reviews.texts), embedded], axis=1)
    assert joined.shape == (240, 388) and not joined.isna().any(axis=None)


def test_an_unknown_task_is_named():
    with pytest.raises(ValueError, match="got 'ranking'"):
        make_hypothesis_pipeline(task="ranking")
