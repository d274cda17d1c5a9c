"""From what a language model writes to the JSON object that was asked for."""

import json
import re
from dataclasses import dataclass, field

# Models reason under many names: <think>, [THINK], <|START_THINKING|>, <seed:think>,
# <|begin_of_thought|>, <scratchpad>, <antThinking>. What most names share are stems.
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
_BEGINS_AN_OBJECT = re.compile(r"""\{\s*["'}]""")  # else it is a brace in prose
# Without any mark, a draft gives itself away by what follows it.
_GOES_ON = re.compile(
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
    "length": "the answer was cut off at the limit of tokens",
    "content_filter": "the provider's content filter stopped the answer",
    "tool_calls": "the model called a tool instead of answering",
    "function_call": "the model called a tool instead of answering",
}


class UnreadableAnswer(ValueError):
    """An answer that is not what was asked for; says why.

    is_final : bool, whether the same question would have the same end
    """

    def __init__(self, reason, *, is_final=False):
        super().__init__(reason)
        self.is_final = is_final


def content_of(response):
    """The text of a response of litellm.

    Raises
    ------
    UnreadableAnswer
        When the model refuses, was stopped, or was cut off.
    """
    choices = getattr(response, "choices", None)
    if not choices:
        raise UnreadableAnswer("the response holds no answer")
    choice, message = choices[0], choices[0].message
    refusal = (getattr(message, "provider_specific_fields", None) or {}).get("refusal")
    refusal = getattr(message, "refusal", None) or refusal
    if refusal:
        raise UnreadableAnswer(f"the model refuses: {refusal}")
    if choice.finish_reason in ("content_filter", "length"):
        raise UnreadableAnswer(
            _REASONS[choice.finish_reason] + _in_the_provider_s_words(choice),
            is_final=choice.finish_reason == "content_filter",
        )
    if not message.content:
        raise UnreadableAnswer(_why_empty(choice))
    return message.content


def _in_the_provider_s_words(choice):
    # litellm writes the reasons of all providers in OpenAI's words.
    fields = getattr(choice, "provider_specific_fields", None) or {}
    said = fields.get("native_finish_reason") or fields.get("stop_reason")
    return f" ({said})" if said else ""


def _why_empty(choice):
    reason = _REASONS.get(choice.finish_reason)
    if reason is None and getattr(choice.message, "reasoning_content", None):
        reason = "the answer holds reasoning and nothing else"
    if reason is None:
        reason = "the answer is empty"
        if choice.finish_reason not in (None, "stop"):
            reason += f"; the model ended with {choice.finish_reason!r}"
    return reason + _in_the_provider_s_words(choice)


def read_object(content):
    """Return the last JSON object in an answer: prose and fences may surround it.

    What stands in reasoning is a draft and no answer, whether the reasoning ends or
    not. Neither is an object that is not complete, or part of one.

    Raises
    ------
    UnreadableAnswer
    """
    if not content or not content.strip():
        raise UnreadableAnswer("the answer is empty")
    found = _scan(content)
    if found.is_reasoning:
        raise UnreadableAnswer("the answer ends before the reasoning does")
    if found.last is None or found.is_broken:
        raise UnreadableAnswer("the answer holds no complete JSON object")
    value, _, end, twice = found.last
    if twice:
        raise UnreadableAnswer(f"the answer has two values for {twice[0]!r}")
    if found.before is not None and _contradicts(found.before, found.last, content):
        raise UnreadableAnswer("the answer holds two objects that contradict another")
    if _GOES_ON.search(content[end:]):
        raise UnreadableAnswer("the answer goes on with doubts after the object")
    return value


@dataclass
class _Found:
    """What was seen up to a position of the content.

    last, before : the two last complete objects: value, start, end, contradicted keys
    is_reasoning : bool, whether reasoning began that did not end
    is_broken : bool, whether an object began that did not end
    """

    last: tuple | None = None
    before: tuple | None = None
    is_reasoning: bool = False
    is_broken: bool = False
    twice: list = field(default_factory=list)


def _scan(content):
    found, position = _Found(), 0
    while mark := _MARK.search(content, position):
        position = mark.end()
        if mark["ends"]:  # all that came before was reasoning: a server may strip
            found = _Found()  # the mark that begins it
        elif mark["begins"]:
            found.is_reasoning = True
        elif not (found.is_reasoning or found.is_broken):
            position = _take_object(content, mark.start(), found)
    return found


def _take_object(content, start, found):
    """Note the object that begins at `start`, if one does; return where to go on."""
    if not _BEGINS_AN_OBJECT.match(content, start):
        return start + 1
    twice = []

    def without_repeats(pairs):
        value = {}
        for key, item in pairs:
            if key in value and value[key] != item:
                twice.append(key)
            value[key] = item
        return value

    # Small models write line breaks into strings.
    decoder = json.JSONDecoder(strict=False, object_pairs_hook=without_repeats)
    try:
        value, end = decoder.raw_decode(content, start)
    except json.JSONDecodeError:
        end = _end_of_broken(content, start)
        if end is None:
            found.is_broken = True
            return start + 1
        return end  # what stands inside is part of something wrong
    except RecursionError:
        raise UnreadableAnswer("the answer is nested too deeply") from None
    found.before, found.last = found.last, (value, start, end, twice)
    return end


_BRACE_OR_STRING = re.compile(r'"(?:\\.|[^"\\])*"|[{}]', re.DOTALL)


def _end_of_broken(content, start):
    """Where the braces are balanced again; None when they never are."""
    depth = 0
    for token in _BRACE_OR_STRING.finditer(content, start):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return None


def _contradicts(before, last, content):
    """Whether two objects say different things and no word tells which one counts."""
    (one, _, end, _), (other, start, _, _) = before, last
    is_told = re.search(r"\w", content[end:start].replace("json", ""))
    differ = any(one[key] != other[key] for key in one.keys() & other.keys())
    return differ and not is_told
