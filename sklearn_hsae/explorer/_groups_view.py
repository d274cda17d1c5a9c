"""Two groups of texts against each other: a point for each concept and phrase."""

import numpy as np
import panel as pn
from bokeh.models import (
    ColumnDataSource,
    HoverTool,
    LabelSet,
    NumeralTickFormatter,
    Range1d,
)

from sklearn_hsae import _format
from sklearn_hsae.explorer._background import soon
from sklearn_hsae.explorer._features import compare
from sklearn_hsae.explorer._groups import (
    OTHERS,
    SELECTION,
    as_table,
    groupings,
    groups_by,
    scatter_shares,
    spread_out,
)
from sklearn_hsae.explorer._html import capitalized, plain
from sklearn_hsae.explorer._layout import (
    below,
    beside,
    controls,
    html,
    plain_figure,
    show_range,
    table,
)
from sklearn_hsae.explorer._phrase_marks import phrase_marker, phrases_in
from sklearn_hsae.explorer._text_view import TextView

_COLOURS = {"hypothesis": "#c8370a", "neuron": "#0072b2", "phrase": "#9aa3af"}
_SIZES = {"hypothesis": 11, "neuron": 8, "phrase": 6}
_LABELS_PER_SIDE = 9
_LABEL_CHARACTERS = 26
_LABEL_SHIFT = 7  # pixels from its point
_LEFT_PART = 0.7  # of the width
_PER_PAGE = 10
_ROOM = 1.4  # beyond the largest and the smallest share


