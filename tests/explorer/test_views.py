"""The parts of the page for content of many shapes, without a browser."""

import numpy as np
import pandas as pd
import pytest
from bokeh.events import RangesUpdate, SelectionGeometry
from explorer_content import make_content
from scipy import sparse
from sklearn.pipeline import Pipeline

from sklearn_hsae import HypothesisClassifier, evaluate_hypotheses
from sklearn_hsae.explorer import LabelFile
from sklearn_hsae.explorer._detail_view import DetailView
from sklearn_hsae.explorer._export import selection_table
from sklearn_hsae.explorer._groups_view import GroupsView
from sklearn_hsae.explorer._map_figure import _FADED, _OPACITY
from sklearn_hsae.explorer._map_view import MapView
from sklearn_hsae.explorer._page import build_page
from sklearn_hsae.explorer._selection_view import SelectionView
from sklearn_hsae.explorer._state import PageState, SharedContent


def classes(content, n_classes):
    labels = np.array(["bad", "fair", "good"])[np.arange(120) % n_classes]
    y = pd.Series(labels, name="verdict")
    pipe = Pipeline([("regress", HypothesisClassifier())]).fit(content.annotations, y)
    content.evaluation = evaluate_hypotheses(pipe, content.annotations, y)
    content.outcome = y
    return content


def with_columns(content):
    content.columns = pd.DataFrame(
        {
            "all missing": [np.nan] * 120,
            "constant": [1.5] * 120,
            "infinite": [np.inf, *range(119)],
            "dates": pd.date_range("2026-01-01", periods=120),
            "flag": [True, False] * 60,
            "words": [f"author {i}" for i in range(120)],
            "some missing": [None, "a"] * 60,
        }
    )
    return content


def partly_judged(content):
    content.annotations.iloc[::2] = np.nan
    content.annotations.iloc[:, 1] = np.nan
    return content


def alike(content):
    content.vectors = np.ones_like(content.vectors)
    content.activations = content.activations * 0
    return content


def in_pairs(content):
    """Each text beside the next one."""
    second = np.roll(np.arange(len(content.texts)), -1)
    content.pairs = np.column_stack([content.texts, content.texts[second]])
    values = content.annotations.to_numpy(copy=True)
    content.annotations.iloc[:] = values - values[second]
    content.vectors = content.vectors - content.vectors[second]
    dense = content.activations.toarray()
    content.activations = sparse.csc_array(dense - dense[second])
    return content


@pytest.mark.parametrize(
    "content",
    [
        lambda: classes(make_content(), 2),
        lambda: classes(make_content(), 3),
        lambda: with_columns(make_content()),
        lambda: partly_judged(make_content()),
        lambda: alike(make_content()),
        lambda: make_content(8),
        lambda: in_pairs(make_content()),
    ],
    ids=["two", "three", "columns", "missing", "alike", "few", "pairs"],
)
def test_a_page_is_made_and_every_colour_can_be_chosen(content):
    shared = SharedContent(content(), LabelFile())
    shared.count_phrases()
    build_page(shared)
    state = PageState(shared)
    view, selection = MapView(state), SelectionView(state)
    for key in [k for part in view.colour.groups.values() for k in part.values()]:
        state.colour = key
        assert view.legend.object
        found = view.colours()
        assert found.low < found.high
        assert found.rgb().shape == (len(shared.content.texts), 3)
    place = view.coordinates[0].tolist()
    draw(view, [place[0] - 1e-3, place[0] + 1e-3], [place[1] - 1e-3, place[1] + 1e-3])
    assert state.drawn[0]
    assert ("inside" in selection.apart.object) == (not state.drawn.all())
    detail = DetailView(state)
    for features in shared.features[:2]:
        for name in features.names:
            state.feature = (features.kind, name)
            assert name in detail.heading.object


def test_an_area_holds_the_texts_that_were_drawn_around():
    state = PageState(SharedContent(make_content(), LabelFile()))
    view = MapView(state)
    state.filtered = np.arange(120) >= 20
    x, y = view.coordinates.T
    draw(view, [0, x.max() + 1], [y.min() - 1, y.max() + 1])
    assert state.drawn.tolist() == (x >= 0).tolist()
    assert (state.groups[0] == (state.filtered & (x >= 0))).all()
    assert (state.groups[1] == (state.filtered & (x < 0))).all()
    assert not view.clear.disabled
    draw(view, [x.max() + 1, x.max() + 2], [0, 1])  # an area without a text
    assert state.drawn is None and view.clear.disabled


