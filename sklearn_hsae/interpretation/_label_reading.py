"""Read the label in a reply of a language model, or reject the reply."""
# ruff: noqa: RUF001  (quotation marks and punctuation of many languages)

import html
import json
import re

from sklearn_hsae._labels import same_label
from sklearn_hsae.llm import UnreadableReply

MOST_WORDS = 40  # per label
_MOST_WRAPPINGS = 10  # layers of quotes or JSON that are removed around a label

# Opening sign -> closing signs. A straight quotation mark opens and closes.
_PAIRS = {
    '"': '"',
    "'": "'",
    "`": "`'",
    "*": "*",
    "_": "_",
    "“": "”",
    "”": "”",
    "„": "“”",
    "«": "»",
    "»": "«",
    "‘": "’",
    "‚": "‘’",
    "‹": "›",
    "「": "」",
    "『": "』",
    "《": "》",
    "（": "）",
    "【": "】",
    "(": ")",
    "[": "]",
    "{": "}",
    "<": ">",
}
_QUOTED = re.compile(r'"[^"]*"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|‘[^’]*’|\'[^\']*\'|`[^`]*`')

_FENCE = re.compile(r"^```\w*\s*\n?(.*?)\n?```$", re.DOTALL)
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", re.DOTALL)
_FORMATTED = re.compile(
    r"<(b|i|u|em|strong|code|mark|p|span|div)>(.*?)</\1>", re.DOTALL | re.IGNORECASE
)
_TAG = re.compile(r"<[a-z/|!][^<>]*>|\[/?(?:think|inst|reasoning)\]", re.IGNORECASE)
_LIST_SIGN = re.compile(r"^(?:[-*•#>]+|\d{1,2}[.)])\s+")
_NAME_OF_KEY = (
    r"(?:final |the |shared |common |proposed |best )*"
    r"(?:property|label|concept|feature|answer|output|result|description|hypothesis)"
)
_PREFIX = re.compile(
    r"^(?:(?:sure|okay|certainly)\b[,!.:]*\s*)?(?:here(?:['’]s| is) )?"
    rf"[\"'*]*{_NAME_OF_KEY}(?: is)?[\"'*]*\s*[:=：]\s*",
    re.IGNORECASE,
)
_COMMENT = re.compile(
    r"^[\W_]*(?:explanation|reason|reasoning|rationale|note|justification|why|because)"
    r"\b",
    re.IGNORECASE,
)

# In the form of `same_label`.
_PLACEHOLDER = re.compile(
    r"(?:(?:insert|put|write|enter|give|your|the|a|an|one|some|short|single|common|"
    r"shared|specific|brief|verb|no|unknown|empty|unclear) )*"
    r"(?:property|label|concept|feature|answer|phrase|description|text|texts|string|str|"
    r"value|name|placeholder|example|topic|pattern|theme|difference|output|"
    r"think|thinking|reasoning)"
    r"(?: (?:name|here|goes here|goes|of the texts?|that begins with a verb|found|"
    r"identified|text))*"
)
_NO_LABELS = {
    *("", "none", "null", "nan", "nil", "n a", "na", "unknown", "nothing", "undefined"),
    *("not applicable", "not available", "not specified", "not sure", "none found"),
    *("none of the above", "unclear", "undetermined", "tbd", "todo", "true", "false"),
    *("lorem ipsum", "no idea", "yes", "no", "xxx", "not known", "nothing in common"),
}
_NOTHING_SHARED = re.compile(
    r"(?:(?:there (?:is|are|seems to be) )?(?:no|not any) "
    r"(?:(?:single|one|common|shared|clear|obvious|consistent|specific|such|meaningful|"
    r"discernible|distinguishing|distinctive|particular|unifying) )*"
    r"(?:propert(?:y|ies)|patterns?|themes?|labels?|features?|differences?|commonalit"
    r"(?:y|ies))\b|(?:not enough|insufficient) (?:information|context|data|texts?|"
    r"examples)\b).*"
)
_REFUSAL = re.compile(
    "|".join(
        [
            # A label is about a text. In these replies the model writes about itself.
            r"(?:i|we)(?:'(?:m|ve|d|ll|re)\b| |$)",
            r"(?:so |very |deeply )*sorry(?:[,.!:;]|$| but\b| for (?:the|any|this)\b)",
            r"(?:my |our )?apologies\b|unfortunately\b|regrettably\b",
            r"as an? (?:ai|artificial|large|language)\b",
            r"(?:it is |it's |it )?"
            r"(?:unable|not able|impossible|not possible|can't|can ?not|could not)"
            r"(?: be)? (?:to )?"
            r"(?:determined?|identif\w+|find|found|nam\w+|comply|help|assist|provid\w+"
            r"|answer\w*|process|fulfil\w*|complete|sa[iy]d?|tell|generate|discern\w*"
            r"|continue|engage)\b",
            r"(?:this|the|your) (?:request|prompt|content) "
            r"(?:was|is|has been|violates|goes)\b",
            r"es tut mir|tut mir leid|leider\b|ich (?:kann|bin|darf)\b",
            r"je (?:suis|ne|m'excuse)\b|désolée?\b|mi dispiace|non posso",
            r"lo siento|no puedo|desculpe\b|sinto muito",
            r"(?:很|非常)?抱歉|对不起|對不起|我(?:无法|無法|不能)|申し訳|すみません|죄송",
        ]
    ),
    re.IGNORECASE,
)


