"""The map of the texts: a point each, coloured, filtered and selected by area."""

from html import escape

import numpy as np
import panel as pn
from bokeh.palettes import Magma256, Viridis256

from sklearn_hsae import _format
from sklearn_hsae.explorer._background import in_background, soon
from sklearn_hsae.explorer._colours import (
    colour_categories,
    colour_clusters,
    colour_numbers,
    colour_presence,
    colour_sides,
)
from sklearn_hsae.explorer._features import HYPOTHESIS, NEURON
from sklearn_hsae.explorer._filters_view import FiltersView
from sklearn_hsae.explorer._layout import below, controls, html
from sklearn_hsae.explorer._map import PROJECTIONS, cluster, project
from sklearn_hsae.explorer._map_figure import MapFigure

_MAX_LISTED_NEURONS = 500
_MAX_WITH_EXCERPT = 20_000  # more excerpts make the page slow to open
_EXCERPT_CHARACTERS = 90
_WARM = Magma256[230:40:-1]
_OUTCOME, _CLUSTER, _NOTHING = "outcome", "cluster", "nothing"


class MapView:
    """The map and its controls.

    Parameters
    ----------
    state : PageState
    """

    def __init__(self, state):
        self.state = state
        self.content = state.shared.content
        self.clusters = None
        self.coordinates = self._coordinates("PCA")
        self.projection = pn.widgets.Select(
            label="Map by", options=list(PROJECTIONS), width=100
        )
        self.colour = pn.widgets.Select(
            label="Coloured by", groups=self._colour_groups(), value=_OUTCOME, width=300
        )
        self.method = pn.widgets.Select(
            label="Clusters", options=["k-means", "HDBSCAN"], width=110
        )
        self.n_clusters = pn.widgets.IntInput(
            label="How many", value=8, start=2, end=50, width=80
        )
        self.legend = html()
        self.note = html(visible=False)
        self.clear = pn.widgets.Button(label="Clear the selection", disabled=True)
        n_texts = len(self.content.texts)
        self._has_excerpts = n_texts <= _MAX_WITH_EXCERPT
        self.map = MapFigure(n_texts, self._select, is_hovered=self._has_excerpts)
        self.map.place(self.coordinates)
        self.pane = pn.pane.Bokeh(
            self.map.figure, sizing_mode="stretch_width", margin=0
        )
        self._show_clusters_controls()
        self._draw()
        self._show_excerpts()
        self._connect()

    def view(self):
        """The map with its controls."""
        filters = FiltersView(self.state).view()
        choices = controls(
            self.projection, self.colour, self.method, self.n_clusters, self.clear
        )
        return below(choices, filters, self.legend, self.pane, self.note)

    def _connect(self):
        self.projection.param.watch(self._change_projection, "value")
        self.colour.param.watch(self._choose_colour, "value")
        for widget in (self.method, self.n_clusters):
            widget.param.watch(lambda event: self._change_clusters(), "value")
        self.clear.on_click(lambda event: self._clear())
        self.state.param.watch(lambda event: soon(self._filter), ["filtered"])
        self.state.param.watch(lambda event: soon(self._draw), ["drawn"])
        self.state.param.watch(self._follow_colour, ["colour"])
        self.state.param.watch(lambda event: self._rename(), ["n_corrections"])

    def _colour_groups(self):
        """What can colour the map; the most frequent neurons come first."""
        shown, shared = self.state.namer(), self.state.shared
        name = _format.shorten(str(self.content.outcome.name), 60)
        columns = {
            _format.shorten(str(column), 60): f"column:{column}"
            for column in self.content.columns
        }
        often = np.argsort(-shared.neurons.presence.sum(axis=0), kind="stable")
        neurons = shared.neurons.names[often[:_MAX_LISTED_NEURONS]]
        return {
            "Outcome": {f"{name} ": _OUTCOME},
            **({"Columns": columns} if columns else {}),
            "Clusters": {"clusters of the texts": _CLUSTER},
            "Hypotheses": {
                _format.shorten(shown(name), 70): f"{HYPOTHESIS}:{name}"
                for name in shared.hypotheses.names
            },
            "Neurons": {
                _format.shorten(shown(name), 70): f"{NEURON}:{name}" for name in neurons
            },
            "One colour": {"none": _NOTHING},
        }

    def _coordinates(self, method):
        projections = self.state.shared.projections
        if method not in projections:
            projections[method] = project(self.content.vectors, method)
        return projections[method]

    def _change_projection(self, event):
        method = event.new

        def done(coordinates):
            if self.projection.value != method:  # another one was asked for since
                return
            self.coordinates, self.clusters = coordinates, None
            self.pane.loading = False
            self._say()
            self.map.place(coordinates)
            self._draw()
            self._show_excerpts()

        def failed(message):
            self.pane.loading = False
            self.projection.value = "PCA"
            self._say(escape(message))

        self.pane.loading = True
        self._say(f"The map by {method} is being computed. The page can be used.")
        in_background(lambda: self._coordinates(method), done, failed)

    def _say(self, message=""):
        self.note.object, self.note.visible = message, bool(message)

    def _choose_colour(self, event):
        self.state.colour = event.new

    def _follow_colour(self, event):
        """Also where another part of the page chose the colour."""
        key = self.state.colour
        known = [
            value for part in self.colour.groups.values() for value in part.values()
        ]
        if key not in known:  # a neuron beyond those that are listed
            groups = dict(self.colour.groups)
            label = self.state.namer()(key.partition(":")[2])
            groups["Neurons"] = {**groups["Neurons"], _format.shorten(label, 70): key}
            self.colour.groups = groups
        self.colour.value = key
        self._show_clusters_controls()
        soon(self._draw)

    def _rename(self):
        value = self.colour.value
        self.colour.param.update(groups=self._colour_groups(), value=value)
        soon(self._draw)

    def _show_clusters_controls(self):
        is_shown = self.state.colour == _CLUSTER
        self.method.visible = is_shown
        self.n_clusters.visible = is_shown and self.method.value == "k-means"

    def _change_clusters(self):
        self.clusters = None
        self._show_clusters_controls()
        soon(self._draw)

    def colours(self):
        """The colours of all texts by what is chosen."""
        kind, _, name = self.state.colour.partition(":")
        content, shared = self.content, self.state.shared
        label = _format.shorten(self.state.namer()(name), 70)
        if kind == _OUTCOME:
            return _colour_column(content.outcome)
        if kind == "column":
            return _colour_column(content.columns[name])
        if kind == _CLUSTER:
            if self.clusters is None:
                self.clusters = cluster(
                    self.coordinates,
                    content.vectors,
                    self.method.value,
                    self.n_clusters.value,
                )
            return colour_clusters(self.clusters)
        if kind == HYPOTHESIS:
            colour = colour_presence if content.pairs is None else colour_sides
            return colour(content.annotations[name], label)
        if kind == NEURON:
            j = int(np.flatnonzero(shared.neurons.names == name)[0])
            values = content.activations[:, [j]].toarray()[:, 0]
            if content.pairs is not None:
                return colour_numbers(values, f"{label}, A minus B", Viridis256)
            return colour_numbers(values, label, ["#d5d9de", *_WARM], on_top=True)
        return colour_numbers(np.zeros(len(content.texts)), "texts", ["#4c78a8"])

    def _draw(self):
        found = self.colours()
        rows = np.flatnonzero(self.state.filtered)
        if found.on_top:
            rows = rows[
                np.argsort(np.nan_to_num(found.values[rows], nan=-1), kind="stable")
            ]
        self.legend.object = found.legend
        self.clear.disabled = self.state.drawn is None
        self.map.show(rows, found.rgb(), self.state.drawn)

    def _filter(self):
        self._draw()
        self._show_excerpts()

    def _show_excerpts(self):
        if self._has_excerpts:
            rows = np.flatnonzero(self.state.filtered)
            texts = self.content.texts[rows]
            self.map.excerpts(
                rows, [_format.shorten(text, _EXCERPT_CHARACTERS) for text in texts]
            )

    def _select(self, drawn):
        """Texts in an area, or none where there is no text."""
        self.state.drawn = drawn if drawn.any() else None

    def _clear(self):
        self.state.drawn = None


def _colour_column(values):
    is_scale = values.dtype.kind in "fiu" and values.nunique() > 2
    if is_scale:
        return colour_numbers(values, str(values.name), Viridis256)
    return colour_categories(values, str(values.name))
