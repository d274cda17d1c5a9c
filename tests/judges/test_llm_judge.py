import json
import pickle
import re
import time
import warnings

import numpy as np
import pandas as pd
import pytest
from llm_server import FAULTS, LLMServer, answer_by_rules, has_property, language_model

from sklearn_hsae import ConceptAnnotator, with_texts
from sklearn_hsae.judges._llm_judge import LLMJudge

WORDS = [f"word{i}" for i in range(120)]
CONCEPTS = [f"mentions word{i}, word{i + 40}" for i in range(12)]


def make_texts(n, length=15, seed=0):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, length)) for _ in range(n)]


def truth_of(texts, concepts=CONCEPTS):
    return np.array([[has_property(c, t) for c in concepts] for t in texts], float)


def judge_of(server, concepts=CONCEPTS, **options):
    llm = language_model(server, options)
    return LLMJudge(llm, **options).fit(concepts, [])


def test_one_call_judges_short_texts_by_many_concepts():
    texts = make_texts(100)
    with LLMServer() as server:
        answers = judge_of(server).judge([*texts, *texts[:20]])  # and each once
    np.testing.assert_array_equal(answers, truth_of([*texts, *texts[:20]]))
    assert len(server.calls) == 13  # 8 texts a call


def test_the_form_names_every_identifier_and_holds_no_dots_to_copy():
    def forms(n_texts, n_concepts):
        with LLMServer() as server:
            judge_of(server, CONCEPTS[:n_concepts]).judge(make_texts(n_texts))
        return server.calls[0]["body"]["messages"][0]["content"].splitlines()[-1]

    assert forms(1, 1).endswith('Its form is {"t1": {"p1": true or false}}.')
    many = forms(8, 12)
    assert "all of p1 to p12" in many and "each of t1 to t8" in many
    assert "..." not in many


def test_long_texts_are_judged_alone_and_cut():
    texts = [t + " late" for t in make_texts(6, length=400)]
    with LLMServer() as server:
        answers = judge_of(server, ["mentions late"]).judge(texts)
        assert judge_of(server, ["mentions late"], max_words=999).judge(texts).all()
    assert not answers.any()
    assert len(server.calls) == 12


def test_concepts_are_split_and_their_order_is_shuffled_by_the_seed():
    def orders(seed):
        with LLMServer() as server:
            judge = judge_of(server, concepts_per_call=5, random_state=seed)
            np.testing.assert_array_equal(judge.judge(texts), truth_of(texts))
        prompts = [call["body"]["messages"][0]["content"] for call in server.calls]
        return sorted(
            re.findall(r"<properties>\n.*?</", p, re.DOTALL)[0] for p in prompts
        )

    texts = make_texts(30)
    assert len(set(orders(0))) == 4 * 3  # 4 groups of texts, 5 + 5 + 2 concepts
    assert orders(0) == orders(0) != orders(1)


def test_answers_left_out_are_asked_again_and_no_others():
    def forgetful(prompt):
        answer = json.loads(answer_by_rules(prompt))
        if len(answer) > 1:
            del answer["t2"]
            del answer["t1"]["p3"]
        return json.dumps(answer)

    texts = make_texts(8)
    with LLMServer(forgetful) as server:
        answers = judge_of(server).judge(texts)
    np.testing.assert_array_equal(answers, truth_of(texts))
    assert len(server.calls) == 3
    again = [
        json.loads(answer_by_rules(c["body"]["messages"][0]["content"]))
        for c in server.calls[1:]
    ]
    assert sorted(len(a["t1"]) for a in again) == [1, 12]


def test_what_answers_leave_out_is_counted_and_named():
    def forgetful(prompt):  # of all concepts but one, whenever it is asked
        answer = json.loads(answer_by_rules(prompt))
        kept = {t: {p: v for p, v in e.items() if p == "p1"} for t, e in answer.items()}
        return json.dumps(kept)

    with LLMServer(forgetful) as server:
        judge = judge_of(server, CONCEPTS[:3])
        with pytest.warns(UserWarning, match="left out 3 pairs.*'mentions word"):
            answers = judge.judge(make_texts(3))
    assert np.isnan(answers).sum() == judge.usage.failures == 3


