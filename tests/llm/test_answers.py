from types import SimpleNamespace

import pytest

from sklearn_hsae.llm._answers import UnreadableAnswer, content_of, read_object


@pytest.mark.parametrize(
    "content",
    [
        '{"a": 1}',
        'Sure! Here it is:\n```json\n{"a": 1}\n```\nAnything else?',
        '<think>maybe {"a": 2}?</think>{"a": 1}',
        'maybe {"a": 2}?</think>\n{"a": 1}',  # the server took the opening tag away
        'For example {"a": 2} would be wrong. Answer: {"a": 1}',
        'a set {1, 2} is no object; {"a": 1}',
    ],
)
def test_the_object_is_found_in_what_models_write_around_it(content):
    assert read_object(content) == {"a": 1}


def test_a_line_break_inside_a_string_is_accepted():
    # Small local models write them, against the letter of JSON.
    assert read_object('{"a": "one\ntwo"}') == {"a": "one\ntwo"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "empty"),
        ("  ", "empty"),
        ("yes", "no complete JSON object"),
        ('{"a": 1', "no complete JSON object"),
        ('["a"]', "no complete JSON object"),
        ('<think>{"a": 1}', "before the reasoning does"),
        ('{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_an_answer_that_is_none_says_why(content, reason):
    with pytest.raises(UnreadableAnswer, match=reason):
        read_object(content)


def test_a_refusal_and_a_cut_are_no_answers():
    def response(finish_reason="stop", **message):
        message = SimpleNamespace(**{"content": '{"a": 1}', **message})
        choice = SimpleNamespace(message=message, finish_reason=finish_reason)
        return SimpleNamespace(choices=[choice])

    assert content_of(response()) == '{"a": 1}'
    with pytest.raises(UnreadableAnswer, match="refuses: no way"):
        content_of(response(refusal="no way"))
    with pytest.raises(UnreadableAnswer, match="cut off"):
        content_of(response(finish_reason="length"))
