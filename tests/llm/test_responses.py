import json

import pytest

from sklearn_hsae.llm._errors import UnreadableResponse
from sklearn_hsae.llm._replies import content_of
from sklearn_hsae.llm._responses import rescue


def body(content, usage=None, **choice):
    message = {"role": "assistant", "content": content}
    return json.dumps({"choices": [{"message": message, **choice}], "usage": usage})


@pytest.mark.parametrize(
    "content",
    [
        "yes",
        [{"type": "text", "text": "yes"}],
        [{"type": "text", "text": "ye"}, {"type": "output_text", "text": "s"}],
        ["y", "es"],
        [{"type": "thinking", "thinking": "no"}, {"type": "text", "text": "yes"}],
        [{"type": "reasoning", "text": "no"}, {"type": "text", "text": "yes"}],
        {"type": "text", "text": "yes"},
    ],
)
def test_the_text_is_found_in_every_form_of_content(content):
    assert content_of(rescue(body(content))) == "yes"


def test_an_object_in_the_place_of_text_is_the_answer():
    assert json.loads(content_of(rescue(body({"t1": {"p1": True}})))) == {
        "t1": {"p1": True}
    }


def test_the_usage_is_kept_as_far_as_it_is_told():
    usage = rescue(body("yes", {"prompt_tokens": 7, "completion_tokens": None})).usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (7, 0)


@pytest.mark.parametrize(
    "given", ["<html>Bad gateway</html>", "[]", "{}", '{"choices": []}', "", "null"]
)
def test_what_is_no_completion_is_shown_and_billed(given):
    with pytest.raises(UnreadableResponse, match="is no chat completion") as raised:
        rescue(given)
    assert given in str(raised.value) and raised.value.bill is not None


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("llama runner process has terminated", None),
        ({"message": "overloaded", "code": 529}, 529),
        ({"message": "slow down", "code": "429"}, 429),
    ],
)
def test_an_error_in_the_body_costs_nothing_and_has_its_own_status(error, status):
    with pytest.raises(UnreadableResponse, match="answered with an error") as raised:
        rescue(json.dumps({"error": error}))
    assert raised.value.bill is None and raised.value.status == status
