from types import SimpleNamespace

import pytest

from sklearn_hsae.llm._replies import UnreadableReply, content_of, read_object


@pytest.mark.parametrize(
    "content",
    [
        '{"a": 1}',
        'Sure! Here it is:\n```json\n{"a": 1}\n```\nAnything else? Let me know.',
        'For example {"a": 2} would be wrong. Answer: {"a": 1}',
        'a set {1, 2} is no object; {"a": 1}',
        '{"a": 1}\n\nExplanation: the guests mention a long wait.',
        '{"a": 1, "a": 1}',
        '<answer>{"a": 1}</answer><explanation>It says so.</explanation>',
        'Analysis: it says so.\n{"a": 1}',
    ],
)
def test_the_object_is_found_in_what_models_write_around_it(content):
    assert read_object(content) == {"a": 1}


# How models mark where their reasoning begins and where it ends.
REASONING = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
    ("<thought>", "</thought>"),
    ("<analysis>", "</analysis>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<antThinking>", "</antThinking>"),
    ("<seed:think>", "</seed:think>"),
    ("<Thought type='inner'>", "</Thought>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|channel>thought\n", "<channel|>"),
    (
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
    ("analysisWe are asked. ", "assistantfinal"),  # the same, special tokens removed
    ("Here is my thought process: ", "Here is my response: "),
]
DRAFTS = ['maybe {"a": 2}? ', '{"a": 2} but wait. ', 'so {"a": {"a": 2} or {"a": 2 ']


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize(("begins", "ends"), REASONING)
def test_a_draft_in_reasoning_is_no_answer(begins, ends, draft):
    assert read_object(f'{begins}{draft}{ends}{{"a": 1}}') == {"a": 1}
    # Servers take the opening mark away, or stop before the closing one.
    assert read_object(f'{draft}{ends}{{"a": 1}}') == {"a": 1}
    for cut in (f"{begins}{draft}", f"{begins}{draft}{ends}"):
        with pytest.raises(UnreadableReply):
            read_object(cut)


def test_marks_inside_the_answer_are_text():
    answer = '{"property": "mentions <think> and </think> or [THINK]"}'
    assert "[THINK]" in read_object(answer)["property"]


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
        ('{"x": {"a": 1}, "t1": {"b"', "no complete JSON object"),  # {"a": 1} is a part
        ('{"x": {"a": 1}, t1: 5}', "no complete JSON object"),
        ('<think>{"a": 1}', "before the reasoning does"),
        ('{"a": 1}<think>or is it', "before the reasoning does"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"a": 1, "a": 2}', "two values for 'a'"),
        ('{"t1": {"a": true, "b": 1, "a": false}}', "two values for 'a'"),
        ('{"t1": {"a": true}, "t1": {"a": false}}', "two values for 't1'"),
        ('{"a": 1}\n{"a": 2}', "contradict"),
        ('```json\n{"a": 1}\n```\n```json\n{"a": 2}\n```', "contradict"),
        ('{"a": 1} but wait, let me check', "doubts"),
        ('{"a": 1}\nWait, the text says', "doubts"),
        ('{"a": 1}\nHmm. On second thought', "doubts"),
    ],
)
def test_an_answer_that_is_none_says_why(content, reason):
    with pytest.raises(UnreadableReply, match=reason):
        read_object(content)


def response(finish_reason="stop", native=None, **message):
    message = SimpleNamespace(**{"content": '{"a": 1}', **message})
    fields = native and {"native_finish_reason": native}
    choice = SimpleNamespace(
        message=message, finish_reason=finish_reason, provider_specific_fields=fields
    )
    return SimpleNamespace(choices=[choice])


@pytest.mark.parametrize(
    ("given", "reason", "is_final"),
    [
        (response(refusal="no way"), "refuses: no way", False),
        (response("length"), "cut off at the limit", False),
        (response("content_filter", content=None), "content filter", True),
        (response("content_filter", native="SAFETY"), r"filter.*\(SAFETY\)", True),
        (response("tool_calls", content=None), "called a tool", False),
        (response(content=None, reasoning_content="so"), "nothing else", False),
        (response(content="", native="network_error"), "empty.*network_error", False),
        (SimpleNamespace(choices=[]), "no reply", False),
    ],
)
def test_why_a_response_holds_no_answer_is_said(given, reason, is_final):
    assert content_of(response()) == '{"a": 1}'
    with pytest.raises(UnreadableReply, match=reason) as raised:
        content_of(given)
    assert raised.value.is_final == is_final
