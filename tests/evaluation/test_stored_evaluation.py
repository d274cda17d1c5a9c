"""An evaluation in a file is the evaluation."""

import json
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from sklearn_hsae import (
    HypothesisClassifier,
    HypothesisRegressor,
    evaluate_hypotheses,
)
from sklearn_hsae.evaluation import load_evaluation, save_evaluation

OUTCOMES = {
    "numbers": lambda x, noise: x + noise,
    "booleans": lambda x, noise: x + noise > 0.5,
    "three classes": lambda x, noise: np.digitize(x + noise, [0, 1]) * 10,
    "words": lambda x, noise: np.where(x + noise > 0.5, "good", "bad"),
}


@pytest.fixture(params=OUTCOMES)
def evaluation(request):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.integers(2, size=(300, 4)) * 1.0, columns=list("abcd"))
    X["d"] = 1.0  # constant: NaN and a note in the table
    y = OUTCOMES[request.param](X["a"].to_numpy(), rng.normal(size=300))
    last = HypothesisRegressor if y.dtype == float else HypothesisClassifier
    pipe = Pipeline([("last", last(controls=["c"]))]).fit(X[:150], y[:150])
    return evaluate_hypotheses(pipe, X[150:], y[150:], X_train=X[:150], y_train=y[:150])


def test_every_part_comes_back(evaluation, tmp_path):
    again = load_evaluation(save_evaluation(evaluation, tmp_path / "e.json"))
    for field in fields(evaluation):
        before, after = (getattr(e, field.name) for e in (evaluation, again))
        if field.name == "held_out":
            with pytest.raises(ValueError, match="was loaded from a file"):
                again.by_group(np.resize(["a", "b"], 150))
        elif isinstance(before, pd.DataFrame):
            before = before.copy()
            before.attrs.clear()
            if field.name == "annotations":
                before = before.reset_index(drop=True)
            pd.testing.assert_frame_equal(after, before)
        else:
            assert after == before, field.name
    assert repr(again) == repr(evaluation)
    assert again.to_dict() == evaluation.to_dict()
    assert again.methods() == evaluation.methods()
    assert again.to_markdown() == evaluation.to_markdown()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda stored: "{", "no complete file"),
        (lambda stored: "[]", "no complete file"),
        (lambda stored: json.dumps(stored | {"format": 0}), "in another format"),
        (lambda stored: json.dumps(stored | {"more": 1}), "in another format"),
    ],
)
def test_another_file_is_named(tmp_path, edit, message):
    pipe = Pipeline([("last", HypothesisRegressor())])
    X, y = np.eye(40)[:, :2], np.arange(40.0)
    evaluation = evaluate_hypotheses(pipe.fit(X, y), X, y)
    path = save_evaluation(evaluation, tmp_path / "e.json")
    path.write_text(edit(json.loads(path.read_text("utf-8"))), "utf-8")
    with pytest.raises(ValueError, match=message):
        load_evaluation(path)
    with pytest.raises(FileNotFoundError):
        load_evaluation(tmp_path / "nothing.json")
