"""evaluate_hypotheses on pipelines whose every step is known."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_hsae import (
    ConceptAnnotator,
    HypothesisClassifier,
    HypothesisRegressor,
    KeyphraseInterpreter,
    MatryoshkaSAETransformer,
    NeuronSelector,
    drop_texts,
    evaluate_hypotheses,
    with_texts,
    write_report,
)

NEURONS = [f"sae{i}" for i in range(6)]
CONCEPTS = ["mentions waiting", "mentions fish", "mentions view"]
CEILINGS = [
    "embeddings",
    "all neurons",
    "selected neurons",
    "selected neurons, on or off",
    "hypotheses",
]


class Recorder:
    """Notes how many rows each step is given."""

    def __init__(self):
        self.calls = []

    def __deepcopy__(self, memo):  # clone copies parameters; the notes are shared
        return self


class KnownNeurons(MatryoshkaSAETransformer):
    """The embedding dimensions themselves, where they are positive."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        values = np.maximum(np.asarray(X), 0)
        if self.sparse_output and isinstance(X, pd.DataFrame):
            return pd.DataFrame.sparse.from_spmatrix(
                sparse.csr_matrix(values), X.index, NEURONS
            )
        if self.sparse_output:
            return sparse.csr_matrix(values)
        return pd.DataFrame(values, X.index, NEURONS)

    def get_feature_names_out(self, input_features=None):
        return np.array(NEURONS, dtype=object)


def first_three():
    return NeuronSelector(columns=[0, 1, 2])


class KnownLabels(KeyphraseInterpreter):
    def fit(self, X, y=None, *, texts=None):
        self.concepts_ = np.array(CONCEPTS, dtype=object)
        self._fidelity = {
            "neuron": NEURONS[:3],
            "concept": CONCEPTS,
            "precision": [1.0, 0.5, 0.0],
            "recall": [1.0, 0.5, 0.0],
            "f1": [1.0, 0.5, 0.0],
            "correlation": [1.0, 0.5, np.nan],
            "mcc": [1.0, 0.5, 0.0],
        }
        return self

    def transform(self, X):
        return pd.DataFrame(np.asarray(X), X.index, CONCEPTS)

    def get_feature_names_out(self, input_features=None):
        return np.array(CONCEPTS, dtype=object)


class KnownJudge(ConceptAnnotator):
    """Says yes where the neuron fires; a share of the answers is wrong."""

    def __init__(self, concepts=None, *, recorder=None, wrong=0.0, unjudged=0):
        self.concepts = concepts
        self.recorder = recorder
        self.wrong = wrong
        self.unjudged = unjudged

    def fit(self, X, y=None):
        self.concepts_ = np.array(CONCEPTS, dtype=object)
        return self

    def fit_transform(self, X, y=None):
        return self.fit(X).transform(X)

    def transform(self, X):
        if self.recorder is not None:
            self.recorder.calls.append(len(X))
        answers = np.asarray(X) > 0
        wrong = np.random.default_rng(len(X)).random(answers.shape) < self.wrong
        answers = np.where(wrong, ~answers, answers).astype(float)
        answers[: self.unjudged, 0] = np.nan
        rows = drop_texts(X).index if isinstance(X, pd.DataFrame) else range(len(X))
        return pd.DataFrame(answers, rows, CONCEPTS)

    def get_feature_names_out(self, input_features=None):
        return np.array(CONCEPTS, dtype=object)


def make_rows(n=800, seed=0):
    """Embeddings of texts, and an outcome that depends on which are positive."""
    rng = np.random.default_rng(seed)
    E = rng.normal(size=(n, 6))
    y = (E > 0) @ [1.0, -1.0, 0, 0, 0.3, 0] + rng.normal(scale=0.7, size=n)
    frame = pd.DataFrame(E, index=[f"id{i}" for i in range(n)])
    return with_texts(frame, [f"text {i}" for i in range(n)]), y


def make_pipeline(last=None, **steps):
    defaults = {
        "sae": KnownNeurons(),
        "select": first_three(),
        "interpret": KnownLabels(),
        "annotate": KnownJudge(),
        "regress": HypothesisRegressor() if last is None else last,
    }
    return Pipeline(list({**defaults, **steps}.items()))


