"""Words of texts, in any language: what they are, and where a clause ends.

A word begins with a letter; combining marks, joiners, apostrophes and hyphens belong
to it. Where a script puts no spaces between words (Chinese, Japanese, Thai), ICU finds
them. An emoji is a word and a clause of its own. Mark-up, addresses and encoded data
are no words.
"""

import html
import re
import unicodedata

import regex
from icu4py.breakers import WordBreaker

# No word boundary is written in these scripts.
_WITHOUT_SPACES = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\u30FC\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
)
_HAS_NO_SPACES = regex.compile(f"[{_WITHOUT_SPACES}]")
_SPACE_BETWEEN = regex.compile(f"(?<=[{_WITHOUT_SPACES}]) (?=[{_WITHOUT_SPACES}])")

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[A-Za-z]\w{1,30});")
_URL_END = r"[^\s<>\"\u2E80-\u9FFF\uFF00-\uFFEF]+"
# Web and e-mail addresses, with a sign without which a text has none.
ADDRESSES = [
    ("://", r"\b(?:https?|ftp)://" + _URL_END),
    ("www.", r"\bwww\." + _URL_END),
    ("@", r"(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+"),
    ("/", r"(?<![\w.-])[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/" + _URL_END),
]
# What is no word, and a sign without which a text has nothing of the kind.
_NOT_WORDS = [
    ("<", r"<(script|style|svg|template|noscript)\b[^<>]*+>.*?(?:</\1\s*>|\Z)"),
    ("<!--", r"<!--.*?(?:-->|\Z)"),
    ("<", r"""<[a-z!?](?=[^<>]*=)(?:[^<>"']++|"[^"]{0,300}+"|'[^']{0,300}+')*+>"""),
    ("<", r"<[a-z][^<>]*=[^<>]*+(?:>|\Z)"),  # quotes left open, or cut off
    ("<", r"</?[a-z!?][^<>]{0,79}>"),
    ("{", r"(?:(?<![\w.#-])[\w.#@-]++\s*)?\{[^{}]*[:=][^{}]*;[^{}]*\}"),  # style sheets
    ("data:", r"\bdata:[\w/+.-]*(?:;[\w=-]+)*,[\w+/=%-]*"),
    *ADDRESSES,
]
_NOT_WORDS = [(sign, re.compile(pattern, re.DOTALL)) for sign, pattern in _NOT_WORDS]
_LEAST_ENCODED = 24  # characters without a space, two of them digits
_ENCODED = re.compile(
    rf"(?<![\w+/=-])(?=(?:[a-z+/=_-]*\d){{2}})[a-z\d+/=_-]{{{_LEAST_ENCODED},}}+",
    re.ASCII,
)

_ASCII_CLAUSE_END = re.compile(r"[.!?,;:()\[\]\"\n\t|/*]+|\s-+\s")
_CLAUSE_END = regex.compile(
    r"[.!?,;:()\[\]\"\n\t|/*\u2026\u2013\u2014\u2022\u00A1\u00BF\p{Pi}\p{Pf}\p{Ps}\p{Pe}"
    r"\u0964\u0965\u06D4\u060C\u061B\u061F\u3001\u3002\u30FB\uFF01\uFF0C\uFF0E\uFF1A"
    r"\uFF1B\uFF1F\uFF61\uFF64]+|\s-+\s"
)
_ASCII_WORD = re.compile(r"[^\W\d_](?:[\w'-]*\w)?")
_LETTERS = r"\p{L}(?:[\w\p{M}'\-\u200C\u200D\u00B7\u05F3\u05F4]*[\w\p{M}])?"
_PICTURE = r"[\p{Emoji_Presentation}\p{Extended_Pictographic}--[\u0000-\u25FF]]"
_EMOJI = rf"\p{{RI}}{{2}}|{_PICTURE}(?:\u200D{_PICTURE})*|\p{{Emoji_Presentation}}"
_WORD_OR_EMOJI = regex.compile(f"{_LETTERS}|{_EMOJI}", regex.V1)
_ONE_SIGN = regex.compile(rf"\p{{Han}}|\p{{Hangul}}|{_EMOJI}", regex.V1)
_LETTER_OR_EMOJI = regex.compile(rf"\p{{L}}|{_EMOJI}", regex.V1)
_LATIN_LETTER = regex.compile(r"[\p{Latin}&&\p{L}]", regex.V1)
_N_TEXTS_OF_ONE_SCRIPT = 1000
# Articles and prepositions that French, Italian and Catalan write before a vowel.
_ELIDED = re.compile(r"\b(?:[dljn]|qu|un|(?:d|n|s|a)(?:e|u)?ll)'(?=[^\W\d_])")