def read_label(reply, examples=frozenset()):
    """Return the label in a reply, without prefix, quotation marks and full stop.

    Parameters
    ----------
    reply : dict
        The JSON object of the reply.
    examples : set of str
        Quotations in the prompt, in the form of `same_label`. They are rejected.

    Returns
    -------
    str

    Raises
    ------
    UnreadableReply
        For a refusal, a placeholder, remains of mark-up, an example of the prompt,
        several properties, or too many words.
    """
    label = _without_surroundings(_unwrapped_text(reply.get("property")))
    words = same_label(label)
    if (
        words in _NO_LABELS
        or not any(c.isalpha() for c in words)
        or _PLACEHOLDER.fullmatch(words)
        or _NOTHING_SHARED.fullmatch(words)
        or re.search(r"\.\.\.|…", _QUOTED.sub("", label))
    ):
        raise UnreadableReply('it names nothing under "property"')
    if _REFUSAL.match(label.replace("’", "'")):
        raise UnreadableReply('under "property" it says why there is none')
    if words in examples:
        raise UnreadableReply('under "property" it repeats words of the question')
    markup = _TAG.search(label)
    if markup:
        raise UnreadableReply(f"the property holds the mark-up {markup[0]!r}")
    if len(label.split()) > MOST_WORDS:
        raise UnreadableReply(f"the property has more than {MOST_WORDS} words")
    return label


def quoted_in(template):
    """All quotations in a prompt, in the form of `same_label`."""
    return frozenset(
        same_label(quoted) for quoted in re.findall(r'"([^"]+)"', template)
    )


def _unwrapped_text(value):
    """The text of a value, which can contain the label as JSON once more."""
    for _ in range(_MOST_WRAPPINGS):
        if isinstance(value, dict):
            value = value.get("property")
        elif isinstance(value, list) and len(value) == 1:
            value = value[0]
        elif isinstance(value, str):
            value = _FENCE.sub(r"\1", value.strip())
            if not value.startswith(("{", "[", '"')):
                return value
            try:
                value = json.loads(value, strict=False)
            except json.JSONDecodeError:
                return value
        else:
            break
    return ""


def _without_surroundings(text):
    """The label as one line, without prefix, quotation marks and full stop."""
    text = html.unescape(text).replace('\\"', '"')
    text = _FORMATTED.sub(r"\2", _STRONG.sub(r"\2", text))
    label = _one_line(text)
    for _ in range(_MOST_WRAPPINGS):
        before = label
        label = _LIST_SIGN.sub("", label)
        label = _PREFIX.sub("", label)
        label = _without_stop(label)
        if _is_wrapped(label):
            label = label[1:-1].strip()
        if label == before:
            break
    return label


def _one_line(text):
    """The line with a prefix such as "Property:", else the first paragraph."""
    lines = [line.strip() for line in text.strip().splitlines()]
    marked = [line for line in lines if _PREFIX.sub("", line) not in ("", line)]
    if marked:
        return " ".join(marked[-1].split())
    if sum(bool(_LIST_SIGN.match(line)) for line in lines) > 1:
        raise UnreadableReply('it names several properties under "property"')
    paragraph = []
    for line in lines:
        if _PREFIX.match(line):  # "Property:" alone: the label is in the next line
            continue
        if (not line and paragraph) or (_COMMENT.match(line) and paragraph):
            break
        paragraph.append(line)
    return " ".join(" ".join(paragraph).split())


def _without_stop(label):
    label = label.strip().rstrip(",;。")
    if label.endswith(".") and not label.endswith(".."):
        last = label.split()[-1]
        if not re.fullmatch(r"\W*(?:\w\.){2,}", last):  # "the U.S."
            label = label[:-1]
    return label.strip()


def _is_wrapped(label):
    """Whether the first and the last sign of a label are a pair of quotation marks."""
    if len(label) < 2 or label[-1] not in _PAIRS.get(label[0], ""):
        return False
    opening, closing = label[0], label[-1]
    depth = 1
    for i, sign in enumerate(label[1:-1], start=1):
        if sign not in (opening, closing):
            continue
        before, after = label[i - 1], label[i + 1]
        if before.isalnum() and after.isalnum():
            continue  # an apostrophe
        if opening == closing:
            opens = before.isspace() or before in "([{"
        else:
            opens = sign == opening
        depth += 1 if opens else -1
        if depth == 0:
            return False
    return depth == 1