@pytest.fixture(scope="module")
def rows():
    X, y = make_rows()
    return X[:500], y[:500], X[500:], y[500:]


def test_table_and_metrics_are_those_of_the_last_step(rows):
    X, y, new_X, new_y = rows
    pipe = make_pipeline().fit(X, y)
    result = evaluate_hypotheses(pipe, new_X, new_y)
    table, metrics = pipe[-1].evaluate(pipe[:-1].transform(new_X), new_y)
    pd.testing.assert_frame_equal(result.table[table.columns], table)
    assert result.metrics.items() >= metrics.items()
    assert result.metrics["r2"] == pytest.approx(pipe.score(new_X, new_y))
    assert result.task == "regression" and result.ceilings is None
    assert result.table["significant"].tolist() == [True, True, False]


def test_annotations_keep_the_callers_rows(rows):
    X, y, new_X, new_y = rows
    result = evaluate_hypotheses(make_pipeline().fit(X, y), new_X, new_y)
    assert result.annotations.index.tolist() == [f"id{i}" for i in range(500, 800)]
    assert result.annotations.columns.tolist() == CONCEPTS


def test_held_out_rows_are_judged_once_and_training_rows_never(rows):
    # Judging is what costs money.
    X, y, new_X, new_y = rows
    recorder = Recorder()
    pipe = make_pipeline(annotate=KnownJudge(recorder=recorder)).fit(X, y)
    recorder.calls.clear()
    evaluate_hypotheses(pipe, new_X, new_y, X_train=X, y_train=y)
    assert recorder.calls == [300]


def test_training_rows_are_not_judged_by_nested_steps_either(rows):
    X, y, new_X, new_y = rows
    recorder = Recorder()
    nested = Pipeline(
        [("name", KnownLabels()), ("judge", KnownJudge(recorder=recorder))]
    )
    columns = ColumnTransformer([("concepts", nested, NEURONS[:3])])
    pipe = Pipeline(
        [
            ("sae", KnownNeurons()),
            ("select", first_three()),
            ("columns", columns.set_output(transform="pandas")),
            ("regress", HypothesisRegressor()),
        ]
    ).fit(X, y)
    recorder.calls.clear()
    result = evaluate_hypotheses(pipe, new_X, new_y, X_train=X, y_train=y)
    assert recorder.calls == [300]
    assert result.ceilings.index.tolist() == CEILINGS


def test_fidelity_stands_beside_its_hypothesis(rows):
    X, y, new_X, new_y = rows
    result = evaluate_hypotheses(make_pipeline().fit(X, y), new_X, new_y)
    assert result.table["f1"].tolist() == [1.0, 0.5, 0.0]
    assert result.fidelity["mcc"].tolist() == [1.0, 0.5, 0.0]


def test_ceilings_fall_from_the_embeddings_to_the_hypotheses(rows):
    X, y, new_X, new_y = rows
    pipe = make_pipeline(annotate=KnownJudge(wrong=0.3)).fit(X, y)
    result = evaluate_hypotheses(pipe, new_X, new_y, X_train=X, y_train=y)
    table = result.ceilings
    assert table.index.tolist() == CEILINGS
    assert table.columns.tolist() == ["r2", "r2_low", "r2_high", "n_columns"]
    assert table["n_columns"].tolist() == [6, 6, 3, 3, 3]
    assert ((table["r2_low"] < table["r2"]) & (table["r2"] < table["r2_high"])).all()
    assert table.loc["hypotheses", "r2"] == result.metrics["r2"]
    # With hardly any penalty to choose, a plain regression is the oracle.
    for stage, of in (
        ("embeddings", lambda X: np.asarray(X)),
        ("all neurons", lambda X: np.maximum(X, 0)),
        ("selected neurons", lambda X: np.maximum(X, 0).iloc[:, :3]),
        ("selected neurons, on or off", lambda X: (X > 0).iloc[:, :3]),
    ):
        plain = LinearRegression().fit(np.asarray(of(X), float), y)
        expected = plain.score(np.asarray(of(new_X), float), new_y)
        assert table.loc[stage, "r2"] == pytest.approx(expected, abs=0.01)
    assert (
        "Most is lost at the step to 'hypotheses': the words do not say all that a "
        "neuron reacts to, or the judge does not find them in the texts; try another "
        "interpreter or judge. The words of 1 concept do not fit the texts in which "
        "the neuron fires (fidelity F1 0.00): 'mentions view'."
    ) in result.verdict


