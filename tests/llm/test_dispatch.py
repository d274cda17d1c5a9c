"""What becomes of a request when its calls go wrong."""

import json
import time
import warnings

import pytest
from llm_server import LLMServer, chat, language_model, prompt_in

from sklearn_hsae.llm import LLMClient, Request, _retries

MODELS = ["openai/gpt-4o-mini", "hosted_vllm/m"]  # litellm asks them in two ways


def echo(prompt):
    return json.dumps({"echo": prompt})


def questions(n):
    return [
        Request(
            [{"role": "user", "content": f"question {i}"}],
            {"type": "object"},
            lambda found: found["echo"],
        )
        for i in range(n)
    ]


def ask(server, n, model=MODELS[0], **options):
    client = LLMClient(language_model(server, options, name=model))
    return client.ask(questions(n), ""), client.usage


def refused(status, message):
    return status, [], {"error": {"message": message, "type": "error"}}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "The provided JSON schema contains features not supported by xgrammar."),
        (400, "Failed to initialize samplers: failed to parse grammar"),
        (400, "Invalid argument"),
        (400, "Conversation roles must alternate"),
        (404, "No endpoints found that can handle the requested parameters."),
        (405, "Not allowed"),
        (415, "Extra inputs are not permitted"),
        (422, "Input should be 'text'"),
        (501, "Not implemented"),
    ],
)
def test_a_schema_is_refused_in_any_words(status, message, model):
    def faults(i, body):
        return refused(status, message) if "response_format" in body else None

    with LLMServer(echo, faults=faults) as server:
        answers, usage = ask(server, 12, model, max_concurrency=4)
    assert None not in answers and usage.failures == 0
    assert len(server.calls) <= 12 + 4  # those under way when it became known


def test_a_server_that_a_schema_breaks_is_asked_without(monkeypatch):
    monkeypatch.setattr("sklearn_hsae.llm._retries._FIRST_WAIT", 0.01)

    def faults(i, body):
        return "500" if "response_format" in body else None

    with LLMServer(echo, faults=faults) as server:
        answers, _ = ask(server, 6, max_concurrency=2)
    assert None not in answers


def test_after_a_success_a_refusal_says_nothing_about_the_schema():
    def faults(i, body):
        return refused(400, "Invalid") if prompt_in(body) == "question 3" else None

    with LLMServer(echo, faults=faults) as server:
        answers, usage = ask(server, 10, max_concurrency=1)
    assert [i for i, answer in enumerate(answers) if answer is None] == [3]
    assert all("response_format" in call["body"] for call in server.calls)
    assert len(server.calls) == 10 and usage.failures == 1


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 406, 413, 418, 422, 451, 501])
def test_after_a_success_one_request_that_is_refused_fails_alone(status, model):
    flagged = refused(status, "moderation: your input was flagged")

    def faults(i, body):
        return flagged if prompt_in(body) == "question 5" else None

    with LLMServer(echo, faults=faults) as server:
        answers, usage = ask(server, 30, model, max_concurrency=1)
    assert [i for i, answer in enumerate(answers) if answer is None] == [5]
    assert len(server.calls) == 30 and usage.failures == 1
    assert usage.last_error.endswith("your input was flagged")


def test_a_flagged_text_may_be_the_first_to_be_refused():
    def faults(i, body):
        return refused(403, "flagged") if prompt_in(body) == "question 0" else None

    with LLMServer(echo, faults=faults) as server:
        answers, _ = ask(server, 10, max_concurrency=1)
    assert answers.count(None) == 1


def test_a_refusal_of_everything_is_raised():
    with LLMServer(echo, faults=lambda i, body: refused(403, "no access")) as server:
        with pytest.raises(RuntimeError, match="cannot be used: no access"):
            ask(server, 3)


def test_an_empty_account_ends_the_run_and_keeps_the_answers():
    def faults(i, body):
        return refused(402, "Payment required") if i >= 6 else None

    with LLMServer(echo, faults=faults) as server:
        answers, usage = ask(server, 50, max_concurrency=2)
    assert answers.count(None) == 44 and len(server.calls) <= 8
    assert "cannot be used: Payment required" in usage.last_error


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("status", [408, 409, 423, 425, 449, 502, 503, 529])
def test_what_passes_by_itself_is_tried_again(status, model, monkeypatch):
    monkeypatch.setattr(_retries, "_FIRST_WAIT", 0.01)  # half a second
    with LLMServer(echo, faults=[refused(status, "later")] * 2) as server:
        answers, usage = ask(server, 1, model)
    assert answers == ["question 0"] and usage.retries == 2


