"""What is selected: its texts, what sets them apart, and their export."""

import io

import numpy as np
import panel as pn

from sklearn_hsae.explorer._export import selection_table
from sklearn_hsae.explorer._features import PHRASE, compare
from sklearn_hsae.explorer._html import comparison_table, outcome_line
from sklearn_hsae.explorer._layout import below, controls, html
from sklearn_hsae.explorer._text_view import TextView

_N_ROWS = 8
_HOW_TO = (
    "Draw around points on the map, or set filters: here appear these texts, and what "
    "sets them apart from the others."
)


class SelectionView:
    """The panel beside the map.

    Parameters
    ----------
    state : PageState
    """

    def __init__(self, state):
        self.state = state
        self.content = state.shared.content
        self.heading = html()
        self.apart = html()
        self.texts = TextView(state)
        self.export = pn.widgets.FileDownload(
            label="Save these texts (csv)",
            filename="selection.csv",
            callback=self._csv,
            color="primary",
            auto=True,
            embed=False,
        )
        state.param.watch(lambda event: self.update(), ["filtered", "drawn"])
        state.param.watch(lambda event: self._compare(), ["n_corrections"])
        self.update()

    def view(self):
        return below(self.heading, self.apart, controls(self.export), self.texts.view())

    def update(self):
        """Show another selection."""
        inside, _ = self.state.groups
        n_all, n_inside = len(inside), int(inside.sum())
        self.heading.object = f"<h2>{n_inside:,} of {n_all:,} {self.content.unit}</h2>"
        self._compare()
        self.texts.show(np.flatnonzero(inside))
        self.export.disabled = n_inside == 0

    def _compare(self):
        inside, outside = self.state.groups
        if not inside.any():
            self.apart.object = '<p class="none">No text passes the filters.</p>'
            return
        if not outside.any():
            self.apart.object = f'<p class="none">{_HOW_TO}</p>'
            return
        table = compare(self.state.shared.features, inside, outside)
        is_phrase = table["kind"] == PHRASE
        namer, sides = self.state.namer(), ("inside", "outside")
        parts = [f"<p>{outcome_line(self.content, inside, outside)}</p>"]
        for title, rows in (
            ("More often inside", table[~is_phrase & (table["z"] > 0)]),
            ("Less often inside", table[~is_phrase & (table["z"] < 0)][::-1]),
            ("Phrases", table[is_phrase & (table["z"] > 0)]),
        ):
            parts.append(
                f"<h3>{title}</h3>{comparison_table(rows, namer, sides, _N_ROWS)}"
            )
        if self.state.shared.phrases is None:
            parts.append('<p class="none">Phrases are still being counted.</p>')
        self.apart.object = "".join(parts)

    def _csv(self):
        rows = np.flatnonzero(self.state.groups[0])
        table = selection_table(self.content, rows, self.state.namer())
        return io.BytesIO(table.to_csv(index=False).encode("utf-8", "replace"))
