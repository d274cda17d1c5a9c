"""Probabilities of true and false, from those of the tokens of a reply."""

import json
import math
import re

import pytest
from llm_server import LLMServer, answer_by_rules, chat, language_model, prompt_in

from sklearn_hsae.judges import LLMJudge
from sklearn_hsae.llm import LLMClient, Request
from sklearn_hsae.llm._probabilities import with_probabilities
from sklearn_hsae.llm._provider import import_litellm

SURE, UNSURE = 0.9, 0.7  # of true, and of false


def completion(content):
    """A response with probabilities; quotes and colons may be parts of tokens."""
    response = chat(content)
    response[2]["choices"][0]["logprobs"] = {
        "content": [
            {
                "token": token,
                "logprob": math.log(
                    SURE if "true" in token else UNSURE if "false" in token else 0.5
                ),
                "bytes": None,
                "top_logprobs": [],
            }
            for token in re.findall(r'"[^"]*":?| ?\w+[,}]?|\W', content)
        ]
    }
    return response


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"t1": true, "t2": false}', [("t1", SURE), ("t2", 1 - UNSURE)]),
        ('true: {"a true text": true, "n": 3}', [("a true text", SURE), ("n", 3)]),
    ],
)
def test_each_boolean_becomes_a_probability(content, expected):
    reply = json.loads(content[content.index("{") :])
    response = import_litellm().ModelResponse(**completion(content)[2])
    assert with_probabilities(reply, response) == pytest.approx(dict(expected))


def test_nested_booleans_in_their_order():
    content = '{"t1": {"p1": false, "p2": "true"}, "t2": {"p1": true}}'
    response = import_litellm().ModelResponse(**completion(content)[2])
    found = with_probabilities(json.loads(content), response)
    assert found["t1"] == {"p1": pytest.approx(1 - UNSURE), "p2": "true"}
    assert found["t2"] == {"p1": pytest.approx(SURE)}


def test_without_probabilities_the_reply_stays():
    reply = {"t1": True}
    plain, other = chat('{"t1": true}'), completion('{"t1": false}')
    for response in (plain, other):
        response = import_litellm().ModelResponse(**response[2])
        assert with_probabilities(reply, response) is reply


def when_asked(number, body):
    if not body.get("logprobs"):
        return None
    return completion(answer_by_rules(prompt_in(body)))


def test_they_are_asked_for_and_cached_as_such(tmp_path):
    def request(is_graded):
        messages = [{"role": "user", "content": "x"}]
        schema = {"type": "object"}
        return Request(messages, schema, lambda found: found["t1"], None, is_graded)

    def fault(number, body):
        return completion('{"t1": true}') if body.get("logprobs") else None

    with LLMServer(lambda prompt: '{"t1": true}', faults=fault) as server:
        llm = language_model(server).set_params(cache_dir=tmp_path)
        for is_graded, expected in ((False, True), (True, SURE)):
            for _ in range(2):
                (found,) = LLMClient(llm).ask([request(is_graded)], "")
                assert found == pytest.approx(expected)
    assert ["logprobs" in call["body"] for call in server.calls] == [False, True]


def test_a_judge_keeps_probabilities(tmp_path):
    texts, concepts = ["a refund", "cold soup"], ["mentions refund"]
    with LLMServer(faults=when_asked) as server:
        llm = language_model(server).set_params(cache_dir=tmp_path)
        for _ in range(2):
            judge = LLMJudge(llm, is_graded=True).fit(concepts, texts)
            found = judge.judge(texts)[:, 0]
            assert found == pytest.approx([SURE, 1 - UNSURE])
        assert len(server.calls) == 1
        plain = LLMJudge(llm).fit(concepts, texts).judge(texts)
    assert plain[:, 0].tolist() == [1, 0]