def parts(body):
    content = [{"type": "text", "text": echo(prompt_in(body))}]
    return chat(content, usage={"prompt_tokens": 9, "completion_tokens": 5})


@pytest.mark.parametrize("model", MODELS)
def test_content_in_parts_is_read_once_and_billed(model):
    with LLMServer(echo, faults=lambda i, body: parts(body)) as server:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            answers, usage = ask(server, 3, model)
    assert answers == ["question 0", "question 1", "question 2"]
    assert len(server.calls) == 3
    assert (usage.prompt_tokens, usage.completion_tokens) == (27, 15)
    assert usage.dollars > 0 or model != MODELS[0]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("payload", ["<html>Bad gateway</html>", {"choices": []}, []])
def test_a_response_that_is_none_is_billed_and_asked_for_once_more(payload, model):
    with LLMServer(echo, faults=lambda i, body: (200, [], payload)) as server:
        answers, usage = ask(server, 1, model)
    assert answers == [None] and usage.failures == 1
    assert len(server.calls) == 2
    assert usage.prompt_tokens >= 2 * round(len("question 0") / 3)
    assert "Traceback" not in usage.last_error


def test_an_error_in_a_response_with_success_is_said_in_its_own_words():
    broken = (200, [], {"error": "llama runner process has terminated"})
    with LLMServer(echo, faults=lambda i, body: broken) as server:
        answers, usage = ask(server, 1, "hosted_vllm/m")
    assert answers == [None] and len(server.calls) == 2
    assert usage.last_error.endswith("llama runner process has terminated")


@pytest.mark.parametrize("usage_sent", [None, "absent", {"prompt_tokens": None}])
def test_tokens_that_the_provider_does_not_count_are_estimated(usage_sent):
    def faults(i, body):
        reply = chat(echo(prompt_in(body)), usage=usage_sent)
        if usage_sent == "absent":
            del reply[2]["usage"]
        return reply

    with LLMServer(echo, faults=faults) as server:
        _, usage = ask(server, 1)
    assert usage.prompt_tokens == round(len("question 0") / 3)
    assert usage.completion_tokens == round(len(echo("question 0")) / 3)
    assert usage.dollars > 0


def test_a_rate_limit_that_lasts_longer_than_all_attempts_loses_nothing():
    start = time.monotonic()

    def faults(i, body):  # no call succeeds in the first second
        left = 1 - (time.monotonic() - start)
        if left > 0:
            return refused(429, f"Please retry in {min(left, 0.1):.3f}s.")
        return None

    with LLMServer(echo, faults=faults) as server:
        answers, usage = ask(server, 8, max_concurrency=8)
    assert None not in answers and usage.failures == 0
    assert len(server.calls) < 8 * 12


def test_while_a_provider_asks_to_wait_nobody_calls():
    with LLMServer(echo, faults=[refused(429, "retry in 0.5s")]) as server:
        answers, _ = ask(server, 20, max_concurrency=1)
    first, second = (call["time"] for call in server.calls[:2])
    assert None not in answers and second - first >= 0.5


def test_a_trickle_of_blanks_does_not_beat_the_time_out():
    start = time.monotonic()
    with LLMServer(echo, faults=["trickle", "trickle"]) as server:
        answers, usage = ask(server, 1, timeout=0.3)
    assert answers == [None] and len(server.calls) == 2  # one call is made again
    assert time.monotonic() - start < 3
    assert usage.last_error == "no reply came in timeout=0.3 seconds"


def test_a_server_that_answers_one_by_one_is_asked_no_more_than_it_can():
    turn = {"free": 0.0}

    def delay(i, body):  # as a serial server: each call waits for those before it
        turn["free"] = max(turn["free"], time.monotonic()) + 0.2
        return ("wait", turn["free"] - time.monotonic())

    with LLMServer(echo, faults=delay) as server:
        answers, usage = ask(server, 13, max_concurrency=13, timeout=1.0)
    assert None not in answers and usage.failures == 0
    assert len(server.calls) < 2 * 13
