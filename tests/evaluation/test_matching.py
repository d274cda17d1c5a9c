"""Matching with known concepts, against all assignments and scikit-learn's scores."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from llm_server import LLMServer, language_model
from sklearn.metrics import f1_score, matthews_corrcoef

from sklearn_hsae.evaluation import match_hypotheses


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(0)
    truth = rng.random((200, 4)) < 0.3
    found = truth[:, [2, 0, 1, 3, 3]] ^ (rng.random((200, 5)) < 0.25)
    return (
        pd.DataFrame(found.astype(float), columns=list("vwxyz")),
        pd.DataFrame(truth.astype(float), columns=list("ABCD")),
    )


@pytest.mark.parametrize(
    ("by", "score"), [("f1", f1_score), ("correlation", matthews_corrcoef)]
)
def test_no_other_assignment_has_a_larger_sum(frames, by, score):
    found, reference = frames
    scores = np.array(
        [[score(reference[r], found[f]) for f in found] for r in reference]
    )
    best = max(
        sum(scores[i, j] for i, j in enumerate(order))
        for order in permutations(range(5), 4)
    )
    table = match_hypotheses(found, reference, by=by)
    assert table[by].sum() == pytest.approx(best)
    for row in table.itertuples():
        pair = reference[row.reference], found[row.hypothesis]
        assert row.f1 == pytest.approx(f1_score(*pair))
        assert row.correlation == pytest.approx(matthews_corrcoef(*pair))


def test_the_sum_decides_and_not_the_best_single_pair():
    # Greedy matching would give w to A; B fits w better.
    reference = pd.DataFrame({"A": [1, 1, 1, 0], "B": [1, 1, 0, 0]})
    found = pd.DataFrame({"w": [1.0, 1.0, 0.0, 0.0], "x": [1.0, np.nan, 1.0, 0.0]})
    table = match_hypotheses(found, reference)
    assert table["hypothesis"].tolist() == ["x", "w"] and (table["f1"] == 1).all()


def test_concepts_without_a_hypothesis_are_listed(frames):
    found, reference = frames
    table = match_hypotheses(found[["w"]], reference)
    assert table["reference"].tolist() == list("ABCD")
    assert table["hypothesis"].tolist() == ["w", None, None, None]
    assert table["f1"].isna().tolist() == [False, True, True, True]


def test_rows_that_were_not_judged_do_not_count(frames):
    found, reference = frames
    partly = found.copy()
    partly.loc[50:, "w"] = np.nan
    row = match_hypotheses(partly[["w"]], reference[["A"]]).loc[0]
    assert row["f1"] == pytest.approx(f1_score(reference["A"][:50], found["w"][:50]))


def test_wording_needs_no_equal_words(minilm):
    found = pd.DataFrame(np.eye(2), columns=["the staff was impolite", "a long queue"])
    reference = pd.DataFrame(np.eye(2), columns=["waiting time", "rude employees"])
    table = match_hypotheses(found, reference, by="wording", embedder=minilm)
    assert table["hypothesis"].tolist() == ["a long queue", "the staff was impolite"]
    assert (table["similarity"] > 0.3).all()


def test_a_language_model_says_which_words_mean_the_same(server):
    found = pd.DataFrame(np.eye(3), columns=["flight late", "staff rude", "bag lost"])
    reference = pd.DataFrame(np.eye(3)[:, :2], columns=["rude staff", "late dinner"])
    options = {"by": "wording", "llm": language_model(server)}
    table = match_hypotheses(found, reference, **options)
    assert table["hypothesis"].tolist() == ["staff rude", "flight late"]
    assert table["similarity"].tolist() == [1.0, 0.5]
    assert len(server.calls) == 2  # one per reference


def test_replies_that_are_missing_are_named():
    def answer(prompt):
        return '{"p1": "same"}' if '"A"' in prompt else "I do not know."

    found = pd.DataFrame(np.eye(2), columns=["a", "b"])
    reference = pd.DataFrame(np.eye(2), columns=["A", "B"])
    with LLMServer(answer) as server:
        options = {"by": "wording", "llm": language_model(server)}
        with pytest.warns(UserWarning, match="2 of 2 concepts were not compared"):
            table = match_hypotheses(found, reference, **options)
    assert table["hypothesis"].tolist() == ["a", "b"]
    assert table["similarity"].tolist() == [1.0, pytest.approx(np.nan, nan_ok=True)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"found": np.eye(4)}, "found must be a DataFrame"),
        ({"llm": 3}, "'llm' parameter of match_hypotheses must be an instance"),
        ({"llm": "openai/m"}, "Got llm, but by='f1' compares annotations"),
        ({"embedder": "m", "by": "correlation"}, "Got an embedder, but by='corr"),
        ({"embedder": "m", "llm": "openai/m", "by": "wording"}, "Pass one of them"),
        ({"reference": pd.DataFrame({"a": [1]})}, "has 200 rows and reference has 1"),
        ({"by": "mcc"}, "by must be one of"),
        ({"found": pd.DataFrame({"a": ["yes"] * 200})}, 'pass frame == "yes"'),
    ],
)
def test_bad_input(frames, change, message):
    options = {"found": frames[0], "reference": frames[1], **change}
    with pytest.raises(ValueError, match=message):
        match_hypotheses(**options)


def test_annotations_of_pairs_match_with_their_sign(frames):
    rng = np.random.default_rng(1)
    first, second = (rng.random((2, 300, 2)) < 0.4).astype(float)
    reference = pd.DataFrame(first - second, columns=["A", "B"])
    found = reference.set_axis(["opposite of A", "b"], axis=1) * [-1, 1]
    table = match_hypotheses(found, reference, by="correlation").set_index("reference")
    assert table.at["A", "correlation"] < 0 and table.at["A", "f1"] == 0
    assert table.at["B", "hypothesis"] == "b" and table.at["B", "correlation"] == 1
    # Both orders of each pair: the first text has the concept, and the second not.
    noisy = reference.where(rng.random((300, 2)) < 0.8, 0.0)
    orders = [np.vstack([x, -x])[:, 0] > 0 for x in (reference.values, noisy.values)]
    table = match_hypotheses(noisy[["A"]], reference[["A"]])
    assert table["correlation"][0] == pytest.approx(matthews_corrcoef(*orders))
    assert table["f1"][0] == pytest.approx(f1_score(*orders))
