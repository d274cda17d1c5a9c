"""The field in which a reader corrects a label."""

import panel as pn

from sklearn_hsae.explorer._html import plain
from sklearn_hsae.explorer._layout import below, controls, html


class LabelView:
    """Corrects the label of one hypothesis or neuron.

    Parameters
    ----------
    state : PageState
    """

    def __init__(self, state):
        self.state = state
        self.name = self.seen = None
        self.field = pn.widgets.TextInput(label="Label", width=330, max_length=500)
        self.save = pn.widgets.Button(label="Keep this label")
        self.notice = html()
        self.save.on_click(lambda event: self._save())

    def view(self):
        return below(controls(self.field, self.save), self.notice)

    def show(self, name):
        """Show the label of another hypothesis or neuron."""
        self.name = name
        self.seen = self.state.shared.labels.shown(name)
        self.field.value = self.seen
        self.notice.object = ""

    def _save(self):
        labels = self.state.shared.labels
        try:
            other = labels.correct(self.name, self.field.value, seen=self.seen)
        except (OSError, ValueError) as error:
            self._say(f"Not kept: {error}")
            return
        if other is not None:
            self.seen = other
            self._say(
                f"Not kept: another window has called it '{other}' meanwhile. Press "
                "again to replace that."
            )
            return
        self.seen = labels.shown(self.name)
        self.field.value = self.seen
        where = "until the page is closed" if labels.path is None else labels.path.name
        self._say(f"Kept ({where}).")
        self.state.n_corrections += 1

    def _say(self, message):
        self.notice.object = f'<span class="note">{plain(message, 1000)}</span>'
