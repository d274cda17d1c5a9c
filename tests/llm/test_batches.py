"""Half the price through the batch interface, and no batch is ever paid for twice."""

import asyncio
import json
import traceback

import numpy as np
import pandas as pd
import pytest
from llm_server import LLMServer, has_property, language_model

from sklearn_hsae import ConceptAnnotator, LLMInterpreter, with_texts
from sklearn_hsae.judges._llm_judge import LLMJudge
from sklearn_hsae.llm import LanguageModel, LLMClient, Request, _batches, estimate_cost
from sklearn_hsae.llm._replies import UnreadableReply

MODEL = "openai/gpt-4o-mini"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(_batches, "_SHORTEST_WAIT", 0.001)


def echo(prompt):
    return json.dumps({"echo": prompt})


def read_echo(found):
    if "echo" not in found:
        raise UnreadableReply('it has no "echo"')
    return found["echo"]


def questions(n):
    return [
        Request([{"role": "user", "content": f"question {i}"}], {}, read_echo)
        for i in range(n)
    ]


def client_of(server, **options):
    options = {"batch": True, **options}
    return LLMClient(language_model(server, options, name=MODEL))


def test_a_batch_answers_all_at_half_the_price():
    with LLMServer(echo) as server:
        client = client_of(server)
        assert client.ask(questions(30), "") == [f"question {i}" for i in range(30)]
        single = client_of(server, batch=False)
        single.ask(questions(30), "")
    assert len(server.batches) == 1
    assert client.usage.calls == 30
    assert client.usage.dollars == pytest.approx(single.usage.dollars / 2)
    estimate = estimate_cost(LanguageModel(MODEL), questions(30))["dollars"]
    half = estimate_cost(LanguageModel(MODEL, batch=True), questions(30))["dollars"]
    assert half == estimate / 2
    # The same question in a batch as by itself.
    assert server.calls[0]["body"] in [call["body"] for call in server.calls[30:]]


def test_an_interrupted_call_goes_on_with_the_batch_under_way(tmp_path, monkeypatch):
    def interrupt(seconds):
        raise KeyboardInterrupt

    with LLMServer(echo) as server:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(_batches.time, "sleep", interrupt)
            client_of(server, cache_dir=tmp_path).ask(questions(30), "")
        # Ten more have come in the meantime: only they are sent.
        client = client_of(server, cache_dir=tmp_path)
        assert None not in client.ask(questions(40), "")
    assert len(server.batches) == 2 and len(server.calls) == 40
    assert client.usage.calls == 40 and client.usage.dollars > 0


def test_what_a_batch_does_not_answer_is_asked_by_itself():
    faults = [None, "500", "prose", "refusal", "truncated", None]
    with LLMServer(echo, faults=faults) as server:
        client = client_of(server)
        assert client.ask(questions(6), "") == [f"question {i}" for i in range(6)]
    assert len(server.batches) == 1 and len(server.calls) == 6 + 4
    assert client.usage.failures == 0


@pytest.mark.parametrize("end", ["failed", "expired", "cancelled"])
def test_a_batch_that_ends_early_is_an_error_that_keeps_the_answers(tmp_path, end):
    with LLMServer(echo, batch=(1, end)) as server:
        with pytest.raises(RuntimeError, match=f"complete: {end}.*call again"):
            client_of(server, cache_dir=tmp_path).ask(questions(10), "")
        server.batch = (1, "completed")
        client = client_of(server, cache_dir=tmp_path)
        assert None not in client.ask(questions(10), "")
    assert client.usage.cache_hits == 5 and len(server.calls) == 10


def test_a_batch_that_is_gone_is_sent_again_at_the_next_call(tmp_path, monkeypatch):
    # Providers delete them after a month.
    def forget(seconds):
        server.batches.clear()

    with LLMServer(echo) as server:
        with monkeypatch.context() as patch:
            patch.setattr(_batches.time, "sleep", forget)
            with pytest.raises(RuntimeError, match="not known to the provider"):
                client_of(server, cache_dir=tmp_path).ask(questions(3), "")
        assert None not in client_of(server, cache_dir=tmp_path).ask(questions(3), "")


def test_long_work_is_sent_in_several_batches(monkeypatch):
    monkeypatch.setattr(_batches, "_REQUESTS_PER_BATCH", 12)
    with LLMServer(echo) as server:
        assert None not in client_of(server).ask(questions(30), "")
        assert len(server.batches) == 3
        monkeypatch.setattr(_batches, "_BYTES_PER_BATCH", 1)
        assert None not in client_of(server).ask(questions(4), "")
        assert len(server.batches) == 3 + 4


def test_a_budget_is_kept_by_a_batch():
    with LLMServer(echo) as server:
        client = client_of(server, max_calls=7)
        answers = client.ask(questions(20), "")
        assert sum(a is not None for a in answers) == len(server.calls) == 7
        cost = client.usage.dollars / 7
        client = client_of(server, max_cost=1000 * cost)
        n_answers = sum(a is not None for a in client.ask(questions(2000), ""))
    # The estimate before the first answer is far on the high side.
    assert 10 < n_answers < 1000 and client.usage.dollars <= 1000 * cost


@pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-5", "ollama/llama3.1"])
def test_a_provider_without_batches_is_refused_before_any_call(model):
    X = with_texts(np.eye(4)[:, :1], list("abcd"))
    llm = LanguageModel(model, api_base="http://127.0.0.1:9", batch=True)
    with pytest.raises(ValueError, match=r"batch=True needs.*'openai'.*batch=False"):
        LLMInterpreter(llm, random_state=0).fit(X)


def test_a_refused_key_is_told_without_the_key(monkeypatch):
    secret = "sk-thisisthesecretkey0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", secret)

    with LLMServer(echo, batch=None) as server:
        with pytest.raises(RuntimeError, match=r"provided: Bearer \*\*\*") as raised:
            client_of(server).ask(questions(3), "")
    assert secret not in "".join(traceback.format_exception(raised.value))
    assert not server.calls


def test_estimators_take_it_all_the_way():
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice([f"word{i}" for i in range(9)], 5)) for _ in range(80)]
    fires = pd.DataFrame({"sae1": [float("word1" in text) for text in texts]})
    with LLMServer() as server:
        llm = language_model(server, {"batch": True}, name=MODEL)
        interpret = LLMInterpreter(llm, random_state=0)
        carried = with_texts(fires, texts)
        X = interpret.fit_transform(carried)
        annotate = ConceptAnnotator(llm=llm, random_state=0)
        answers = annotate.fit_transform(X)
        # Names, their judging, that of the one that is kept, and the annotation.
        assert len(server.batches) == 4
        assert interpret.score(carried) == pytest.approx(1.0)
    assert interpret.concepts_ == ["mentions word1"]
    truth = [[has_property("mentions word1", text)] for text in texts]
    np.testing.assert_array_equal(answers, np.array(truth, float))


def test_judgements_left_out_are_asked_again():
    texts = [f"word{i}" for i in range(40)]
    with LLMServer(faults=lambda i, body: "wrong keys" if i == 2 else None) as server:
        judge = LLMJudge(language_model(server, {"batch": True}, name=MODEL))
        answers = judge.fit(["mentions word1", "mentions word2"], texts).judge(texts)
    assert answers.sum() == 2 and not np.isnan(answers).any()


def test_a_batch_inside_a_running_event_loop():
    # A notebook has a loop of its own.
    with LLMServer(echo) as server:

        async def in_a_notebook():
            return client_of(server).ask(questions(3), "")

        assert asyncio.run(in_a_notebook()) == [f"question {i}" for i in range(3)]