def test_a_block_that_a_busy_server_refuses_does_not_come_back_text_by_text():
    busy = (429, [], {"error": {"message": "Please retry in 100000 seconds."}})

    with LLMServer(faults=lambda i, body: busy if i > 0 else None) as server:
        judge = judge_of(server, max_concurrency=1)
        with pytest.warns(UserWarning, match="Please retry in"):
            answers = judge.judge(make_texts(16))
    assert np.isnan(answers).any(axis=1).sum() == 8
    assert len(server.calls) == 2


def test_a_slow_server_is_asked_twice_per_block_and_never_text_by_text():
    with LLMServer(latency=1.0) as server:
        judge = judge_of(server, timeout=0.2)
        with pytest.warns(UserWarning, match="no reply came"):
            answers = judge.judge(make_texts(8))
    assert np.isnan(answers).all() and len(server.calls) == 2


def _without_warning(judge, texts):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return judge.judge(texts)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("Yes", 1), ("true.", 1), (1, 1), ("no", 0), (False, 0), ("0", 0)]
    # Neither "not sure" nor "yesterday" is an answer, whatever they begin with.
    + [("not sure", np.nan), ("yesterday", np.nan), (None, np.nan), ("none", np.nan)],
)
def test_what_counts_as_yes_and_no(value, expected):
    def answer(prompt):
        return json.dumps({"t1": {"p1": value, "p2": True}})

    with LLMServer(answer) as server:
        judge = judge_of(server, ["mentions a", "mentions b"])
        judge.random_state = 1  # the one of the first seeds that keeps the order
        result = _without_warning(judge, ["text"])
    np.testing.assert_array_equal(result, [[expected, 1]])


@pytest.mark.parametrize("seed", [0, 1])
def test_with_a_third_of_the_responses_faulty_no_answer_is_wrong(seed):
    rng = np.random.default_rng(seed)
    texts = make_texts(300, seed=seed)

    def faults(i, body):
        return rng.choice([*FAULTS, "400"]) if rng.random() < 0.3 else None

    with LLMServer(faults=faults) as server:
        judge = judge_of(server)
        answers = _without_warning(judge, texts)
    is_answered = ~np.isnan(answers)
    np.testing.assert_array_equal(answers[is_answered], truth_of(texts)[is_answered])
    assert is_answered.all(axis=1).mean() > 0.95
    assert len(server.calls) < 38 * 4  # 38 would do without faults


def test_a_failed_text_is_nan_with_one_counted_warning_that_shows_the_error():
    def faults(i, body):
        return "400" if "poison" in body["messages"][0]["content"] else None

    texts = make_texts(20)
    texts[5] += " poison"
    with LLMServer(faults=faults) as server:
        with pytest.warns(UserWarning, match=r"^1 of 20 .*content filter") as caught:
            answers = judge_of(server).judge(texts)
    assert len(caught) == 1
    # Those that shared a call with it are judged on their own.
    np.testing.assert_array_equal(np.isnan(answers).any(axis=1), np.arange(20) == 5)


def test_a_model_that_breaks_down_midway_loses_nothing_and_is_not_pressed():
    texts = make_texts(400)
    with LLMServer(faults=lambda i, body: "400" if i >= 5 else None) as server:
        with pytest.warns(UserWarning, match="20 requests .* failed in a row"):
            answers = judge_of(server, max_concurrency=4).judge(texts)
    assert len(server.calls) <= 5 + 20 + 4
    assert (~np.isnan(answers)).all(axis=1).sum() == 40


def test_many_refused_texts_are_nan_and_no_error():
    # More in a row than the patience with a model that has never answered.
    texts = [f"{text} poison{i % 2}" for i, text in enumerate(make_texts(60))]

    def faults(i, body):
        return "400" if "poison1" in body["messages"][0]["content"] else None

    with LLMServer(faults=faults) as server:
        judge = judge_of(server, texts_per_call=1, max_concurrency=1)
        with pytest.warns(UserWarning, match="30 of 60 texts"):
            answers = judge.judge(texts)
    np.testing.assert_array_equal(np.isnan(answers).any(axis=1), [False, True] * 30)


