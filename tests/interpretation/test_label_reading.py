# ruff: noqa: RUF001  (quotation marks and punctuation of many languages)
import json

import pytest

from sklearn_hsae.interpretation._label_reading import quoted_in, read_label
from sklearn_hsae.llm import PROMPTS, UnreadableReply, load_prompt

TEMPLATES = [
    load_prompt(name)
    for name in (
        "interpret",
        "interpret_contrastive",
        "interpret_reasoning",
        "revise",
    )
]
EXAMPLES = frozenset().union(*(quoted_in(t.template) for t in TEMPLATES))


def is_refused(value):
    try:
        read_label({"property": value}, EXAMPLES)
    except UnreadableReply:
        return True
    return False


@pytest.mark.parametrize(
    "label",
    [
        'mentions the word "refund"',  # the closing mark belongs to it
        '"refund" or "money back"',
        "says “thank you” or ‘thanks’",
        "names the staff's 'attitude'",
        "mentions a fee (or a fine)",
        "(a) lists fees, or (b) lists fines",
        "mentions the U.S.",
        'ends with "..."',
        "mentions prices < 10 and > 5",
        "says sorry to a customer",
        "apologizes for the delay",
        "mentions no property tax",
        "no internet connection",
        "asks why the label came off",
        "mentions the I-95",
        "提到退款",
        "schimpft über die Verspätung",
    ],
)
def test_what_belongs_to_a_label_stays(label):
    assert read_label({"property": label}, EXAMPLES) == label


@pytest.mark.parametrize(
    "value",
    [
        "mentions refunds.",
        " mentions  refunds\n",
        "mentions\nrefunds",
        '"mentions refunds"',
        '"mentions refunds."',
        "'mentions refunds'",
        "“mentions refunds”.",
        "„mentions refunds“",
        "« mentions refunds »",
        "「mentions refunds」",
        "(mentions refunds)",
        "[mentions refunds]",
        "<mentions refunds>",
        "`mentions refunds`",
        "**mentions refunds**",
        "mentions **refunds**",
        "<b>mentions</b> refunds",
        "- mentions refunds",
        "1. mentions refunds",
        "Property: mentions refunds",
        "**Property:** mentions refunds",
        'The property is: "mentions refunds"',
        "Sure! Here is the property: mentions refunds",
        "Property:\nmentions refunds",
        "mentions refunds\n\nThe others speak of the weather.",
        "mentions refunds\nExplanation: most of them do.",
        json.dumps({"property": "mentions refunds"}),
        json.dumps(json.dumps({"property": "mentions refunds"})),
        f"```json\n{json.dumps({'property': 'mentions refunds'})}\n```",
        "{property: mentions refunds}",
        ["mentions refunds"],
        {"property": "mentions refunds"},
    ],
)
def test_what_stands_around_a_label_goes(value):
    assert read_label({"property": value}, EXAMPLES) == "mentions refunds"


def test_quotation_marks_in_a_quoted_label_stay():
    label = 'mentions the word "refund"'
    for value in (f'"{label}"', f"“{label}”", f"{label}.", f"Property: {label}"):
        assert read_label({"property": value}) == label
    assert read_label({"property": "'names a dog's owner'"}) == "names a dog's owner"


@pytest.mark.parametrize(
    "value",
    # Placeholders
    ["", "...", "…", "N/A", "n.a.", "None.", "(none)", "null", "unknown", "TBD", "-"]
    + ["<the property>", "[the property]", "{property}", "<your answer here>", "42"]
    + ["mentions ...", "mentions <topic>", "Property:", "a short phrase", "string"]
    + ["No clear, shared theme among the texts", "Not enough context to say"]
    + ["not applicable", "No property found", "There is no common pattern.", "Label: ?"]
    # Refusals
    + ["I'm sorry, but I can't help with that.", "I’m sorry", "I cannot say", "Sorry."]
    + ["As an AI language model, I have no opinion", "Unfortunately, nothing fits"]
    + ["Unable to determine a property", "It cannot be determined", "My apologies"]
    + ["We cannot help with this", "Es tut mir leid, aber", "抱歉，我无法"]
    + ["Je suis désolé", "Lo siento, no puedo", "It is impossible to tell"]
    # Remains of mark-up
    + ["<think>", "<think> mentions refunds", "mentions refunds </think>"]
    + ["[THINK] mentions refunds", "<|channel|>final mentions refunds"]
    # Several properties, and what is no text
    + ["- mentions refunds\n- mentions fees", ["mentions refunds", "mentions fees"]]
    + ["word " * 50, None, 3, [], {}, True],
)
def test_what_is_no_label_is_refused(value):
    assert is_refused(value)


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_example_of_a_prompt_becomes_a_label(template):
    examples = quoted_in(template.template)
    assert len(examples) > 3
    for example in examples:
        assert is_refused(example) and is_refused(f"{example.capitalize()}.")


def test_no_form_of_a_prompt_holds_dots_to_copy():
    for template in TEMPLATES:
        assert "..." not in template.template
    assert len(PROMPTS) == 3  # those above, and the one that revises
