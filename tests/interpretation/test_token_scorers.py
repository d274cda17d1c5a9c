"""Names and scores with the words at which neurons fire: the reader is a rule."""

import re

import numpy as np
import pandas as pd
import pytest
from llm_server import LLMServer, language_model

from sklearn_hsae import LLMInterpreter, with_texts
from sklearn_hsae._marks import mark_spans
from sklearn_hsae._tokens import CarriedTokens, carry_tokens
from sklearn_hsae.interpretation import estimate_scores, score_concepts
from sklearn_hsae.reader import TokenActivations

WORDS = [f"word{i}" for i in range(30)]


class Reader:
    """Neuron "n3" fires at "word3", with the number of letters before it."""

    def get_feature_names_out(self):
        return np.array([f"n{i}" for i in range(30)], dtype=object)

    def token_activations(self, texts, features):
        (feature,) = features
        values, spans, indptr = [], [], [0]
        for text in texts:
            for place in re.finditer(r"\w+", text):
                fires = place[0] == f"word{feature[1:]}"
                values.append(float(fires))
                spans.append(place.span())
            indptr.append(len(values))
        values = pd.DataFrame({"v": values}).astype(np.float32)
        return TokenActivations(
            values.astype(pd.SparseDtype(np.float32, 0)).sparse.to_coo().tocsr(),
            np.array(indptr),
            np.array(spans),
            np.array(features),
        )

    def mark(self, texts, feature, *, marks):
        found = self.token_activations(texts, [feature])
        fires = found.activations.toarray()[:, 0] > 0
        slices = [slice(*pair) for pair in zip(found.indptr, found.indptr[1:])]  # noqa: B905
        return [
            mark_spans(text, found.spans[tokens][fires[tokens]], marks)
            for text, tokens in zip(texts, slices, strict=True)
        ]


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, 12, replace=False)) for _ in range(240)]
    columns = {
        f"n{i}": [float(f"word{i}" in text.split()) for text in texts] for i in (1, 2)
    }
    return carry_tokens(
        with_texts(pd.DataFrame(columns), texts), CarriedTokens(Reader())
    )


@pytest.fixture(scope="module")
def server():
    with LLMServer() as server:
        yield server


def test_the_prompt_marks_the_words_at_which_a_neuron_fires(frame, server):
    interpreter = LLMInterpreter(
        language_model(server, {}), n_candidates=1, n_scoring=0, random_state=0
    )
    named = interpreter.fit_transform(frame)
    assert list(named.columns) == ["mentions word1", "mentions word2"]
    prompts = [call["body"]["messages"][0]["content"] for call in server.calls[-2:]]
    for prompt in prompts:
        firing = re.search("<texts-on-which-it-fires>\n(.*?)\n</", prompt, re.DOTALL)[1]
        assert firing.count("[[word") == 10
        assert len(set(re.findall(r"\[\[(.*?)\]\]", firing))) == 1
        silent = prompt[prompt.index("<texts-on-which-it-is-silent>") :]
        assert "[[word" not in silent
        assert "[[ and ]] stand around the words" in prompt
    without = carry_tokens(frame.copy(), None)
    without.attrs.clear()
    interpreter.fit(without)
    assert "[[" not in server.calls[-1]["body"]["messages"][0]["content"]


def test_scores_of_a_right_and_a_wrong_label_by_words(frame, server):
    for label, is_right in (("mentions word1", True), ("mentions word9", False)):
        tokens = CarriedTokens(Reader(), {label: "n1"})
        named = carry_tokens(frame[["n1"]].set_axis([label], axis=1), tokens)
        table = score_concepts(
            named,
            scorers=("fuzz", "simulation"),
            llm=language_model(server, {}),
            n_texts=40,
            random_state=0,
        )
        values = table[table["quantile"].isna()].set_index("metric")["value"]
        assert values["balanced_accuracy"] == (1 if is_right else 0.5)
        if is_right:
            assert values["n_rows"] == 20
            assert values["correlation"] == pytest.approx(1)
            assert values["explained_variance"] == pytest.approx(1)
        else:
            # One word in thirty is predicted, and it is never the right one.
            assert -0.1 < values["correlation"] < 0


def test_the_estimate_has_the_questions_that_are_asked(frame):
    label = "mentions word1"
    tokens = CarriedTokens(Reader(), {label: "n1"})
    named = carry_tokens(frame[["n1"]].set_axis([label], axis=1), tokens)
    options = {"n_texts": 40, "random_state": 0}
    for scorer in ("detection", "recall", "fuzz", "simulation"):
        with LLMServer() as server:
            llm = language_model(server, {})
            scored = {"scorers": [scorer], "llm": llm, **options}
            estimate = estimate_scores(named, **scored)
            assert not server.calls
            score_concepts(named, **scored)
            prompts = [c["body"]["messages"][0]["content"] for c in server.calls]
        assert estimate["calls"] == len(prompts), scorer
        n_tokens = sum(map(len, prompts)) / estimate["prompt_tokens"]
        assert 2 < n_tokens < 6, scorer  # characters per token


def test_what_was_judged_is_recorded_text_by_text(frame, server):
    label = "mentions word1"
    tokens = CarriedTokens(Reader(), {label: "n1"})
    named = carry_tokens(frame[["n1"]].set_axis([label], axis=1), tokens)
    scorers = ("detection", "recall", "fuzz", "simulation")
    llm = language_model(server, {})
    table = score_concepts(
        named, scorers=scorers, llm=llm, n_texts=40, n_quantiles=2, random_state=0
    )
    examples = pd.DataFrame(table.attrs["examples"])
    assert examples["scorer"].value_counts().to_dict() == {
        "detection": 40,
        "simulation": 40,
        "recall": 20,
        "fuzz": 20,
    }
    of = dict(list(examples.groupby("scorer")))
    mentions = of["detection"]["text"].map(lambda text: "word1" in text.split())
    assert (of["detection"]["prediction"] == mentions).all()
    assert (of["detection"]["activating"] == mentions).all()
    assert (of["detection"]["quantile"] > 0).tolist() == mentions.tolist()
    is_marked = of["fuzz"]["text"].str.contains("[[word1]]", regex=False)
    assert (of["fuzz"]["activating"] == is_marked).all()
    assert (of["fuzz"]["correct"] == 1).all()
    first = of["simulation"].iloc[0]
    assert len(first["words"]) == len(first["prediction"]) == 12
    assert first["activation"][first["words"].index("word1")] == 1


def test_a_reply_that_is_no_list_is_no_prediction(frame):
    def answer(prompt):
        return '{"t1": [{"word": 99, "strength": 3}], "t2": "none", "t3": [3]}'

    tokens = CarriedTokens(Reader(), {"x": "n1"})
    named = carry_tokens(frame[["n1"]].set_axis(["x"], axis=1), tokens)
    with LLMServer(answer) as server:
        table = score_concepts(
            named,
            scorers=["simulation"],
            llm=language_model(server, {}),
            n_texts=6,
            n_quantiles=1,
            random_state=0,
        )
    values = table[table["metric"] == "predicted"].set_index("quantile")["value"]
    assert values.to_dict() == {0: 0, 1: 0}
    assert table.loc[table["metric"] == "correlation", "value"].item() == 0
