"""Put marks around parts of a text, so that nothing else in it reads as a mark."""

MARKS = ("<<", ">>")


def mark_spans(text, spans, marks=MARKS):
    """Put marks around spans of a text.

    Parameters
    ----------
    text : str
    spans : array of shape (n_spans, 2) of int
        In order. Those that touch become one; white space at its ends is left out.
    marks : tuple of two str
        What opens and what closes a mark: two characters or more. Where the text has
        them, they are broken up by a space.

    Returns
    -------
    str
    """
    parts, done = [], 0
    for start, stop in _runs(text, spans):
        parts += [(text[done:start], False), (marks[0], True)]
        parts += [(text[start:stop], False), (marks[1], True)]
        done = stop
    return _joined([*parts, (text[done:], False)], marks)


def _runs(text, spans):
    runs = []
    for start, stop in spans:
        if runs and start <= runs[-1][1]:
            runs[-1][1] = max(stop, runs[-1][1])
        else:
            runs.append([start, stop])
    for start, stop in runs:
        inner = text[start:stop]
        if inner.strip():
            yield (
                start + len(inner) - len(inner.lstrip()),
                stop - len(inner) + len(inner.rstrip()),
            )


def _joined(parts, marks):
    """Join pairs of a part and whether it is a mark; no other part reads as a mark."""
    joined = ""
    for part, is_mark in parts:
        if not is_mark:
            for mark in marks:
                while mark in part:
                    part = part.replace(mark, f"{mark[0]} {mark[1:]}")
        if joined and part and joined[-1] == part[0] and part[0] in "".join(marks):
            joined += " "
        joined += part
    return joined


def excerpt(text, max_words, marks=MARKS):
    """Cut a marked text to `max_words` words around its first mark.

    "[...]" stands for the words that are left out. A mark that is cut is closed.
    """
    words = text.split()
    if len(words) <= max_words:
        return text
    first = next((i for i, word in enumerate(words) if marks[0] in word), 0)
    start = min(max(first - max_words // 4, 0), len(words) - max_words)
    shown = " ".join(words[start : start + max_words])
    if shown.count(marks[0]) > shown.count(marks[1]):
        shown += marks[1]
    before = "[...] " if start else ""
    return before + shown + (" [...]" if start + max_words < len(words) else "")
