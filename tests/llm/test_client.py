import asyncio
import gc
import json
import logging
import os
import pickle
import re
import signal
import threading
import time
import traceback
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
from llm_server import ERRORS, FAULTS, LLMServer, chat, language_model

from sklearn_hsae.llm import LanguageModel, LLMClient, Request, estimate_cost
from sklearn_hsae.llm._replies import UnreadableReply

MODEL = "openai/gpt-4o-mini"


def echo(prompt):
    question, *_ = prompt.split("\n\nA first answer")  # without a complaint
    return json.dumps({"echo": question})


def read_echo(found):
    if "echo" not in found:
        raise UnreadableReply('it has no "echo"')
    return found["echo"]


def question(prompt):
    return Request([{"role": "user", "content": prompt}], {"type": "object"}, read_echo)


def questions(n):
    return [question(f"question {i}") for i in range(n)]


def client_of(server, **options):
    return LLMClient(language_model(server, options, name=MODEL))


def test_answers_come_in_the_order_of_the_questions():
    # On a busy machine, too, eight calls must be sent before the first is answered.
    with LLMServer(echo, latency=0.1) as server:
        client = client_of(server, max_concurrency=8)
        answers = client.ask(questions(40), "")
    assert answers == [f"question {i}" for i in range(40)]
    assert client.usage.calls == len(server.calls) == 40
    assert server.most_at_once == 8
    assert client.usage.prompt_tokens == sum(len(a) // 4 for a in answers)


def test_the_schema_goes_to_the_provider():
    with LLMServer(echo) as server:
        client_of(server).ask(questions(1), "")
    sent = server.calls[0]["body"]["response_format"]["json_schema"]
    assert sent["schema"] == {"type": "object"} and sent["strict"] is True


# litellm asks OpenAI through OpenAI's package, and most others by itself.
@pytest.mark.parametrize("model", [MODEL, "hosted_vllm/m"])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_overcome_when_it_happens_once(fault, model):
    with LLMServer(echo, faults=[fault]) as server:
        client = client_of(server, max_concurrency=1, name=model)
        assert client.ask(questions(2), "") == ["question 0", "question 1"]
    assert len(server.calls) == (2 if fault == "slow" else 3)
    assert client.usage.failures == 0


def test_a_call_that_hangs_is_given_up_and_made_again():
    with LLMServer(echo, faults=["hang"]) as server:
        client = client_of(server, timeout=0.2)
        assert client.ask(questions(1), "") == ["question 0"]
    assert client.usage.retries == 1
    assert client.usage.last_error == "no reply came in timeout=0.2 seconds"


def test_an_unreadable_answer_is_asked_again_with_the_complaint_and_then_fails():
    with LLMServer(lambda prompt: '{"other": 1}') as server:
        client = client_of(server)
        assert client.ask(questions(1), "") == [None]
    (first,), (second,) = (call["body"]["messages"] for call in server.calls)
    # One message of the user, since some templates refuse two of them in a row.
    assert second["role"] == "user" and second["content"].startswith(first["content"])
    assert 'it has no "echo"' in second["content"]
    assert client.usage.failures == 1
    assert client.usage.last_error == 'it has no "echo"'


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (chat(None, "content_filter"), "content filter"),
        (chat(None, "SAFETY"), r"content filter stopped the reply \(SAFETY\)"),
    ],
)
def test_what_a_filter_stopped_is_not_asked_twice(reply, reason):
    with LLMServer(faults=[reply]) as server:
        client = client_of(server)
        assert client.ask(questions(1), "") == [None]
    assert len(server.calls) == client.usage.failures == 1
    assert re.search(reason, client.usage.last_error)


def test_a_tool_call_is_asked_again_and_named():
    with LLMServer(faults=lambda i, body: chat(None, "tool_calls")) as server:
        client = client_of(server)
        assert client.ask(questions(1), "") == [None]
    assert len(server.calls) == 2 and "called a tool" in client.usage.last_error


def test_a_rate_limit_is_waited_for_and_slows_everybody_down():
    # The first twenty calls meet a limit: all at once at first, few at a time then.
    with LLMServer(echo, faults=["429"] * 20, latency=0.005) as server:
        client = client_of(server, max_concurrency=16)
        assert None not in client.ask(questions(30), "")
    assert client.usage.calls == 50
    assert client.usage.retries == 20


