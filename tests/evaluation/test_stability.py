"""How often hypotheses come back, on steps whose every repeat is known."""

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from llm_server import language_model
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline, make_pipeline

from sklearn_hsae import (
    ConceptAnnotator,
    DiscoverySplit,
    EmbeddingTransformer,
    HypothesisClassifier,
    HypothesisRegressor,
    LLMInterpreter,
    NeuronSelector,
    evaluate_hypotheses,
    make_hypothesis_pipeline,
    with_texts,
    write_report,
)
from sklearn_hsae.evaluation import stability

FITS = []  # of Moody: what each fit got


class Moody(TransformerMixin, BaseEstimator):
    """Finds column 0 always, and column 1 or 2 by whether its seed is even."""

    def __init__(self, random_state=0):
        self.random_state = random_state

    def fit(self, X, y=None, weights=None):
        FITS.append((self.random_state, X["row"].to_numpy(), np.asarray(y), weights))
        self.is_fitted_ = True
        return self

    def transform(self, X):
        second = 1 + self.random_state % 2
        found = X[["a0", f"a{second}"]]
        return found.set_axis([f"always {self.random_state}", f"a{second}"], axis=1)


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.integers(2, size=(120, 3)).astype(float)).add_prefix("a")
    y = X["a0"] - X["a1"] + rng.normal(size=120)
    FITS.clear()
    return X.assign(row=np.arange(120)), y.to_numpy()


@pytest.fixture
def pipe(rows):
    pipe = Pipeline([("find", Moody()), ("regress", HypothesisRegressor())]).fit(*rows)
    FITS.clear()
    return pipe


def test_what_depends_on_the_seed_is_counted(rows, pipe):
    table = stability(pipe, *rows, n_repeats=7, random_state=3)
    seeds = [seed for seed, *_ in FITS]
    n_even = sum(seed % 2 == 0 for seed in seeds)
    assert len(set(seeds)) == 7 and 0 < n_even < 7
    assert table["hypothesis"].tolist() == ["always 0", "a1"]
    assert table["n_returned"].tolist() == [7, n_even]
    assert table["n_repeats"].tolist() == [7, 7]
    np.testing.assert_allclose(table["share_returned"], [1, n_even / 7])
    assert table["same_sign"].tolist() == [1.0, 1.0]
    # The words differ each time, and count for nothing.
    assert table["found_as"].tolist() == [
        [f"always {seed}" for seed in seeds],
        ["a1"] * n_even,
    ]
    # Column 2 is the match of column 1 where there is no better one.
    r = np.corrcoef(rows[0]["a1"], rows[0]["a2"])[0, 1]
    assert table["agreement"][0] == pytest.approx(1)
    assert table["agreement"][1] == pytest.approx((n_even + (7 - n_even) * r) / 7)
    again = stability(pipe, *rows, n_repeats=7, random_state=3)
    pd.testing.assert_frame_equal(table, again)
    assert pipe["find"].random_state == 0


def test_a_sign_that_turns_is_no_same_sign(rows, pipe):
    # Beside column 1, column 0 raises y; beside column 2, which is nearly its copy, it
    # lowers it.
    X, y = rows
    X["a2"] = np.where(np.arange(120) % 12 == 0, 1 - X["a0"], X["a0"])
    y = 4 * X["a2"] - 2 * X["a0"] + 0.1 * y
    pipe.fit(X, y)
    FITS.clear()
    table = stability(pipe, X, y, n_repeats=7, random_state=3).set_index("hypothesis")
    n_even = sum(seed % 2 == 0 for seed, *_ in FITS)
    assert table.loc["always 0", "n_returned"] == 7
    assert table.loc["always 0", "same_sign"] == pytest.approx(n_even / 7)


def test_bootstrap_draws_rows_or_whole_groups(rows, pipe):
    X, y = rows
    stability(pipe, X, y, resample="bootstrap", n_repeats=2, random_state=0)
    for _, drawn, target, _ in FITS:
        assert len(drawn) == 120 and 60 < len(set(drawn)) < 95  # 1 - 1/e of them
        np.testing.assert_array_equal(target, y[drawn])
    FITS.clear()
    groups = np.array(list("abcdefghij"))[np.arange(120) % 10]
    stability(
        pipe,
        X,
        y,
        resample="bootstrap",
        groups=groups,
        params={"find__weights": np.arange(120.0)},
        n_repeats=2,
        random_state=0,
    )
    for _, drawn, _, weights in FITS:
        counts = np.bincount(drawn, minlength=120).reshape(12, 10)
        assert (counts == counts[0]).all() and counts[0].sum() == 10
        assert counts[0].max() > 1
        np.testing.assert_array_equal(weights, drawn)