def test_sparse_neurons_give_the_same_ceilings(rows):
    X, y, new_X, new_y = rows
    dense, frames, arrays = (
        evaluate_hypotheses(pipe.fit(A, y), B, new_y, X_train=A, y_train=y).ceilings
        for pipe, A, B in (
            (make_pipeline(), X, new_X),
            (make_pipeline(sae=KnownNeurons(sparse_output=True)), X, new_X),
            (
                make_pipeline(
                    sae=KnownNeurons(sparse_output=True),
                    interpret="passthrough",
                    annotate=KnownDense(),
                ),
                X.to_numpy(),
                new_X.to_numpy(),
            ),
        )
    )
    pd.testing.assert_frame_equal(frames, dense)
    pd.testing.assert_frame_equal(arrays[:-1], dense[:-1])


class KnownDense(TransformerMixin, BaseEstimator):
    """Third-party: a step without a type of ours."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X.toarray()


def test_other_names_and_steps_of_others_in_between(rows):
    X, y, new_X, new_y = rows
    pipe = Pipeline(
        [
            ("scale", StandardScaler().set_output(transform="pandas")),
            ("autoencoder", KnownNeurons()),
            ("again", StandardScaler(with_mean=False).set_output(transform="pandas")),
            ("best", SelectKBest(f_regression, k=3).set_output(transform="pandas")),
            ("words", KnownLabels()),
            ("judge", KnownJudge()),
            ("ols", HypothesisRegressor()),
        ]
    ).fit(X, y)
    result = evaluate_hypotheses(pipe, new_X, new_y, X_train=X, y_train=y)
    assert result.ceilings.index.tolist() == CEILINGS
    assert result.ceilings["n_columns"].tolist() == [6, 6, 3, 3, 3]


def test_without_interpreter_and_annotator_the_neurons_are_the_hypotheses(rows):
    # The documented way to search sizes costs no LLM call.
    X, y, new_X, new_y = rows
    pipe = make_pipeline(interpret="passthrough", annotate="passthrough").fit(X, y)
    result = evaluate_hypotheses(pipe, new_X, new_y, X_train=X, y_train=y)
    assert result.table["hypothesis"].tolist() == NEURONS[:3]
    table = result.ceilings["r2"]
    assert table["hypotheses"] == pytest.approx(table["selected neurons"], abs=0.01)
    assert result.fidelity is None and "f1" not in result.table


def test_without_any_known_step_there_are_only_the_hypotheses(rows):
    X, y, new_X, new_y = rows
    pipe = Pipeline([("scale", StandardScaler()), ("ols", HypothesisRegressor())])
    result = evaluate_hypotheses(pipe.fit(X, y), new_X, new_y, X_train=X, y_train=y)
    assert result.ceilings.index.tolist() == ["hypotheses"]
    assert "There are no ceilings to compare this with" in result.verdict


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes(rows, n_classes):
    X, y, new_X, new_y = rows
    cuts = np.quantile(y, np.arange(1, n_classes) / n_classes)
    labels = np.array(["a", "b", "c"])
    y, new_y = labels[np.digitize(y, cuts)], labels[np.digitize(new_y, cuts)]
    pipe = make_pipeline(HypothesisClassifier()).fit(X, y)
    result = evaluate_hypotheses(pipe, new_X, new_y, X_train=X, y_train=y)
    assert result.task == "classification"
    assert result.ceilings.index.tolist() == CEILINGS
    assert (result.ceilings["auc"] > 0.6).all()
    assert (result.ceilings["auc_low"] < result.ceilings["auc"]).all()
    assert len(result.table) == (3 if n_classes == 2 else 9)
    assert result.table["f1"].notna().all()
    assert result.metrics["n_significant"] == 2


def test_noise_is_called_noise():
    X, y = make_rows(600)
    y = np.random.default_rng(5).normal(size=600)
    pipe = make_pipeline().fit(X[:300], y[:300])
    result = evaluate_hypotheses(
        pipe, X[300:], y[300:], X_train=X[:300], y_train=y[:300]
    )
    assert result.metrics["n_significant"] == 0
    assert "There is no clear signal here" in result.verdict


def test_verdict_on_noise_is_right_nearly_always():
    # 2.5 % for the interval and 5 % for the tests, one and a half of 20 draws.
    found = 0
    for seed in range(20):
        X, _ = make_rows(400, seed)
        y = np.random.default_rng(seed + 100).integers(2, size=400)
        pipe = make_pipeline(HypothesisClassifier()).fit(X[:200], y[:200])
        result = evaluate_hypotheses(
            pipe, X[200:], y[200:], X_train=X[:200], y_train=y[:200]
        )
        found += "no clear signal" not in result.verdict
    assert found <= 4


def test_loss_in_the_autoencoder_is_found():
    X, _ = make_rows()
    y = -np.minimum(X.to_numpy()[:, 0], 0) + X.to_numpy()[:, 1]  # what ReLU cuts off
    y = y + np.random.default_rng(0).normal(scale=0.3, size=800)
    pipe = make_pipeline().fit(X[:500], y[:500])
    result = evaluate_hypotheses(
        pipe, X[500:], y[500:], X_train=X[:500], y_train=y[:500]
    )
    assert "Most is lost at the step to 'all neurons'" in result.verdict


def test_rows_that_were_not_judged(rows):
    X, y, new_X, new_y = rows
    pipe = make_pipeline().fit(X, y)
    pipe.set_params(annotate__unjudged=40)
    result = evaluate_hypotheses(pipe, new_X, new_y, X_train=X, y_train=y)
    assert (result.metrics["n"], result.metrics["n_dropped"]) == (260, 40)
    assert result.annotations.iloc[:, 0].isna().sum() == 40
    assert (result.table["n"] == 260).all()


def test_to_dict_is_json_and_holds_no_texts(rows):
    X, y, new_X, new_y = rows
    pipe = make_pipeline().fit(X, y)
    result = evaluate_hypotheses(pipe, new_X, new_y, X_train=X, y_train=y)
    content = json.dumps(result.to_dict(), allow_nan=False)
    again = json.loads(content)
    names = ["task", "alpha", "positive", "verdict", "metrics", "hypotheses"]
    names += ["groups", "controls", "ceilings", "stability"]
    assert list(again) == names
    assert again["hypotheses"][2]["correlation"] is None  # NaN is no JSON
    assert again["hypotheses"][0]["coefficient"] == result.table["coefficient"][0]
    assert [row["stage"] for row in again["ceilings"]] == CEILINGS
    assert "text 5" not in content


def test_repr_shows_every_hypothesis(rows):
    X, y, new_X, new_y = rows
    pipe = make_pipeline().fit(X, y)
    result = evaluate_hypotheses(pipe, new_X, new_y)
    for shown in (repr(result), result._repr_html_()):
        assert all(concept in shown for concept in CONCEPTS)
        assert "2 of 3 hypotheses are significant" in shown
    result.groups.loc[0, "hypothesis"] = "<script>"
    assert "<script>" not in result._repr_html_()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"y": np.zeros(3)}, "X has 300 rows, but y has 3"),
        ({"y": np.full(300, np.nan)}, "y contains NaN.* 300 of 300.*position 0"),
        ({"y": np.ones(300)}, "y is constant"),
        ({"X": iter([1])}, r"X is a list_iterator.*Pass list\(X\)"),
        ({"X_train": [1]}, "both X_train and y_train"),
        ({"X_train": [1], "y_train": [1, 2]}, "X_train has 1 rows, but y_train has 2"),
        ({"X_train": [1], "y_train": [None]}, "y_train contains NaN"),
        ({"pipeline": HypothesisRegressor()}, r"Expected a fitted.*evaluate\("),
        ({"pipeline": LinearRegression()}, r"got LinearRegression\. Pass one pipeline"),
        (
            {"pipeline": Pipeline([("ols", LinearRegression())])},
            "last step.*got LinearRegression",
        ),
    ],
)
def test_bad_input(rows, change, message):
    X, y, new_X, new_y = rows
    recorder = Recorder()
    pipe = make_pipeline(annotate=KnownJudge(recorder=recorder)).fit(X, y)
    recorder.calls.clear()
    arguments = {"pipeline": pipe, "X": new_X, "y": new_y, **change}
    with pytest.raises(ValueError, match=message):
        evaluate_hypotheses(**arguments)
    assert recorder.calls == []  # refused before anything is judged


@pytest.mark.parametrize("last", [HypothesisRegressor, HypothesisClassifier])
def test_alpha_is_that_of_the_last_step(rows, last):
    X, y, new_X, new_y = rows
    if last is HypothesisClassifier:
        y, new_y = y > 0, new_y > 0
    pipe = make_pipeline(last(alpha=0.2)).fit(X, y)
    assert evaluate_hypotheses(pipe, new_X, new_y).alpha == 0.2


def test_the_best_pipeline_of_a_search_is_evaluated(rows):
    X, y, new_X, new_y = rows
    grid = {"regress__cov_type": ["nonrobust", "HC3"]}
    search = GridSearchCV(make_pipeline(), grid, cv=2)
    with pytest.raises(ValueError, match=r"got GridSearchCV\. Fit it first"):
        evaluate_hypotheses(search, new_X, new_y)
    search.fit(X, y)
    found, expected = (
        evaluate_hypotheses(pipe, new_X, new_y, X_train=X, y_train=y)
        for pipe in (search, search.best_estimator_)
    )
    pd.testing.assert_frame_equal(found.table, expected.table)
    pd.testing.assert_frame_equal(found.ceilings, expected.ceilings)


def test_a_transformed_target_is_refused_with_the_way_that_works(rows):
    X, y, new_X, new_y = rows
    model = TransformedTargetRegressor(
        make_pipeline(), func=np.exp, inverse_func=np.log
    ).fit(X, y)
    with pytest.raises(ValueError, match=r"model\.regressor_.*model\.transformer_"):
        evaluate_hypotheses(model, new_X, new_y)
    transformed = model.transformer_.transform(new_y.reshape(-1, 1)).ravel()
    result = evaluate_hypotheses(model.regressor_, new_X, transformed)
    assert len(result.table) == 3


class Sampler(BaseEstimator):
    """As imbalanced-learn's: it changes the rows in fit, and has no transform."""

    def fit_resample(self, X, y):
        return X, y


