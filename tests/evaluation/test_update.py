"""New texts into a fitted pipeline: tested again, and beside the earlier ones."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact
from sklearn.pipeline import Pipeline

from sklearn_hsae import (
    HypothesisClassifier,
    HypothesisRegressor,
    LSAEmbedder,
    evaluate_hypotheses,
    make_hypothesis_pipeline,
)
from sklearn_hsae.evaluation import load_evaluation, save_evaluation


def weeks(n_rows=600, seed=0):
    """Annotations of three columns, a control and the noise of an outcome."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.integers(2, size=(n_rows, 3)) * 1.0, columns=list("abc"))
    X.insert(1, "age", rng.normal(size=n_rows))
    return X, rng.normal(size=n_rows)


@pytest.mark.parametrize("last", [HypothesisRegressor, HypothesisClassifier])
@pytest.mark.parametrize("kind", ["frame", "array"])
def test_all_rows_so_far_are_tested_as_if_they_had_come_at_once(last, kind):
    X, noise = weeks()
    y = X["a"].to_numpy() + 0.3 * X["age"].to_numpy() + noise
    y = y > 0.5 if last is HypothesisClassifier else y
    controls = ["age"] if kind == "frame" else None
    X = X if kind == "frame" else X.drop(columns="age").to_numpy()
    pipe = Pipeline([("last", last(controls=controls))]).fit(X[:200], y[:200])
    evaluation = evaluate_hypotheses(pipe, X[200:350], y[200:350])
    update = evaluation.update(pipe, X[350:450], y[350:450])
    update = update.so_far.update(pipe, X[450:], y[450:])
    both = (update.new, slice(450, 600)), (update.so_far, slice(200, 600))
    for found, rows in both:
        expected = evaluate_hypotheses(pipe, X[rows], y[rows])
        pd.testing.assert_frame_equal(found.table, expected.table)
        pd.testing.assert_frame_equal(found.groups, expected.groups)
        pd.testing.assert_frame_equal(found.drift, expected.drift)
        assert found.metrics == expected.metrics
        assert found.settings == expected.settings
        assert found.verdict == expected.verdict


def test_an_effect_that_has_turned_is_told(tmp_path):
    X, noise = weeks()
    is_new = np.arange(600) >= 400
    y = np.where(is_new, -1, 1) * X["a"] + noise
    pipe = Pipeline([("last", HypothesisRegressor())]).fit(X[:200], y[:200])
    evaluation = evaluate_hypotheses(pipe, X[200:400], y[200:400])
    update = evaluation.update(pipe, X[400:], y[400:])
    table = update.compare()
    assert table["group"].unique().tolist() == ["earlier", "new"]
    differs = table.groupby("hypothesis")["differs"].any()
    assert differs.to_dict() == {"a": True, "age": False, "b": False, "c": False}
    new = table[(table["hypothesis"] == "a") & (table["group"] == "new")].iloc[0]
    design = np.column_stack([X[is_new], np.ones(200)])
    assert new["coefficient"] == pytest.approx(np.linalg.lstsq(design, y[is_new])[0][0])
    # A few rows can be tested and not be compared.
    few = evaluation.update(pipe, X[400:415], y[400:415])
    assert few.new.metrics["n"] == 15 and few.so_far.metrics["n"] == 215
    with (
        pytest.raises(ValueError, match="20 rows or more"),
        pytest.warns(UserWarning, match="Left out"),
    ):
        few.compare()
    with pytest.raises(ValueError, match="Pass the pipeline that was evaluated"):
        others = X.rename(columns={"a": "other"})
        again = Pipeline([("last", HypothesisRegressor())]).fit(others, y)
        evaluation.update(again, others, y)
    loaded = load_evaluation(save_evaluation(evaluation, tmp_path / "e.json"))
    with pytest.raises(ValueError, match="was loaded from a file"):
        loaded.update(pipe, X[400:], y[400:])


def test_groups_go_on_in_the_new_rows():
    X, noise = weeks()
    authors = np.arange(600) % 40
    y = X["a"].to_numpy() + noise + 0.1 * (authors % 3)
    last = HypothesisRegressor(cov_type="cluster")
    pipe = Pipeline([("last", last)])
    pipe.fit(X[:200], y[:200], last__groups=authors[:200])
    old, new = slice(200, 400), slice(400, 600)
    evaluation = evaluate_hypotheses(pipe, X[old], y[old], groups=authors[old])
    update = evaluation.update(pipe, X[new], y[new], groups=authors[new])
    expected = evaluate_hypotheses(pipe, X[200:], y[200:], groups=authors[200:])
    pd.testing.assert_frame_equal(update.so_far.table, expected.table)
    assert update.so_far.metrics["n_clusters"] == 40


def test_only_new_texts_are_embedded_and_drift_is_counted(reviews, monkeypatch):
    texts, y = np.asarray(reviews.texts, dtype=object), np.asarray(reviews.target)
    embed = LSAEmbedder(20, random_state=0)
    pipe = make_hypothesis_pipeline(
        embedder=embed, n_neurons=16, k=3, n_select=3, random_state=0
    )
    pipe.set_params(sae__max_epochs=2).fit(texts[:90], y[:90])
    evaluation = evaluate_hypotheses(pipe, texts[90:150], y[90:150])
    embedded, transform = [], pipe["embed"].transform
    monkeypatch.setattr(
        pipe["embed"], "transform", lambda X: embedded.extend(X) or transform(X)
    )
    # Half of the new texts are one text, so what it has is more frequent.
    new = [*texts[150:180], *[texts[150]] * 30, texts[90]]
    with pytest.warns(UserWarning, match="1 of 61 new texts are among the earlier"):
        update = evaluation.update(pipe, new, y[: len(new)])
    assert embedded == new
    assert update.so_far.metrics["n"] == 60 + len(new)
    pd.testing.assert_frame_equal(update.so_far.fidelity, update.new.fidelity)
    assert update.new.drift["n"].tolist() == [61] * 3
    neurons = update.new.neuron_drift
    assert neurons["drifts"].any()
    names = pipe["interpret"].fidelity_
    assert neurons["concept"].tolist() == names["concept"].tolist()
    before, now = (
        (pipe[:3].transform(part).to_numpy() > 0).sum(axis=0)
        for part in (texts[:90], new)
    )
    for j, p in enumerate(neurons["p"]):
        counts = [[before[j], 90 - before[j]], [now[j], 61 - now[j]]]
        tails = [fisher_exact(counts, side)[1] for side in ("less", "greater")]
        assert p == pytest.approx(min(1, 2 * min(tails)))


def test_weights_leave_no_counts_to_compare():
    X, noise = weeks(200)
    pipe = Pipeline([("last", HypothesisRegressor())])
    pipe.fit(X, noise, last__sample_weight=np.arange(1, 201))
    assert evaluate_hypotheses(pipe, X, noise).drift is None