# Signs that change how a word looks, but not which word it is.
_SAME_WORD = {
    **dict.fromkeys(map(ord, "\u00ad\u0640\u2060\ufeff\u200e\u200f\ufe0e\ufe0f")),
    **dict.fromkeys(range(0x202A, 0x202F)),  # direction of writing
    **dict.fromkeys(range(0x2066, 0x206A)),
    **dict.fromkeys(range(0x1F3FB, 0x1F400)),  # skin tones
    **dict.fromkeys(map(ord, "\u2018\u2019\u02bc\uff07"), "'"),
    **dict.fromkeys(map(ord, "\u2010\u2011"), "-"),
    0x200B: " ",
}


def clauses(text):
    """The words of each clause, in lower case and in one form (Unicode's NFC)."""
    text = _plain(text)
    if text.isascii():
        return [_ASCII_WORD.findall(clause) for clause in _ASCII_CLAUSE_END.split(text)]
    return [
        words
        for clause in _CLAUSE_END.split(text)
        for words in _words_and_emoji(clause)
    ]


def words_of(text):
    """The words of all clauses of a text, see :func:`clauses`."""
    return [word for clause in clauses(text) for word in clause]


def join_words(words):
    """Words as they are written side by side: with a space, or without in Chinese."""
    return closed_up(" ".join(words))


def closed_up(phrase):
    """A phrase without the spaces that its script does not have."""
    return phrase if phrase.isascii() else _SPACE_BETWEEN.sub("", phrase)


def is_written_without_spaces(text):
    """Whether some of the text is in a script that puts no spaces between words."""
    return not text.isascii() and bool(_HAS_NO_SPACES.search(text))


def is_mostly_latin(texts):
    """Whether at least half of the letters and emoji of the first texts are Latin."""
    sample = "".join(texts[:_N_TEXTS_OF_ONE_SCRIPT])
    if sample.isascii():
        return True
    n_signs = len(_LETTER_OR_EMOJI.findall(sample))
    return 2 * len(_LATIN_LETTER.findall(sample)) >= n_signs


def is_letter_alone(word):
    """Whether a word is one letter that stands for no word (Han and emoji do)."""
    if len(word) > 1:
        return False
    return word.isascii() or not regex.match(
        rf"\p{{Han}}|\p{{Hangul}}|{_EMOJI}", word, regex.V1
    )


def unescaped(text):
    """The text with the characters that its HTML entities stand for (``&amp;``)."""
    if "&" not in text:
        return text
    return _ENTITY.sub(lambda found: html.unescape(found.group()), text)


def _plain(text):
    """Lower-case text without mark-up, in one spelling."""
    text = unescaped(text).lower()
    for sign, pattern in _NOT_WORDS:
        if sign in text:
            text = pattern.sub(" . ", text)
    if max(map(len, text.split()), default=0) >= _LEAST_ENCODED:
        text = _ENCODED.sub(" . ", text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_SAME_WORD))
        text = text.replace("i\u0307", "i")  # the lower case of a dotted capital I
    return _ELIDED.sub("", text) if "'" in text else text


def _words_and_emoji(clause):
    words, found = [], []
    for word in _WORD_OR_EMOJI.findall(clause):
        if not word[0].isalpha():
            found += [words, [word]]
            words = []
        elif _HAS_NO_SPACES.search(word):
            words += [part for part in WordBreaker(word, "und") if part[0].isalpha()]
        else:
            words.append(word)
    return [words_ for words_ in [*found, words] if words_]