def test_samplers_take_no_part(rows):
    X, y, new_X, new_y = rows
    fitted = make_pipeline().fit(X, y)
    expected = evaluate_hypotheses(fitted, new_X, new_y, X_train=X, y_train=y)
    resampled = Pipeline([("over", Sampler()), *fitted.steps])
    found = evaluate_hypotheses(resampled, new_X, new_y, X_train=X, y_train=y)
    pd.testing.assert_frame_equal(found.table, expected.table)
    pd.testing.assert_frame_equal(found.ceilings, expected.ceilings)


def nested_in(kind, branch):
    """The steps up to the annotations as one part beside the embeddings."""
    if kind == "FeatureUnion":
        parts = FeatureUnion([("concepts", branch), ("scaled", StandardScaler())])
        parts.set_params(scaled="drop")
    else:
        columns = [str(i) for i in range(6)]
        parts = ColumnTransformer(
            [("concepts", branch, columns), ("controls", "passthrough", ["0"])],
            verbose_feature_names_out=kind == "prefixed names",
        )
    return parts.set_output(transform="pandas")


@pytest.mark.parametrize("kind", ["prefixed names", "plain names", "FeatureUnion"])
def test_concepts_from_one_branch_have_ceilings_and_fidelity(rows, kind):
    X, y, new_X, new_y = rows
    X, new_X = (frame.rename(columns=str) for frame in (X, new_X))
    flat = make_pipeline().fit(X, y)
    expected = evaluate_hypotheses(flat, new_X, new_y, X_train=X, y_train=y)
    recorder = Recorder()
    branch = make_pipeline(annotate=KnownJudge(recorder=recorder))[:-1]
    # The controls keep the texts in their index: only the concepts lose them.
    drop = FunctionTransformer(drop_texts)
    pipe = Pipeline(
        [("parts", nested_in(kind, branch)), ("regress", HypothesisRegressor())]
    )
    if kind != "FeatureUnion":
        pipe["parts"].set_params(controls=drop)
    pipe.fit(X, y)
    recorder.calls.clear()
    result = evaluate_hypotheses(pipe, new_X, new_y, X_train=X, y_train=y)
    assert recorder.calls == [300]  # judged once, and the training rows never
    pd.testing.assert_frame_equal(result.ceilings[:-1], expected.ceilings[:-1])
    assert result.table["f1"].tolist()[:3] == [1.0, 0.5, 0.0]
    assert result.table["f1"][3:].isna().all()  # a control has no fidelity