def test_a_server_that_takes_no_schema_is_asked_without():
    def faults(i, body):
        return "no schema" if "response_format" in body else None

    with LLMServer(echo, faults=faults) as server:
        client = client_of(server, max_concurrency=4)
        assert None not in client.ask(questions(12), "")
    assert len(server.calls) <= 12 + 4  # those under way when it became known
    assert client.usage.failures == 0


@pytest.mark.parametrize("model", [MODEL, "hosted_vllm/m"])
@pytest.mark.parametrize("fault", ["401", "404"])
def test_what_can_never_succeed_is_raised_at_once(fault, model):
    with LLMServer(echo, faults=lambda i, body: fault) as server:
        client = client_of(server, max_concurrency=4, name=model)
        with pytest.raises(RuntimeError, match=r"cannot be used: .*(key|not exist)"):
            client.ask(questions(50), "")
    assert len(server.calls) <= 4


def test_one_request_that_is_refused_spares_the_others():
    def faults(i, body):
        return "400" if body["messages"][0]["content"] == "question 3" else None

    with LLMServer(echo, faults=faults) as server:
        client = client_of(server)
        answers = client.ask(questions(10), "")
    assert answers[3] is None and answers.count(None) == 1
    assert "content filter" in client.usage.last_error


def test_a_model_that_never_does_what_is_asked_is_given_up_early():
    with LLMServer(lambda prompt: "no") as server:
        with pytest.raises(RuntimeError, match=r"20 requests .* failed in a row"):
            client_of(server, max_concurrency=4).ask(questions(500), "")
    assert len(server.calls) <= 2 * (20 + 4)


def test_when_a_model_breaks_down_midway_the_answers_are_kept():
    def answer(prompt):
        return echo(prompt) if len(server.calls) <= 30 else "no"

    with LLMServer(answer) as server:
        client = client_of(server, max_concurrency=4)
        answers = client.ask(questions(500), "")
    assert sum(a is not None for a in answers) >= 26
    assert len(server.calls) <= 30 + 2 * (20 + 4)


def test_max_calls_is_exact_and_keeps_what_is_paid_for(tmp_path):
    with LLMServer(echo, latency=0.01) as server:
        client = client_of(server, max_calls=7, cache_dir=tmp_path)
        answers = client.ask(questions(20), "")
        assert sum(a is not None for a in answers) == len(server.calls) == 7
        assert client.usage.last_error == "max_calls=7 is reached"
        assert client.usage.failures == 0
        more = client_of(server, cache_dir=tmp_path)
        assert None not in more.ask(questions(20), "")
    assert more.usage.cache_hits == 7
    assert more.usage.calls == 13


def test_max_cost_is_not_overshot_by_calls_under_way():
    with LLMServer(echo, latency=0.01) as server:
        per_call = client_of(server)
        per_call.ask(questions(1), "")
        limit = 60 * per_call.usage.dollars
        client = client_of(server, max_cost=limit, max_concurrency=16)
        answers = client.ask(questions(200), "")
    assert per_call.usage.dollars > 0
    assert 0.9 * limit < client.usage.dollars <= limit
    assert client.usage.last_error == f"max_cost={limit} is reached"
    assert None in answers


def test_max_cost_without_a_known_price_is_refused_before_any_call():
    with LLMServer(echo) as server:
        client = client_of(server, name="openai/my-own", max_cost=1.0)
        with pytest.raises(ValueError, match=r"knows no price.*max_calls="):
            client.ask(questions(1), "")
    assert not server.calls


def test_the_estimate_is_on_the_high_side():
    with LLMServer(echo) as server:
        client = client_of(server)
        client.ask(questions(5), "")
    estimate = estimate_cost(LanguageModel(MODEL), questions(5))
    assert estimate["calls"] == 5
    assert client.usage.dollars <= estimate["dollars"] < 100 * client.usage.dollars
    assert (
        estimate_cost(LanguageModel("openai/my-own"), questions(5))["dollars"] is None
    )


def test_the_cache_is_keyed_by_everything_that_decides(tmp_path):
    with LLMServer(echo) as server, LLMServer(echo) as other:
        same = {"api_base": server.url, "cache_dir": tmp_path}

        def n_calls(request=None, name=MODEL, **options):
            client = LLMClient(LanguageModel(name, **{**same, **options}))
            client.ask([request or question("q")], "")
            return client.usage.calls

        assert n_calls() == 1
        assert n_calls() == 0
        assert n_calls(temperature=0.5) == 1
        assert n_calls(name="openai/gpt-4o") == 1
        assert n_calls(api_base=other.url) == 1
        assert n_calls(question("q ")) == 1
        # The first and the last hundred characters are not the whole text.
        assert n_calls(question("a" * 100 + "x" * 9 + "b" * 100)) == 1
        assert n_calls(question("a" * 100 + "y" * 9 + "b" * 100)) == 1