def test_an_answer_is_kept_under_its_text_and_concept(tmp_path):
    texts = make_texts(40)
    with LLMServer() as server:
        judge_of(server, cache_dir=tmp_path).judge(texts)
        n_first = len(server.calls)
        # Other texts beside it, another order, another seed: nothing new is asked.
        again = judge_of(server, CONCEPTS[::-1], cache_dir=tmp_path, random_state=5)
        np.testing.assert_array_equal(
            again.judge(texts[::-2]), truth_of(texts[::-2], CONCEPTS[::-1])
        )
        assert len(server.calls) == n_first
        assert again.usage.cache_hits == 20 * 12
        # One more concept: that one alone.
        more = judge_of(server, [*CONCEPTS, "mentions word99"], cache_dir=tmp_path)
        more.judge(texts)
        sent = server.calls[-1]["body"]["messages"][0]["content"]
        assert "word99" in sent and CONCEPTS[0] not in sent
        assert len(server.calls) == n_first + 5


def test_a_budget_keeps_what_is_paid_for():
    texts = make_texts(80)
    with LLMServer() as server:
        judge = judge_of(server, max_calls=4)
        with pytest.warns(UserWarning, match=r"48 of 80.*max_calls=4 is reached"):
            answers = judge.judge(texts)
    assert len(server.calls) == 4
    is_answered = ~np.isnan(answers)
    assert is_answered.all(axis=1).sum() == 32
    np.testing.assert_array_equal(answers[is_answered], truth_of(texts)[is_answered])


def test_the_estimate_counts_what_the_cache_lacks(tmp_path):
    texts = make_texts(80)
    with LLMServer() as server:
        judge = judge_of(server, cache_dir=tmp_path)
        assert judge.estimate_cost(CONCEPTS, texts)["calls"] == 10
        judge.judge(texts[:40])
        assert judge.estimate_cost(CONCEPTS, texts)["calls"] == 5
    assert len(server.calls) == 5


def test_a_fitted_judge_is_pickled():
    with LLMServer() as server:
        judge = judge_of(server)
        judge.judge(["word1"])
        again = pickle.loads(pickle.dumps(judge))
        np.testing.assert_array_equal(again.judge(["word1"]), truth_of(["word1"]))


def test_a_text_of_a_megabyte_and_odd_characters():
    texts = ["word1 " * 170_000, "\ud800 word1", "\x00\x1b word1", "🙂 word1"]
    with LLMServer() as server:
        answers = judge_of(server, ["mentions word1"]).judge(texts)
    assert answers.all()


def test_a_hundred_thousand_kept_answers_are_read_in_three_seconds(tmp_path):
    texts = [f"text {i}" for i in range(5000)]
    concepts = [f"mentions {i}" for i in range(20)]
    with LLMServer(lambda p: _all_no(p)) as server:
        judge = judge_of(server, concepts, cache_dir=tmp_path, texts_per_call=200)
        judge.judge(texts)
        n_calls = len(server.calls)
        start = time.process_time()
        answers = judge.judge(texts)
        seconds = time.process_time() - start
    assert len(server.calls) == n_calls and not answers.any()
    assert seconds < 3


def _all_no(prompt):
    n = len(re.findall(r'^"t\d+": ', prompt, re.MULTILINE))
    return json.dumps(
        {f"t{i + 1}": {f"p{j + 1}": False for j in range(20)} for i in range(n)}
    )


def test_the_annotator_estimates_what_its_fit_costs():
    texts = make_texts(200)
    X = with_texts(pd.DataFrame(np.zeros((200, 12)), columns=CONCEPTS), texts)
    with LLMServer() as server:
        annotate = ConceptAnnotator(
            llm=language_model(server, name="openai/gpt-4o-mini")
        )
        annotate.set_params(fit_sample=80, random_state=0)
        estimate = annotate.estimate_cost(X)
        assert not server.calls and not hasattr(annotate, "concepts_")
        annotate.fit_transform(X)
    assert estimate["calls"] == annotate.usage_["calls"] == 10
    assert annotate.usage_["dollars"] <= estimate["dollars"]
    free = ConceptAnnotator(judge="keyphrase")
    assert free.estimate_cost(X)["dollars"] == 0


def test_the_annotator_shows_as_many_words_as_it_is_told():
    X = with_texts(np.zeros((1, 1)), ["early " * 30 + "late"])
    with LLMServer() as server:
        annotate = ConceptAnnotator(["mentions late"], llm=language_model(server))
        assert annotate.fit_transform(X).iat[0, 0] == 1
        assert annotate.set_params(max_words=30).fit_transform(X).iat[0, 0] == 0