def test_two_branches_that_read_texts_have_no_ceilings_and_the_verdict_says_so(rows):
    X, y, new_X, new_y = rows
    both = FeatureUnion([("a", make_pipeline()[:-1]), ("b", make_pipeline()[:-1])])
    pipe = Pipeline(
        [
            ("both", both.set_output(transform="pandas")),
            ("regress", HypothesisRegressor()),
        ]
    ).fit(X, y)
    result = evaluate_hypotheses(pipe, new_X, new_y, X_train=X, y_train=y)
    assert result.ceilings.index.tolist() == ["hypotheses"]
    assert "reads texts in several branches" in result.verdict
    assert result.table["f1"].tolist() == [1.0, 0.5, 0.0] * 2


def test_a_pipeline_inside_the_pipeline_is_opened(rows):
    X, y, new_X, new_y = rows
    flat = make_pipeline().fit(X, y)
    nested = Pipeline([("find", flat[:-1]), ("test", Pipeline(flat.steps[-1:]))])
    found, expected = (
        evaluate_hypotheses(pipe, new_X, new_y, X_train=X, y_train=y)
        for pipe in (nested, flat)
    )
    pd.testing.assert_frame_equal(found.table, expected.table)
    pd.testing.assert_frame_equal(found.ceilings, expected.ceilings)


