"""How the points of the map are coloured: numbers for a palette, and a legend."""

from html import escape
from typing import NamedTuple

import numpy as np
import pandas as pd

from sklearn_hsae import _format
from sklearn_hsae.explorer._filters import as_words

# Okabe & Ito (2008), which colour-blind readers tell apart, and four that go with them.
_CATEGORIES = (
    "#0072b2 #e69f00 #009e73 #cc79a7 #56b4e9 #d55e00 #8c6bb1 #b8a800 #7f4f24 #5f7f3f"
).split()
_OTHER = "#b5b5b5"
_UNKNOWN = "#dfe2e6"
_ABSENT, _PRESENT = "#c9ced6", "#c8370a"


class Colours(NamedTuple):
    """Colours of the texts.

    Attributes
    ----------
    values : float32 ndarray of shape (n_texts,)
        Positions on the palette; NaN for texts of which nothing is known.
    palette : list of str
    low, high : float
        What the first and the last colour stand for.
    legend : str
        HTML.
    on_top : bool
        Whether texts with large values are drawn above the others.
    """

    values: np.ndarray
    palette: list
    low: float
    high: float
    legend: str
    on_top: bool = False

    def rgb(self):
        """Red, green and blue of each text, as uint8."""
        table = np.array(
            [
                [int(c[i : i + 2], 16) for i in (1, 3, 5)]
                for c in [*self.palette, _UNKNOWN]
            ],
            dtype=np.uint8,
        )
        last = len(self.palette) - 1
        step = len(self.palette) / (self.high - self.low)
        known = np.isfinite(self.values)
        places = (np.where(known, self.values, self.low) - self.low) * step
        return table[np.where(known, np.clip(places, 0, last).astype(int), last + 1)]


def colour_numbers(values, name, palette, on_top=False):
    """Colours on a scale, from the smallest to the largest number."""
    values = np.asarray(values, dtype=np.float32)
    known = values[np.isfinite(values)]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    ends = _format.number(float(low)), _format.number(float(high))
    if not low < high:  # constant: one colour
        legend = f"{_swatch(palette[0])} {escape(name)}: {ends[0]} everywhere"
        return Colours(values, [palette[0]], low - 0.5, low + 0.5, legend)
    shades = ", ".join(palette[:: max(len(palette) // 8, 1)])
    legend = (
        f'{escape(name)} {ends[0]} <span class="scale" style="background:'
        f'linear-gradient(to right, {shades})"></span> {ends[1]}'
    )
    return Colours(values, list(palette), float(low), float(high), legend, on_top)


def colour_presence(annotations, name):
    """Two colours: texts with a concept and texts without; NaN stays apart."""
    values = np.asarray(annotations, dtype=np.float32)
    legend = f"{_swatch(_PRESENT)} with {_swatch(_ABSENT)} without: {escape(name)}"
    return Colours(values, [_ABSENT, _PRESENT], -0.5, 1.5, legend, True)


def colour_sides(annotations, name):
    """Of pairs: which of the two texts has a concept."""
    values = np.asarray(annotations, dtype=np.float32)
    legend = (
        f"{_swatch(_PRESENT)} only A has it {_swatch(_CATEGORIES[0])} only B has it "
        f"{_swatch(_ABSENT)} both or neither: {escape(name)}"
    )
    return Colours(values, [_CATEGORIES[0], _ABSENT, _PRESENT], -1.5, 1.5, legend)


def colour_categories(values, name):
    """A colour for each of the ten most frequent values; grey for all others."""
    codes, labels = pd.factorize(as_words(values), sort=True)
    sizes = np.bincount(codes, minlength=len(labels))
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty(len(labels))
    rank[order] = np.arange(len(labels))
    n_own = min(len(labels), len(_CATEGORIES))
    palette = [*_CATEGORIES[:n_own]]
    if len(labels) > n_own:
        palette.append(_OTHER)
    numbers = np.minimum(rank[codes], len(palette) - 1).astype(np.float32)
    parts = [
        f"{_swatch(palette[i])} {escape(_format.shorten(labels[j], 40))}"
        for i, j in enumerate(order[:n_own])
    ]
    if len(labels) > n_own:
        parts.append(f"{_swatch(_OTHER)} {len(labels) - n_own} others")
    legend = f"{escape(name)}: {' '.join(parts)}"
    return Colours(numbers, palette, -0.5, len(palette) - 0.5, legend)


def colour_clusters(numbers):
    """A colour for each of the ten largest clusters; grey for texts in no cluster."""
    if (numbers < 0).all():
        one = np.zeros(len(numbers), dtype=np.float32)
        legend = f"{_swatch(_OTHER)} no cluster found: no place is denser than others"
        return Colours(one, [_OTHER], -0.5, 0.5, legend)
    labels = np.array([f"{number + 1}" for number in numbers], dtype=object)
    found = colour_categories(labels[numbers >= 0], "cluster")
    values = np.full(len(numbers), np.nan, dtype=np.float32)
    values[numbers >= 0] = found.values
    legend = found.legend
    if (numbers < 0).any():
        legend += f" {_swatch(_ABSENT)} none"
    return found._replace(values=values, legend=legend)


def _swatch(colour):
    return f'<span class="swatch" style="background:{colour}"></span>'
