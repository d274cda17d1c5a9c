"""A list of texts, some at a time."""

import numpy as np
import panel as pn

from sklearn_hsae.explorer._html import notes_of, text_list
from sklearn_hsae.explorer._layout import below, controls, html

_PER_PAGE = 10


class TextView:
    """Texts with their outcomes, and buttons for the next ones.

    Parameters
    ----------
    state : PageState
    """

    def __init__(self, state):
        self.state = state
        self.rows = np.array([], dtype=int)
        self.mark = None
        self.start = 0
        self.pane = html()
        self.place = html(sizing_mode=None, align="center")
        self.back = pn.widgets.Button(label="Back", width=80)
        self.more = pn.widgets.Button(label="More", width=80)
        self.back.on_click(lambda event: self._move(-_PER_PAGE))
        self.more.on_click(lambda event: self._move(_PER_PAGE))
        self.pager = below(controls(self.back, self.more, self.place))

    def view(self):
        return below(self.pane, self.pager)

    def show(self, rows, mark=None):
        """Show other texts, in random order unless they are marked.

        Parameters
        ----------
        rows : int ndarray
        mark : callable or None
            Puts marks around words of texts.
        """
        self.rows, self.mark, self.start = rows, mark, 0
        self._render()

    def _move(self, by):
        self.start = int(np.clip(self.start + by, 0, max(len(self.rows) - 1, 0)))
        self._render()

    def _render(self):
        content = self.state.shared.content
        rows = self.rows[self.start : self.start + _PER_PAGE]
        texts = (content.texts[:, None] if content.pairs is None else content.pairs)[
            rows
        ]
        if self.mark is not None and len(rows):
            texts = list(zip(*map(self.mark, texts.T), strict=True))
        self.pane.object = text_list(texts, notes_of(content, rows))
        stop = self.start + len(rows)
        self.pager.visible = len(self.rows) > _PER_PAGE
        self.place.object = (
            f'<span class="note">{self.start + 1:,} to {stop:,} of '
            f"{len(self.rows):,}</span>"
        )
        self.back.disabled = self.start == 0
        self.more.disabled = stop >= len(self.rows)
