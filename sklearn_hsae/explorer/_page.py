"""One open page of the explorer."""

from sklearn_hsae.explorer._background import in_background
from sklearn_hsae.explorer._detail_view import DetailView
from sklearn_hsae.explorer._groups_view import GroupsView
from sklearn_hsae.explorer._html import plain
from sklearn_hsae.explorer._layout import below, beside, html, tabs, whole_page
from sklearn_hsae.explorer._map_view import MapView
from sklearn_hsae.explorer._selection_view import SelectionView
from sklearn_hsae.explorer._state import PageState
from sklearn_hsae.explorer._table_view import TableView


def build_page(shared):
    """Make the page for one window.

    Parameters
    ----------
    shared : SharedContent

    Returns
    -------
    panel.Template
    """
    state = PageState(shared)
    title = plain(shared.content.outcome.name, 80)
    head = html(
        f"<h1>What goes with {title}</h1>"
        f'<p class="quiet">{len(shared.content.texts):,} {shared.content.unit}, '
        f"{len(shared.hypotheses.names):,} hypotheses, "
        f"{len(shared.neurons.names):,} neurons</p>"
    )
    map_page = beside(MapView(state).view(), SelectionView(state).view())
    parts = {
        "Map": map_page,
        "Hypotheses and neurons": beside(
            TableView(state).view(), DetailView(state).view(), is_even=True
        ),
        "Two groups": GroupsView(state).view(),
    }
    in_background(shared.count_phrases, lambda phrases: _with_phrases(state))
    layout, choice = tabs(parts)
    state.param.watch(lambda event: choice.param.update(value="Map"), ["colour"])
    return whole_page(below(head, layout))


def _with_phrases(state):
    """Show phrases where they were still missing when the page was made."""
    state.n_corrections += 1