class GroupsView:
    """Compares two groups; a click on a point or a row opens its texts.

    Parameters
    ----------
    state : PageState
    """

    def __init__(self, state):
        self.state = state
        self.content = state.shared.content
        self._is_choosing = False
        self.by = pn.widgets.Select(label="Groups by", width=300)
        self.first = pn.widgets.Select(label="First group", width=220)
        self.second = pn.widgets.Select(label="Second group", width=220)
        self.sizes = html('<p class="none"></p>')
        self.figure, self.source, self.labels = self._figure()
        self.table = table(
            as_table(self._nothing(), str),
            titles={
                "label": "concept or phrase",
                "first": "% of first",
                "second": "% of second",
            },
            decimals={"first": 1, "second": 1, "z": 1},
            filters={
                "label": {"type": "input", "func": "like", "placeholder": "search"},
                "kind": {"type": "input", "func": "like", "placeholder": "kind"},
            },
            per_page=_PER_PAGE,
        )
        self.heading = html()
        self.texts = TextView(state), TextView(state)
        sides = beside(*(view.view() for view in self.texts), is_even=True)
        self.opened = below(self.heading, sides, visible=False)
        self._list_groupings()
        self._connect()
        self._choose_groups()
        self.update()

    def view(self):
        plot = pn.pane.Bokeh(self.figure, sizing_mode="stretch_width", margin=0)
        return below(
            controls(self.by, self.first, self.second),
            beside(below(self.sizes, plot), self.table),
            self.opened,
        )

    def _connect(self):
        self.by.param.watch(lambda event: self._choose_groups(), "value")
        for widget in (self.first, self.second):
            widget.param.watch(lambda event: soon(self.update), "value")
        self.source.selected.on_change("indices", self._tap)
        self.table.on_click(lambda event: self._open(event.row))
        self.state.param.watch(
            lambda event: self._follow_selection(), ["filtered", "drawn"]
        )
        self.state.param.watch(lambda event: self._rename(), ["n_corrections"])

    def _nothing(self):
        no_text = np.zeros(len(self.content.texts), dtype=bool)
        return compare([self.state.shared.hypotheses], no_text, no_text)

    def _figure(self):
        plot = plain_figure(
            "pan,wheel_zoom,box_zoom,tap,reset",
            height=470,
            x_axis_type="log",
            y_axis_type="log",
            x_range=Range1d(1e-3, 1),
            y_range=Range1d(1e-3, 1),
            output_backend="webgl",
        )
        for axis in (plot.xaxis, plot.yaxis):
            axis.formatter = NumeralTickFormatter(format="0.[00]%")
        plot.grid.grid_line_color = "#eceff3"
        empty = {name: [] for name in ("x", "y", "label", "kind", "colour", "size")}
        source = ColumnDataSource(empty)
        label = ("x", "y", "label", "align", "shift")
        labels = ColumnDataSource({name: [] for name in label})
        plot.line([1e-5, 1], [1e-5, 1], line_color="#c5cbd3", line_dash="dashed")
        points = plot.scatter(
            "x",
            "y",
            source=source,
            size="size",
            fill_color="colour",
            fill_alpha=0.7,
            line_color=None,
            nonselection_fill_alpha=0.25,
        )
        plot.add_tools(
            HoverTool(
                tooltips='<div style="max-width:280px">@label (@kind)</div>',
                renderers=[points],
            )
        )
        plot.add_layout(
            LabelSet(
                x="x",
                y="y",
                text="label",
                source=labels,
                text_align="align",
                x_offset="shift",
                y_offset=-5,
                text_font_size="11px",
                text_color="#39424f",
            )
        )
        return plot, source, labels

    def _list_groupings(self):
        namer = self.state.namer()
        value = self.by.value
        options = {
            _format.shorten(namer(title), 70): key
            for key, title in groupings(self.content).items()
        }
        self.by.param.update(options=options, value=value or "outcome")

    def _choose_groups(self):
        if self.by.value == SELECTION:
            inside, outside = self.state.groups
            self.groups = {"inside": inside, "outside": outside}
        else:
            self.groups = groups_by(self.content, self.by.value)
        names = list(self.groups)
        second = names[1] if len(names) == 2 else OTHERS
        self._is_choosing = True  # both change before they are compared
        self.first.param.update(options=names, value=names[0])
        self.second.param.update(options=[*names, OTHERS], value=second)
        self._is_choosing = False
        soon(self.update)

    def _follow_selection(self):
        if self.by.value == SELECTION:
            self._choose_groups()

    def _rename(self):
        self._list_groupings()
        soon(self.update)

    def masks(self):
        """The texts of the two groups."""
        first = self.groups[self.first.value]
        if self.second.value == OTHERS:
            return first, ~first
        return first, self.groups[self.second.value]

    def update(self):
        """Compare the groups that are chosen."""
        if self._is_choosing:
            return
        first, second = self.masks()
        sizes = int(first.sum()), int(second.sum())
        self.compared = compare(self.state.shared.features, first, second)
        namer = self.state.namer()
        rows = as_table(self.compared, namer)
        self.table.value = rows
        self.sizes.object = (
            f'<p class="quiet">{sizes[0]:,} {self.content.unit} of '
            f"<b>{plain(self.first.value)}</b> (up) against {sizes[1]:,} of "
            f"<b>{plain(self.second.value)}</b> (right). A click opens texts.</p>"
        )
        self._draw(rows, *sizes)
        self._open(None)

    def _draw(self, rows, *sizes):
        y, x = scatter_shares(self.compared, *sizes)
        kinds = rows["kind"]
        data = {
            "x": x,
            "y": y,
            "label": [_format.shorten(label, 120) for label in rows["label"]],
            "kind": kinds.to_numpy(),
            "colour": kinds.map(_COLOURS).to_numpy(),
            "size": kinds.map(_SIZES).to_numpy(),
        }
        self.source.selected.indices = []
        self.source.data = data
        self.figure.yaxis.axis_label = _format.shorten(self.first.value, 60)
        self.figure.xaxis.axis_label = _format.shorten(self.second.value, 60)
        if len(x):
            self._label(data)
            for axis, shares in ((self.figure.x_range, x), (self.figure.y_range, y)):
                show_range(axis, shares.min() / _ROOM, _ROOM * shares.max())

    def _label(self, data):
        """Write the labels of the points that set the groups most apart."""
        across, up = np.log(data["x"]), np.log(data["y"])
        gaps = 0.28 * np.ptp(across) + 1e-9, 0.04 * np.ptp(up) + 1e-9
        forward = np.arange(len(across))
        ends = np.stack([forward, forward[::-1]], axis=1).ravel()  # first, last, ...
        ends = ends[: len(across)]
        chosen = spread_out(across, up, ends, 2 * _LABELS_PER_SIDE, *gaps)
        # Near the right edge, which would cut it off, a label is left of its point.
        is_right = across[chosen] > across.min() + _LEFT_PART * np.ptp(across)
        self.labels.data = {
            "x": data["x"][chosen],
            "y": data["y"][chosen],
            "label": [
                _format.shorten(data["label"][i], _LABEL_CHARACTERS) for i in chosen
            ],
            "align": np.where(is_right, "right", "left").tolist(),
            "shift": np.where(is_right, -_LABEL_SHIFT, _LABEL_SHIFT),
        }

    def _tap(self, attribute, old, new):
        if new:
            self._open(new[0])

    def _open(self, row):
        self.opened.visible = row is not None
        if row is None:
            return
        kind, name, position = self.compared.loc[row, ["kind", "name", "position"]]
        features = self.state.shared.features_of(kind)
        has = np.zeros(len(self.content.texts), dtype=bool)
        has[features.texts_with(int(position))] = True
        mark = phrase_marker([name] if kind == "phrase" else phrases_in(name))
        label = plain(self.state.namer()(name), 200)
        self.heading.object = (
            f'<h2><bdi>{label}</bdi> <span class="kind">{kind}</span></h2>'
            f'<p class="quiet">{capitalized(self.content.unit)}, '
            f"{self.content.sides[0]}: left of the first group, right of the second."
            "</p>"
        )
        for view, mask in zip(self.texts, self.masks(), strict=True):
            rng = np.random.default_rng(0)
            view.show(rng.permutation(np.flatnonzero(has & mask)), mark)