@pytest.mark.parametrize("kind", [object, str, ">f8"])
def test_a_target_of_any_type_has_the_same_evaluation(rows, kind):
    X, y, new_X, new_y = rows
    pipe = make_pipeline().fit(X, y)
    found, expected = (
        evaluate_hypotheses(pipe, new_X, b, X_train=X, y_train=a)
        for a, b in ((y.astype(kind), new_y.astype(kind)), (y, new_y))
    )
    pd.testing.assert_frame_equal(found.table, expected.table)
    pd.testing.assert_frame_equal(found.ceilings, expected.ceilings)


def test_pipeline_that_was_not_fitted(rows):
    with pytest.raises(NotFittedError):
        evaluate_hypotheses(make_pipeline(), *rows[2:])


@pytest.mark.parametrize("last", [HypothesisRegressor, HypothesisClassifier])
def test_groups_of_rows(last):
    """Table, groups of hypotheses, intervals and ceilings allow for authors."""
    rng = np.random.default_rng(4)
    author = np.repeat(np.arange(40), 10)
    X = (rng.random((400, 4)) < 0.4).astype(float)
    X[:, 3] = np.where(rng.random(400) < 0.1, X[:, 3], X[:, 2])  # two that agree
    y = X[:, 0] + rng.normal(size=40)[author] + rng.normal(size=400)
    y = y > 0.5 if last is HypothesisClassifier else y
    select = NeuronSelector(4, method="correlation")
    model = last(cov_type="cluster")
    pipe = Pipeline([("select", select), ("regress", model)])
    pipe.fit(X, y, regress__groups=author)
    options = {"X_train": X, "y_train": y}
    evaluation = evaluate_hypotheses(pipe, X, y, groups=author, **options)
    expected, _ = pipe[-1].evaluate(X, y, groups=author)
    np.testing.assert_allclose(evaluation.table["p"], expected["p"], rtol=1e-9)
    assert evaluation.metrics["n_clusters"] == 40
    assert len(evaluation.groups) == 3
    plain = Pipeline([("select", select), ("regress", last())]).fit(X, y)
    independent = evaluate_hypotheses(plain, X, y, **options)
    name = "auc_low" if last is HypothesisClassifier else "r2_low"
    assert (evaluation.ceilings[name] != independent.ceilings[name]).all()
    assert "CR2" in evaluation.methods()
    assert "Holm" in evaluation.methods()
    with pytest.raises(ValueError, match="Set cov_type='cluster'"):
        evaluate_hypotheses(plain, X, y, groups=author)