def test_the_same_question_twice_is_one_call():
    with LLMServer(echo) as server:
        assert client_of(server).ask([question("q")] * 5, "") == ["q"] * 5
    assert len(server.calls) == 1


def test_what_another_client_asks_now_is_read_from_the_cache(tmp_path):
    # Two workers of a search that name the same neurons.
    def ask(start):
        client = client_of(server, cache_dir=str(tmp_path))
        return client.ask(questions(12)[start : start + 8], "")

    with LLMServer(echo, latency=0.1) as server, ThreadPoolExecutor() as threads:
        replies = list(threads.map(ask, [0, 4]))
    assert replies == [[f"question {i}" for i in range(s, s + 8)] for s in (0, 4)]
    assert len(server.calls) == 12


def test_inside_a_running_event_loop_and_from_several_threads():
    # A notebook has a loop of its own.
    with LLMServer(echo) as server:

        async def in_a_notebook():
            return client_of(server).ask(questions(3), "")

        assert None not in asyncio.run(in_a_notebook())
        answers = []
        threads = [
            threading.Thread(
                target=lambda: answers.extend(client_of(server).ask(questions(5), ""))
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(answers) == 20 and None not in answers


@pytest.fixture
def interruptible():
    """A process in the background of a shell script ignores SIGINT."""
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, usual)


@pytest.mark.usefixtures("interruptible")
def test_an_interruption_does_not_wait_for_calls_under_way():
    with LLMServer(echo, latency=5) as server:
        ctrl_c = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        ctrl_c.start()
        start = time.perf_counter()
        with pytest.raises(KeyboardInterrupt):
            client_of(server).ask(questions(3), "")
        assert time.perf_counter() - start < 3


def test_a_missing_key_is_named_before_any_call(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ValueError, match="OPENAI_API_KEY"):
        LLMClient(LanguageModel(MODEL)).ask(questions(1), "")
    with pytest.raises(ValueError, match="knows no provider for the model 'gibberish'"):
        LLMClient(LanguageModel("gibberish")).ask(questions(1), "")


def test_a_key_appears_nowhere(monkeypatch, tmp_path, caplog):
    secret = "sk-thisisthesecretkey0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    caplog.set_level(logging.DEBUG, logger="sklearn_hsae")
    with LLMServer(echo, faults=["500"]) as server:
        client = client_of(server, cache_dir=tmp_path)
        client.ask(questions(2), "")
    message = f"Incorrect API key provided: {secret}"
    monkeypatch.setitem(ERRORS, "401", (401, [], message))
    with LLMServer(echo, faults=lambda i, body: "401") as server:
        refused = client_of(server)
        with pytest.raises(RuntimeError) as raised:
            refused.ask(questions(1), "")
    shown = "".join(traceback.format_exception(raised.value))
    assert "Incorrect API key" in shown
    files = b"".join(
        file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()
    )
    everything = [shown, repr(client), repr(refused), caplog.text, str(files)]
    everything.append(str(pickle.dumps([client, refused])))
    assert not any(secret in text for text in everything)


def test_memory_does_not_grow_with_the_number_of_calls():
    def ask(client, n):
        prompts = (question(f"question {i} " + "text " * 4000) for i in range(n))
        assert client.run(prompts, n_answers.append, "", n)

    n_answers = Count()
    with LLMServer(lambda prompt: '{"echo": 1}') as server:
        client = client_of(server, max_concurrency=8)
        ask(client, 60)  # what litellm imports and keeps once
        server.calls.clear()
        tracemalloc.start()
        ask(client, 30)
        before = _held_by_others_than_the_server(server)
        ask(client, 150)
        growth = _held_by_others_than_the_server(server) - before
        tracemalloc.stop()
    assert n_answers.total == 240
    assert growth < 150 * 20_000 / 20  # of what was sent


class Count:
    """Counts what comes and keeps nothing of it."""

    total = 0

    def append(self, pairs):
        self.total += len(pairs)


def _held_by_others_than_the_server(server):
    server.calls.clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
