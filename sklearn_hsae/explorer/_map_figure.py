"""The figure of the map: an image of the points, tools to zoom and to draw an area."""

import numpy as np
from bokeh.events import RangesUpdate, SelectionGeometry
from bokeh.models import (
    BoxSelectTool,
    ColumnDataSource,
    HoverTool,
    LassoSelectTool,
    Range1d,
)

from sklearn_hsae.explorer._area import in_box, in_polygon
from sklearn_hsae.explorer._background import soon
from sklearn_hsae.explorer._layout import plain_figure, show_range
from sklearn_hsae.explorer._points_image import draw_points

_HEIGHT = 520
_GUESSED_SHAPE = 490, 850  # until the browser tells its own
_MARGIN = 0.05  # of the map, around it
_MAX_HOVERED = 5  # texts at one place whose excerpts are shown
_OPACITY, _FADED = 210, 45  # of 255


class MapFigure:
    """Draws texts as points, and tells which ones a reader has drawn around.

    Parameters
    ----------
    n_texts : int
    on_area : callable
        Called with the mask of the texts inside an area that was drawn.
    is_hovered : bool
        Whether the text under the mouse is shown: an excerpt of each text is sent.
    """

    def __init__(self, n_texts, on_area, *, is_hovered):
        self._on_area = on_area
        self._coordinates = np.zeros((n_texts, 2), dtype=np.float32)
        self._rows = np.arange(n_texts)
        self._colours = np.zeros((n_texts, 4), dtype=np.uint8)
        self._size = _point_size(n_texts)
        self._shape = self._drawn_shape = _GUESSED_SHAPE
        self.image = ColumnDataSource(
            {name: [] for name in ("image", "x", "y", "dw", "dh")}
        )
        self.hovered = ColumnDataSource({"x": [], "y": [], "text": []})
        self.figure = self._figure(is_hovered)

    def _figure(self, is_hovered):
        plot = plain_figure(
            "pan,wheel_zoom,box_select,reset",
            height=_HEIGHT,
            x_range=Range1d(0, 1),
            y_range=Range1d(0, 1),
        )
        plot.axis.visible = plot.grid.visible = False
        plot.image_rgba("image", source=self.image, x="x", y="y", dw="dw", dh="dh")
        if is_hovered:
            points = plot.scatter(  # nothing to see: the image shows them
                "x",
                "y",
                source=self.hovered,
                size=self._size,
                fill_color=None,
                line_color=None,
            )
            # Bokeh escapes what "@text" stands for.
            tooltip = '<div class="excerpt" style="max-width:300px">@text</div>'
            plot.add_tools(
                HoverTool(
                    tooltips=tooltip,
                    renderers=[points],
                    attachment="below",
                    limit=_MAX_HOVERED,
                )
            )
        lasso = LassoSelectTool(continuous=False)  # not at each move of the mouse
        plot.add_tools(lasso)
        plot.toolbar.active_drag = lasso
        for tool in plot.toolbar.tools:
            if isinstance(tool, BoxSelectTool | LassoSelectTool):
                tool.renderers = []  # the texts inside are looked for here
        plot.on_event(SelectionGeometry, self._area)
        plot.on_event(RangesUpdate, self._zoom)
        plot.on_change("inner_width", self._resize)
        plot.on_change("inner_height", self._resize)
        return plot

    def place(self, coordinates):
        """Take another map, and show all of it."""
        self._coordinates = coordinates
        for axis, values in zip(
            (self.figure.x_range, self.figure.y_range), coordinates.T, strict=True
        ):
            low, high = float(values.min()), float(values.max())
            room = _MARGIN * (high - low) or 1.0
            show_range(axis, low - room, high + room)
        self._view = self._whole()

    def show(self, rows, rgb, selected=None):
        """Draw texts.

        Parameters
        ----------
        rows : int ndarray
            Positions of the texts; later ones cover earlier ones.
        rgb : uint8 ndarray of shape (n_texts, 3)
        selected : bool ndarray of shape (n_texts,) or None
            The others are faded. None fades none.
        """
        opacity = np.full(len(rows), _OPACITY, dtype=np.uint8)
        if selected is not None:
            rows = rows[np.argsort(selected[rows], kind="stable")]
            opacity[~selected[rows]] = _FADED
        self._rows = rows
        self._colours = np.column_stack([rgb[rows], opacity])
        self._draw()

    def excerpts(self, rows, texts):
        """What appears under the mouse."""
        x, y = self._coordinates[rows].T
        self.hovered.data = {"x": x, "y": y, "text": texts}

    def _whole(self):
        x, y = self.figure.x_range, self.figure.y_range
        return x.start, x.end, y.start, y.end

    def _draw(self):
        left, right, low, high = self._view
        x, y = self._coordinates[self._rows].T
        self._drawn_shape = self._shape
        drawn = draw_points(x, y, self._colours, self._view, self._shape, self._size)
        self.image.data = {
            "image": [drawn],
            "x": [left],
            "y": [low],
            "dw": [right - left],
            "dh": [high - low],
        }

    def _resize(self, attribute, old, new):
        height, width = self._shape
        if attribute == "inner_width":
            width = max(new, 1)
        else:
            height = max(new, 1)
        self._shape = height, width
        soon(self._fit)  # once, when both have changed

    def _fit(self):
        if self._drawn_shape != self._shape:
            self._draw()

    def _zoom(self, event):
        view = event.x0, event.x1, event.y0, event.y1
        if view != self._view and event.x1 > event.x0 and event.y1 > event.y0:
            self._view = view
            self._draw()

    def _area(self, event):
        x, y = self._coordinates.T
        found = event.geometry
        if found["type"] == "rect":
            box = (found[name] for name in ("x0", "x1", "y0", "y1"))
            self._on_area(in_box(x, y, *box))
        else:
            self._on_area(in_polygon(x, y, list(found["x"]), list(found["y"])))


def _point_size(n_points):
    """Smaller points for more texts, so that they cover each other less."""
    return float(np.clip(200 / np.sqrt(max(n_points, 1)), 2, 9))
