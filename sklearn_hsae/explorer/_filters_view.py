"""The filters above the map: one for each column, and one for words of the texts."""

import numpy as np
import pandas as pd
import panel as pn

from sklearn_hsae import _format
from sklearn_hsae.explorer._filters import choices, filter_kind, passes
from sklearn_hsae.explorer._layout import controls, folded


class FiltersView:
    """Filters on all columns.

    Parameters
    ----------
    state : PageState
    """

    def __init__(self, state):
        self.state = state
        content = state.shared.content
        columns = [content.outcome, *(values for _, values in content.columns.items())]
        self.filters = [(pd.Series(content.texts, name="words in the text"), "words")]
        self.filters += [(values, filter_kind(values)) for values in columns]
        self.widgets = [_widget(values, kind) for values, kind in self.filters]
        for widget in self.widgets:
            # A slider tells its value when it is let go.
            name = "value_throttled" if hasattr(widget, "value_throttled") else "value"
            widget.param.watch(lambda event: self._apply(), name)

    def view(self):
        """The filters, folded up."""
        return folded("Filters", controls(*self.widgets))

    def _apply(self):
        mask = np.ones(len(self.state.filtered), dtype=bool)
        for (values, kind), widget in zip(self.filters, self.widgets, strict=True):
            mask &= passes(values, kind, widget.value)
        self.state.filtered = mask


def _widget(values, kind):
    label = _format.shorten(str(values.name), 40)
    if kind == "words":
        return pn.widgets.TextInput(label=label, width=200)
    if kind == "choice":
        # A plain list: MultiChoice would show the values as HTML.
        return pn.widgets.MultiSelect(
            label=label, options=choices(values), width=200, size=4
        )
    numbers = values.to_numpy(dtype=np.float64)
    finite = numbers[np.isfinite(numbers)]
    low, high = finite.min(), finite.max()
    is_whole = bool((finite % 1 == 0).all())
    if is_whole:
        return pn.widgets.IntRangeSlider(
            label=label, start=int(low), end=int(high), width=220
        )
    step = (high - low) / 200
    return pn.widgets.RangeSlider(
        label=label, start=float(low), end=float(high), step=step, width=220
    )