def test_a_selector_that_counts_groups_gets_them(rows):
    X, y = rows
    select = NeuronSelector(2, method="correlation", min_groups=3)
    pipe = Pipeline([("select", select), ("regress", HypothesisRegressor())])
    authors = np.arange(120) % 10
    pipe.fit(X, y, select__groups=authors)
    table = stability(pipe, X, y, groups=authors, n_repeats=2, random_state=0)
    assert (table["n_returned"] == 2).all()  # nothing in it depends on a seed
    split = DiscoverySplit(pipe, random_state=0).fit(X, y, groups=authors)
    assert len(split.summary_) == 2


@pytest.mark.parametrize("groups", [None, np.arange(120) // 3])
def test_a_discovery_split_is_repeated_on_its_own_rows(rows, pipe, groups):
    X, y = rows
    model = DiscoverySplit(pipe, random_state=0).fit(X, y, groups=groups)
    for resample in ("seed", "bootstrap"):
        FITS.clear()
        of_rows = groups if resample == "bootstrap" else None
        options = {"resample": resample, "groups": of_rows, "random_state": 0}
        table = stability(model, X, y, n_repeats=1, **options)
        ((_, drawn, target, _),) = FITS
        assert set(drawn) <= set(model.discovery_rows_) and len(drawn) == 60
        np.testing.assert_array_equal(target, y[drawn])
        assert (resample == "seed") == (set(drawn) == set(model.discovery_rows_))
        assert set(table["hypothesis"]) == set(model.summary_["hypothesis"])


def test_repeats_at_the_same_time_give_the_same_table(rows, pipe):
    tables = []
    for n_jobs in (None, 2):
        with parallel_config(backend="threading"):
            tables.append(stability(pipe, *rows, n_jobs=n_jobs, random_state=0))
    pd.testing.assert_frame_equal(*tables)


def test_annotations_are_compared_on_the_common_rows(rows, pipe):
    X, y = rows
    common = X[:60].copy()
    common["a2"] = common["a1"]  # there, the two cannot be told apart
    table = stability(
        pipe, X, y, X_common=common, y_common=y[:60], n_repeats=4, random_state=3
    )
    assert (table["n_returned"] == 4).all() and (table["agreement"] == 1).all()


def test_effects_on_three_classes(rows):
    X, y = rows
    classes = np.array(["low", "mid", "high"])[np.digitize(y, [-0.7, 0.7])]
    pipe = make_pipeline(Moody(), HypothesisClassifier()).fit(X, classes)
    table = stability(pipe, X, classes, n_repeats=4, random_state=3)
    assert table["n_returned"][0] == 4 and table["same_sign"][0] == 1


def test_few_hypotheses_again_are_no_error(rows):
    # A repeat may find fewer hypotheses; the others have not come back.
    X, y = rows

    class Fewer(Moody):
        def transform(self, X):
            return super().transform(X).iloc[:, : 2 - bool(self.random_state)]

    pipe = make_pipeline(Fewer(), HypothesisRegressor()).fit(X, y)
    table = stability(pipe, X, y, n_repeats=2, random_state=0)
    assert table["n_returned"].tolist() == [2, 0]
    assert table["agreement"].tolist() == [1, 0]
    assert np.isnan(table["same_sign"][1]) and table["found_as"][1] == []


class CountingEmbedder(EmbeddingTransformer):
    n_texts = []

    def transform(self, X):
        self.n_texts.append(len(X))
        return super().transform(X)


@pytest.fixture(scope="module")
def fitted(reviews, minilm):
    texts, y = reviews.texts[:160], reviews.target[:160]
    pipe = make_hypothesis_pipeline(
        embedder=minilm, n_neurons=16, k=2, n_select=3, random_state=0
    )
    pipe.set_params(sae__max_epochs=3)
    pipe.steps[0] = ("embed", CountingEmbedder(minilm))
    return pipe.fit(texts, y), texts, y


# A short training on so few texts leaves some neurons without a name.
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_whole_pipeline_embeds_once(fitted, reviews, tmp_path):
    pipe, texts, y = fitted
    new_texts, new_y = reviews.texts[160:], reviews.target[160:]
    CountingEmbedder.n_texts.clear()
    table = stability(
        pipe,
        texts,
        y,
        X_common=new_texts,
        y_common=new_y,
        n_repeats=2,
        resample="bootstrap",
        random_state=0,
    )
    assert CountingEmbedder.n_texts == [160, 80]
    assert set(table["hypothesis"]) == set(pipe[:-1].get_feature_names_out())
    assert table["n_returned"].between(0, 2).all()
    assert table["share_returned"].is_monotonic_decreasing

    evaluation = evaluate_hypotheses(pipe, new_texts, new_y).with_stability(table)
    counts = evaluation.table.set_index("hypothesis")["n_returned"]
    assert counts.to_dict() == table.set_index("hypothesis")["n_returned"].to_dict()
    assert evaluation.to_dict()["hypotheses"][0]["n_repeats"] == 2
    page = write_report(evaluation, tmp_path / "report.html").read_text("utf-8")
    assert "Returned" in page and f"{counts.iloc[0]} of 2" in page
    assert "Returned" in evaluation.to_markdown()
    n_most = (table["n_returned"] == 2).sum()
    assert f"repeated 2 times with other seeds; {n_most} of" in evaluation.methods()
    with pytest.raises(ValueError, match="table of the same fitted pipeline"):
        evaluation.with_stability(table[1:])
    with pytest.raises(ValueError, match=r"that .*stability returned, got a DataFrame"):
        evaluation.with_stability(table.drop(columns="n_returned"))


# What the budget does not allow for is NaN, and each step says so.
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_one_budget_holds_for_all_repeats(server, tmp_path):
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice([f"word{i}" for i in range(9)], 5)) for _ in range(60)]
    fires = np.array([[f"word{j}" in text for j in (1, 2)] for text in texts], float)
    X = with_texts(pd.DataFrame(fires, columns=["sae1", "sae2"]), texts)
    y = fires @ [1.0, -1.0] + rng.normal(size=60)
    options = {"cache_dir": str(tmp_path), "max_calls": 40}
    llm = language_model(server, options)
    interpret = LLMInterpreter(llm, n_candidates=1, random_state=0)
    annotate = ConceptAnnotator(llm=llm, random_state=0)
    pipe = make_pipeline(interpret, annotate, HypothesisRegressor()).fit(X, y)
    n_first = len(server.calls)
    table = stability(pipe, X, y, n_repeats=1, random_state=0)
    assert n_first < len(server.calls) <= 40
    assert (table["agreement"] > 0.5).all()
    with pytest.raises(Exception, match="max_calls"):
        stability(pipe, X, y, n_repeats=40, random_state=1)
    assert len(server.calls) <= 40


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_repeats": 0}, "'n_repeats' parameter of stability must be an int in"),
        ({"resample": "half"}, "'resample' parameter of stability must be a str among"),
        ({"groups": np.ones(119)}, "inconsistent numbers of samples"),
        ({"min_agreement": 0}, "'min_agreement' parameter of stability must be a"),
        ({"y_common": [1.0]}, "Pass both X_common and y_common"),
        ({"y": [1.0]}, "inconsistent numbers of samples"),
        ({"pipeline": NeuronSelector()}, "Expected a fitted sklearn.pipeline"),
    ],
)
def test_bad_input(rows, pipe, change, message):
    options = {"y": rows[1], **change}
    pipe = options.pop("pipeline", pipe)
    with pytest.raises(ValueError, match=message):
        stability(pipe, rows[0], options.pop("y"), **options)


def test_a_pipeline_of_one_step_finds_nothing(rows):
    X, y = rows
    pipe = make_pipeline(HypothesisRegressor()).fit(X[["a0"]], y)
    with pytest.raises(ValueError, match="nothing in it looks for hypotheses"):
        stability(pipe, X[["a0"]], y)