@pytest.mark.parametrize("last", [HypothesisRegressor, HypothesisClassifier])
def test_controls_are_no_hypotheses(last, tmp_path):
    rng = np.random.default_rng(5)
    X = pd.DataFrame((rng.random((600, 3)) < 0.4) * 1.0, columns=list("abc"))
    X["c"] = np.where(rng.random(600) < 0.1, X["c"], X["b"])  # two that agree
    X["shop"] = rng.choice(["A", "B"], 600)
    y = X["a"] + 2 * (X["shop"] == "B") + rng.normal(size=600)
    y = y > 1 if last is HypothesisClassifier else y
    parts = ColumnTransformer(
        [("texts", NeuronSelector(3, method="correlation"), list("abc"))]
        + [("controls", "passthrough", ["shop"])]
    ).set_output(transform="pandas")
    pipe = Pipeline([("parts", parts), ("regress", last(controls=["shop"]))])
    pipe.fit(X[:300], y[:300])
    evaluation = evaluate_hypotheses(
        pipe, X[300:], y[300:], X_train=X[:300], y_train=y[:300]
    )
    assert sorted(evaluation.table["hypothesis"]) == [f"texts__{c}" for c in "abc"]
    assert sorted(evaluation.annotations) == [f"texts__{c}" for c in "abc"]
    assert len(evaluation.groups) == evaluation.metrics["n_groups"] == 2
    assert evaluation.controls["control"].tolist() == ["shop = B"]
    assert evaluation.to_dict()["controls"][0]["control"] == "shop = B"
    assert evaluation.metrics["n_hypotheses"] == 3
    name = "auc" if last is HypothesisClassifier else "r2"
    ceilings = evaluation.ceilings[name]
    assert ceilings["hypotheses"] == evaluation.metrics[f"{name}_hypotheses"]
    added = evaluation.metrics[f"delta_{name}"]
    assert f"so the texts add {added:.3f} (p" in evaluation.verdict
    report = write_report(evaluation, tmp_path / "report.html").read_text("utf-8")
    assert "<h3>Controls</h3>" in report and "shop = B" in report
    assert "the control shop = B, which was not tested" in evaluation.methods()
    # A group is tested beside the controls, too.
    lone = evaluation.groups[evaluation.groups["members"].map(len) == 1].iloc[0]
    assert lone["standard_error"] < 2 * evaluation.table["standard_error"].min()


@pytest.mark.parametrize(
    "container", [list, pd.Series, lambda t: pd.DataFrame({"t": t})]
)
def test_texts_that_were_learnt_from_are_no_test(container):
    rng = np.random.default_rng(0)
    texts = [f"text {i} {'good' if i % 2 else 'bad'}" for i in range(60)]
    y = np.arange(60) % 2 + rng.normal(size=60)
    read = FunctionTransformer(
        lambda X: np.array([["good" in str(t)] for t in np.ravel(X)], float)
    )
    pipe = Pipeline([("read", read), ("regress", HypothesisRegressor())])
    X = container(texts)
    pipe.fit(X[:40], y[:40])
    with pytest.warns(UserWarning, match="10 of 30 texts to test on are also in X_tr"):
        evaluate_hypotheses(pipe, X[30:], y[30:], X_train=X[:40], y_train=y[:40])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate_hypotheses(pipe, X[40:], y[40:], X_train=X[:40], y_train=y[:40])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], "X has no rows"),
        (None, "X is None. Pass the texts"),
        ("a text", r"X is one str.*\[text\]"),
    ],
)
def test_no_rows_are_refused(rows, X, message):
    pipe = make_pipeline().fit(*rows[:2])
    with pytest.raises(ValueError, match=message):
        evaluate_hypotheses(pipe, X, [] if X == [] else rows[3])


def test_rows_of_numbers_are_no_texts_to_compare():
    X = [[float(i % 2), 1.0] for i in range(60)]
    y = np.arange(60) % 2 + np.random.default_rng(0).normal(size=60)
    pipe = Pipeline([("regress", HypothesisRegressor())]).fit(X, y)
    evaluation = evaluate_hypotheses(pipe, X, y, X_train=X, y_train=y)
    assert evaluation.metrics["n"] == 60
