"""Parts of the page as HTML. Whatever comes from texts or labels is escaped."""

import re
from html import escape

import numpy as np

from sklearn_hsae import _format
from sklearn_hsae._marks import MARKS

_SHOWN_CHARACTERS = 500  # of a long text, until a reader asks for the rest
_MAX_CHARACTERS = 20_000
_MAX_CLASSES = 6  # in a sentence
_MAX_COLUMNS = 6  # below a text
_EMPTY = '<span class="none">(empty)</span>'
_SEPARATOR = " \N{MIDDLE DOT} "


def plain(text, limit=_MAX_CHARACTERS):
    """Text as HTML that shows it, cut to `limit` characters."""
    return escape(_format.shorten(str(text), limit))


def capitalized(words):
    """With a capital first letter; the others stay as they are."""
    return words[:1].upper() + words[1:]


def text_list(rows, notes):
    """Texts, or pairs of texts, one below the other.

    Parameters
    ----------
    rows : sequence of sequences of str
        The texts of each row: one, or the two of a pair. They may have marks.
    notes : sequence of str
        A line below each row.
    """
    if len(rows) == 0:
        return '<p class="none">No text.</p>'
    items = [_row(texts, note) for texts, note in zip(rows, notes, strict=True)]
    return f'<ol class="texts">{"".join(items)}</ol>'


def _row(texts, note):
    n_characters = sum(map(len, texts))
    body = _texts(texts, _SHOWN_CHARACTERS)
    if n_characters > _SHOWN_CHARACTERS:
        body += (
            f"<details><summary>{n_characters:,} characters</summary>"
            f"{_texts(texts, _MAX_CHARACTERS)}</details>"
        )
    return f'<li><bdi>{body}</bdi><div class="note">{escape(note)}</div></li>'


def _texts(texts, most):
    """One text or the two of a pair, of at most `most` characters."""
    names = [""] if len(texts) == 1 else ["A: ", "B: "]
    parts = []
    for name, text in zip(names, texts, strict=True):
        shown = _with_marks(plain(text, most // len(texts)))
        parts.append(name + (shown if shown.strip() else _EMPTY))
    return "\n".join(parts)


def _with_marks(escaped):
    """Marks as elements; one that was cut off is closed."""
    opening, closing = map(escape, MARKS)
    pattern = f"{re.escape(opening)}(.*?)(?:{re.escape(closing)}|$)"
    return re.sub(pattern, r"<mark>\1</mark>", escaped, flags=re.DOTALL)


def comparison_table(table, shown, headings, n_rows):
    """Shares in two groups as rows with two bars.

    Parameters
    ----------
    table : DataFrame
        What `compare` returned, the rows to show.
    shown : callable
        The label of a name.
    headings : tuple of two str
    n_rows : int
        Most rows.
    """
    rows = table[:n_rows]
    if len(rows) == 0:
        return '<p class="none">Nothing.</p>'
    lines = "".join(_comparison_row(row, shown) for row in rows.itertuples())
    first, second = map(escape, headings)
    return (
        f'<table class="compared"><tr><th></th><th class="a">{first}</th>'
        f'<th class="b">{second}</th></tr>{lines}</table>'
    )


def _comparison_row(row, shown):
    cells = "".join(
        f'<td class="{side}"><span class="bar" style="width:{_width(share)}%"></span>'
        f"<span>{_format.percent(share)}</span></td>"
        for side, share in (("a", row.share_in), ("b", row.share_out))
    )
    kind = f'<span class="kind {row.kind}">{row.kind}</span>'
    return f"<tr><th><bdi>{plain(shown(row.name), 160)}</bdi> {kind}</th>{cells}</tr>"


def _width(share):
    return round(100 * share, 1) if _format.is_number(share) else 0


def facts(figures):
    """Names and figures beside each other."""
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(figure)}</dd></div>"
        for name, figure in figures.items()
    )
    return f'<dl class="facts">{items}</dl>'


def outcome_line(content, inside, outside):
    """The outcome in two groups, in a sentence."""
    name = content.outcome.name
    if content.is_numeric:
        values = content.target
        means = [_mean(values[mask]) for mask in (inside, outside)]
        return escape(f"Mean {name}: {means[0]} inside, {means[1]} outside.")
    labels = content.outcome.astype(str).to_numpy()
    classes, counts = np.unique(labels, return_counts=True)
    parts = []
    for label in classes[np.argsort(-counts, kind="stable")][:_MAX_CLASSES]:
        shares = [_share(labels[mask] == label) for mask in (inside, outside)]
        label = _format.shorten(label, 40)
        parts.append(f"{label} {shares[0]} inside, {shares[1]} outside")
    return escape(f"{name}: {'; '.join(parts)}.")


def _mean(values):
    return _format.number(np.mean(values)) if len(values) else _format.DASH


def _share(is_class):
    return _format.percent(np.mean(is_class)) if len(is_class) else _format.DASH


def notes_of(content, positions):
    """A line for each text: its outcome and what else is known about it."""
    columns = [content.outcome, *(c for _, c in content.columns.items())]
    lines = []
    for row in positions:
        known = [
            f"{c.name}: {_value(c.iloc[row])}" for c in columns[: 1 + _MAX_COLUMNS]
        ]
        lines.append(_SEPARATOR.join(known))
    return lines


def _value(value):
    """A value of a column as a reader writes it."""
    if isinstance(value, float | np.floating):
        return f"{value:.4g}".replace("-", _format.MINUS)
    return _format.shorten(str(value), 60)
