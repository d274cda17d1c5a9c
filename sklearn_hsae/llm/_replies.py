"""Read the JSON object in a reply of a language model."""

import json
import re
from dataclasses import dataclass

# Models mark their reasoning in many ways: <think>, [THINK], <|START_THINKING|>,
# <seed:think>, <|begin_of_thought|>, <scratchpad>, <antThinking>. Most of these names
# contain one of a few word stems.
_STEMS = "think|thought|reason|reflect|analy[sz]|scratch|monolog|deliberat|ponder|draft"
_NAME = rf"(?:[\w:.-]*?(?:{_STEMS})[\w:.-]*|plan|planning|cot|inner_\w+)"
_MARK = re.compile(
    rf"""
      (?P<ends>
          [<\[◁]\s*/\s*{_NAME}\s*[>\]▷]
        | <\|?\s*(?:end(?:_of)?_{_NAME}|inner_suffix)\s*\|?>
        | <\|channel\|?>\s*final\b          # the channels of gpt-oss and of Gemma
        | <channel\|>
        | \bassistant\s*final(?=\W)         # the same without its special tokens
        | \bhere\ is\ my\ response:         # Granite
      )
    | (?P<begins>
          [<◁]\|?\s*{_NAME}(?:\s[^<>]*)?\|?\s*[>▷]
        | \[{_NAME}\]
        | <\|channel\|?>\s*\w+
        | \A\s*(?:assistant)?(?-i:analysis(?=[A-Z"'{{]))
        | \bhere\ is\ my\ thought\ process:
      )
    | (?P<opens>\{{)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_OBJECT_START = re.compile(r"""\{\s*["'}]""")  # another brace belongs to prose
# Words that follow a draft when the reasoning has no marks.
_DOUBT = re.compile(
    r"""
      (?:\A|[.!?\n]|\b(?:but|oh|no|hmm),?)\W*wait\s*[,.!:;\u2026\u2013\u2014-]
    | \bhmm | \bon\ second\ thought | \bactually, | \bcorrection\s*: | \bscratch\ that
    | \blet\ me\b(?!\ know) | \blet's\ (?:re-?)?(?:check|think|see|verify|look|consider)
    | \bi\ (?:should|need\ to|must)\ (?:re-?)?(?:check|think|verify|consider|read)
    | 等等 | 等一下 | 不对 | 让我
    """,
    re.IGNORECASE | re.VERBOSE,
)
_REASONS = {
    "length": "the reply was cut off at the limit of tokens",
    "content_filter": "the provider's content filter stopped the reply",
    "tool_calls": "the model called a tool instead of answering",
    "function_call": "the model called a tool instead of answering",
}


class UnreadableReply(ValueError):
    """A reply that is not what was asked for. The message says why.

    Parameters
    ----------
    reason : str
    is_final : bool
        Whether the same request would fail again.
    """

    def __init__(self, reason, *, is_final=False):
        super().__init__(reason)
        self.is_final = is_final


def content_of(response):
    """Return the text of a litellm response.

    Raises
    ------
    UnreadableReply
        When the model refused, was stopped or cut off, or wrote nothing.
    """
    choices = getattr(response, "choices", None)
    if not choices:
        raise UnreadableReply("the response contains no reply")
    choice, message = choices[0], choices[0].message
    refusal = (getattr(message, "provider_specific_fields", None) or {}).get("refusal")
    refusal = getattr(message, "refusal", None) or refusal
    if refusal:
        raise UnreadableReply(f"the model refuses: {refusal}")
    if choice.finish_reason in ("content_filter", "length"):
        raise UnreadableReply(
            _REASONS[choice.finish_reason] + _native_reason(choice),
            is_final=choice.finish_reason == "content_filter",
        )
    if not message.content:
        raise UnreadableReply(_why_empty(choice))
    return message.content


def _native_reason(choice):
    """The provider's own reason in brackets; litellm translates it into OpenAI's."""
    fields = getattr(choice, "provider_specific_fields", None) or {}
    reason = fields.get("native_finish_reason") or fields.get("stop_reason")
    return f" ({reason})" if reason else ""


def _why_empty(choice):
    reason = _REASONS.get(choice.finish_reason)
    if reason is None and getattr(choice.message, "reasoning_content", None):
        reason = "the reply contains reasoning and nothing else"
    if reason is None:
        reason = "the reply is empty"
        if choice.finish_reason not in (None, "stop"):
            reason += f"; the model ended with {choice.finish_reason!r}"
    return reason + _native_reason(choice)


def read_object(content):
    """Return the last JSON object in a reply. Prose and code fences may surround it.

    Objects inside the reasoning are drafts and do not count, also when the end of the
    reasoning is missing. Incomplete objects and parts of objects do not count either.

    Raises
    ------
    UnreadableReply
    """
    if not content or not content.strip():
        raise UnreadableReply("the reply is empty")
    state = _scan(content)
    if state.is_reasoning:
        raise UnreadableReply("the reply ends before the reasoning does")
    if state.last is None or state.is_broken:
        raise UnreadableReply("the reply contains no complete JSON object")
    value, _, end, repeated_keys = state.last
    if repeated_keys:
        raise UnreadableReply(f"the reply has two values for {repeated_keys[0]!r}")
    if state.before is not None and _contradicts(state.before, state.last, content):
        raise UnreadableReply("the reply contains two objects that contradict another")
    if _DOUBT.search(content[end:]):
        raise UnreadableReply("the reply goes on with doubts after the object")
    return value


@dataclass
class _ScanState:
    """What a reply contains up to a position.

    Attributes
    ----------
    last, before : tuple or None
        The last complete object and the one before it: value, start, end, and the keys
        that have two values.
    is_reasoning : bool
        Whether the position is inside reasoning.
    is_broken : bool
        Whether an object began and never ends.
    """

    last: tuple | None = None
    before: tuple | None = None
    is_reasoning: bool = False
    is_broken: bool = False


def _scan(content):
    state, position = _ScanState(), 0
    while mark := _MARK.search(content, position):
        position = mark.end()
        if mark["ends"]:
            # Everything before was reasoning, also where a server has removed the mark
            # of its beginning.
            state = _ScanState()
        elif mark["begins"]:
            state.is_reasoning = True
        elif not (state.is_reasoning or state.is_broken):
            position = _take_object(content, mark.start(), state)
    return state


def _take_object(content, start, state):
    """Record the object that begins at `start`, if any; return the next position."""
    if not _OBJECT_START.match(content, start):
        return start + 1
    repeated_keys = []

    def without_repeats(pairs):
        value = {}
        for key, item in pairs:
            if key in value and value[key] != item:
                repeated_keys.append(key)
            value[key] = item
        return value

    # Small models write line breaks into strings.
    decoder = json.JSONDecoder(strict=False, object_pairs_hook=without_repeats)
    try:
        value, end = decoder.raw_decode(content, start)
    except json.JSONDecodeError:
        end = _end_of_broken(content, start)
        if end is None:
            state.is_broken = True
            return start + 1
        return end  # objects inside a broken object do not count
    except RecursionError:
        raise UnreadableReply("the reply is nested too deeply") from None
    state.before, state.last = state.last, (value, start, end, repeated_keys)
    return end


_BRACE_OR_STRING = re.compile(r'"(?:\\.|[^"\\])*"|[{}]', re.DOTALL)


def _end_of_broken(content, start):
    """Position where the braces are balanced again; None when they never are."""
    depth = 0
    for token in _BRACE_OR_STRING.finditer(content, start):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return None


def _contradicts(before, last, content):
    """Whether two objects differ, with no words between them that explain it."""
    (first, _, end, _), (second, start, _, _) = before, last
    has_words_between = re.search(r"\w", content[end:start].replace("json", ""))
    differ = any(first[key] != second[key] for key in first.keys() & second.keys())
    return differ and not has_words_between
