"""Put marks around parts of a text, so that nothing else in it reads as a mark."""

import numpy as np

MARKS = ("<<", ">>")
_LEFT_OUT = "[...]"


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


def token_window(text, spans, values, n_tokens):
    """Cut a text to `n_tokens` tokens, with the most active one in the middle.

    Parameters
    ----------
    text : str
    spans : ndarray of shape (n_spans, 2) of int
        The tokens that count, in order.
    values : ndarray of shape (n_spans,)
        Their activations. Without an active one, the middle of the text is shown.
    n_tokens : int

    Returns
    -------
    text, spans, values
        Of the window. "[...]" stands for what is left out.
    """
    if len(values) <= n_tokens:
        return text, spans, values
    centre = int(np.argmax(values)) if np.any(values > 0) else len(values) // 2
    start = min(max(centre - n_tokens // 2, 0), len(values) - n_tokens)
    stop = start + n_tokens
    first = spans[start, 0] if start else 0
    last = spans[stop - 1, 1] if stop < len(values) else len(text)
    before = _LEFT_OUT + " " if start else ""
    shown = before + text[first:last] + (" " + _LEFT_OUT if stop < len(values) else "")
    return shown, spans[start:stop] - first + len(before), values[start:stop]


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
    before = _LEFT_OUT + " " if start else ""
    is_cut = start + max_words < len(words)
    return before + shown + (" " + _LEFT_OUT if is_cut else "")
