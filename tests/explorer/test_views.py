"""The parts of the page for content of many shapes, without a browser."""

import numpy as np
import pandas as pd
import pytest
from explorer_content import make_content
from sklearn.pipeline import Pipeline

from sklearn_hsae import HypothesisClassifier, evaluate_hypotheses
from sklearn_hsae.explorer import LabelFile
from sklearn_hsae.explorer._detail_view import DetailView
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


@pytest.mark.parametrize(
    "content",
    [
        lambda: classes(make_content(), 2),
        lambda: classes(make_content(), 3),
        lambda: with_columns(make_content()),
        lambda: partly_judged(make_content()),
        lambda: alike(make_content()),
        lambda: make_content(8),
    ],
    ids=["two", "three", "columns", "missing", "alike", "few"],
)
def test_a_page_is_made_and_every_colour_can_be_chosen(content):
    shared = SharedContent(content(), LabelFile())
    shared.count_phrases()
    build_page(shared)
    state = PageState(shared)
    view, selection = MapView(state), SelectionView(state)
    for key in [k for part in view.colour.groups.values() for k in part.values()]:
        state.colour = key
        assert view.legend.object and view.mapper.low < view.mapper.high
        assert len(view.source.data["c"]) == len(shared.content.texts)
    view.source.selected.indices = [0, 3]
    assert state.drawn.sum() == 2
    assert "inside" in selection.apart.object
    detail = DetailView(state)
    for features in shared.features[:2]:
        for name in features.names:
            state.feature = (features.kind, name)
            assert name in detail.heading.object


def test_an_area_holds_the_texts_that_were_drawn_around():
    # Coloured by a hypothesis, the points are in another order than the texts.
    state = PageState(SharedContent(make_content(), LabelFile()))
    view = MapView(state)
    state.colour = "hypothesis:mentions slow"
    state.filtered = np.arange(120) >= 20
    view.source.selected.indices = [0, 50, 99]
    coordinates = view.coordinates[state.drawn]
    drawn = np.stack([view.source.data[a][[0, 50, 99]] for a in "xy"], axis=1)
    assert {*map(tuple, coordinates)} == {*map(tuple, drawn)}
    assert state.groups[0].sum() == 3 and state.groups[1].sum() == 97


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