def test_the_image_of_the_map_shows_what_is_selected_and_in_view():
    state = PageState(SharedContent(make_content(), LabelFile()))
    view = MapView(state)
    state.colour = "hypothesis:mentions slow"
    view.map._resize("inner_width", None, 300)
    view.map._resize("inner_height", None, 480)
    present, absent = (200, 55, 10), (201, 206, 214)
    assert is_shown(view, present) and is_shown(view, absent)
    has = state.shared.content.annotations["mentions slow"].to_numpy() == 1
    x, y = view.coordinates[has].T
    # The topic is a cluster of its own: in view is nothing else.
    view.map._zoom(RangesUpdate(None, x0=x.min(), x1=x.max(), y0=y.min(), y1=y.max()))
    assert is_shown(view, present) and not is_shown(view, absent)
    state.drawn = ~has
    assert is_shown(view, present, _FADED) and not is_shown(view, present)


def test_a_click_on_a_point_opens_its_texts():
    state = PageState(SharedContent(make_content(), LabelFile()))
    view = GroupsView(state)
    view.by.value = "column:city"
    assert not view.opened.visible
    row = view.table.value.index[view.table.value["label"] == "mentions fish"][0]
    view.source.selected.indices = [int(row)]
    assert view.opened.visible and "mentions fish" in view.heading.object
    # The city goes with the topic: fish is mentioned in B alone.
    first, second = (texts.rows for texts in view.texts)
    assert len(first) == 0 and sorted(second) == list(range(1, 120, 3))


def test_pairs_are_saved_with_both_texts():
    content = in_pairs(make_content())
    table = selection_table(content, np.array([3, 5]), str)
    saved = table[["text", "text_b"]].to_numpy().tolist()
    assert saved == content.pairs[[3, 5]].tolist()


def test_of_pairs_both_texts_are_shown_where_one_has_it():
    content = in_pairs(make_content())
    content.texts = np.array([f"A: {a}\nB: {b}" for a, b in content.pairs], object)
    state = PageState(SharedContent(content, LabelFile()))
    state.shared.count_phrases()
    detail = DetailView(state)
    state.feature = ("hypothesis", "mentions slow")
    # Topics come in turn: slow, fish, music. A is slow in the first pair of each three.
    a, b = detail.with_it.rows, detail.without.rows
    assert sorted(a) == list(range(0, 120, 3)) and sorted(b) == list(range(2, 120, 3))
    assert "A: the <mark>slow</mark> waiter" in detail.with_it.pane.object
    assert "B: the fresh fish" in detail.with_it.pane.object
    overview = state.shared.overview().set_index("name")
    assert overview.loc["mentions slow", "share"] == pytest.approx(200 / 3)
    y = content.outcome.to_numpy()
    difference = y[a].mean() - y[b].mean()
    assert overview.loc["mentions slow", "outcome"] == pytest.approx(difference)
    state.feature = ("neuron", "sae0")
    active = content.activations.toarray()[:, 0]
    assert detail.with_it.rows.tolist() == np.argsort(-active)[:20].tolist()
    detail.quantile.value = "silent"
    assert sorted(detail.with_it.rows) == list(range(1, 120, 3))


def draw(view, x, y):
    """Draw around a box, as a browser tells it."""
    box = {"type": "rect"} | dict(zip(("x0", "x1", "y0", "y1"), (*x, *y), strict=True))
    view.map._area(SelectionGeometry(None, geometry=box))


def is_shown(view, rgb, opacity=_OPACITY):
    image = view.map.image.data["image"][0]
    assert image.shape == (480, 300)
    pixels = image.reshape(-1, 1).view(np.uint8)
    # Faint colours are rounded: up to 255 / opacity.
    is_near = (np.abs(pixels[:, :3].astype(int) - rgb) <= 255 / opacity).all(axis=1)
    return bool((is_near & (pixels[:, 3] == opacity)).any())


def test_a_reader_marks_the_words_of_a_neuron():
    content = make_content()
    content.marker = lambda texts, name: [f"<<{name}>> {text}" for text in texts]
    state = PageState(SharedContent(content, LabelFile()))
    detail = DetailView(state)
    state.feature = ("neuron", "sae2")
    assert detail.with_it.pane.object.count("<mark>sae2</mark>") == 10
    assert detail.quantile.value == "strongest"
    detail.quantile.value = "silent"
    assert "loud music" not in detail.with_it.pane.object
