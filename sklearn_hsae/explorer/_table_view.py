"""The table of hypotheses and neurons, with search."""

import numpy as np

from sklearn_hsae import _format
from sklearn_hsae.explorer._layout import below, html, table

_PER_PAGE = 14
_FILTERS = {
    "label": {"type": "input", "func": "like", "placeholder": "search"},
    "kind": {"type": "input", "func": "like", "placeholder": "kind"},
    "share": {"type": "number", "func": ">=", "placeholder": "at least"},
    "outcome": {"type": "number", "func": ">=", "placeholder": "at least"},
    "effect": {"type": "number", "func": ">=", "placeholder": "at least"},
    "p": {"type": "number", "func": "<=", "placeholder": "at most"},
    "f1": {"type": "number", "func": ">=", "placeholder": "at least"},
}


class TableView:
    """All hypotheses and neurons; a click opens one.

    Parameters
    ----------
    state : PageState
    """

    def __init__(self, state):
        self.state = state
        content = state.shared.content
        outcome = _format.shorten(str(content.outcome.name), 30)
        titles = {
            "label": "hypothesis or neuron",
            "share": "% of texts" if content.pairs is None else "% of pairs",
            "outcome": f"{outcome}: "
            + ("with minus without" if content.pairs is None else "A minus B"),
            "f1": "fidelity",
        }
        self.table = table(
            self._rows(),
            titles=titles,
            decimals={"share": 1, "outcome": 2, "effect": 2, "p": 3, "f1": 2},
            filters=_FILTERS,
            per_page=_PER_PAGE,
        )
        self.table.on_click(self._open)
        state.param.watch(lambda event: self._rename(), ["n_corrections"])

    def view(self):
        return below(
            html(
                '<p class="quiet">A click opens a row. Below each heading is a filter.'
                "</p>"
            ),
            self.table,
        )

    def _rows(self):
        rows = self.state.shared.overview()
        size = rows["effect"].abs().fillna(-1)
        order = np.lexsort((-rows["share"], -size))
        rows = rows.iloc[order].reset_index(drop=True)
        self.keys = list(zip(rows["kind"], rows["name"], strict=True))
        rows.insert(0, "label", rows.pop("name").map(self.state.namer()))
        return rows

    def _rename(self):
        self.table.value = self._rows()

    def _open(self, event):
        self.state.feature = self.keys[event.row]
