"""What the displays draw, and what they refuse; looked at as pictures when changed."""

import dataclasses
import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_hsae import HypothesisRegressor, MatryoshkaSAETransformer, NeuronSelector
from sklearn_hsae.plot import (
    AgreementDisplay,
    CeilingsDisplay,
    EffectsDisplay,
    FidelityDisplay,
    GroupEffectsDisplay,
    PrevalenceDisplay,
    _figures,
    save_figures,
)

LONG = "mentions waiting for more than an hour, a waiter who never came back, and soup"
DISPLAYS = [
    AgreementDisplay,
    CeilingsDisplay,
    EffectsDisplay,
    FidelityDisplay,
    PrevalenceDisplay,
]


@pytest.fixture(autouse=True)
def no_window():
    backend = matplotlib.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(backend)


def labels(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


@pytest.mark.parametrize("display", DISPLAYS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_hypotheses": 1},
        {"n_hypotheses": 2, "label": LONG + " $x_{} $5"},
        {"kind": "three classes"},
    ],
)
def test_each_draws_on_its_own_and_on_given_axes(make, display, options):
    evaluation = make(**options)
    own = display.from_evaluation(evaluation, outcome="stars")
    assert own.figure_ is own.ax_.figure
    own.figure_.canvas.draw()  # a wrong formula in a label would fail here
    figure = Figure()
    ax = figure.subplots()
    given = display.from_evaluation(evaluation, ax=ax)
    assert given.ax_ is ax and given.figure_ is figure
    assert given.plot(ax=Figure().subplots()) is given


def test_no_label_is_cut_off_where_hypotheses_are_many(make):
    display = AgreementDisplay.from_evaluation(make(n_hypotheses=16, label=LONG + "{}"))
    display.figure_.draw_without_rendering()
    names = display.ax_.get_yticklabels()
    assert min(name.get_window_extent().x0 for name in names) >= 0


def test_effects_are_those_of_the_table(make):
    evaluation = make()
    ax = EffectsDisplay.from_evaluation(evaluation, outcome="stars").ax_
    table = evaluation.to_frame().sort_values("coefficient", ascending=False)
    assert [text.replace("\n", " ") for text in labels(ax.yaxis)] == table[
        "hypothesis"
    ].tolist()
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(
        [dot.get_xdata()[0] for dot in dots], table["coefficient"].dropna()
    )
    is_filled = [dot.get_markerfacecolor() != "white" for dot in dots]
    assert is_filled == table["significant"][: len(dots)].tolist()
    assert ax.get_xlabel() == "difference in stars"
    assert "not estimable" in [text.get_text().strip() for text in ax.texts]


def test_two_classes_say_which_one_the_effects_point_to(make):
    ax = EffectsDisplay.from_evaluation(make(kind="two classes")).ax_
    assert "+ means more likely fair" in ax.get_xlabel()


def test_prevalence_stands_beside_the_effect(make):
    evaluation = make()
    ax = PrevalenceDisplay.from_evaluation(evaluation).ax_
    table = evaluation.to_frame().dropna(subset="coefficient")
    table = table.sort_values("coefficient", ascending=False)
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    drawn = [(dot.get_xdata()[0] / 100, dot.get_ydata()[0]) for dot in dots]
    np.testing.assert_allclose(drawn, table[["prevalence", "coefficient"]])
    key = [text.get_text() for text in ax.get_legend().get_texts()]
    assert [" ".join(text.split()) for text in key] == [
        f"{i} {h}" for i, h in enumerate(table["hypothesis"], 1)
    ]
    assert ax.get_ylabel() == "difference in the outcome"


def test_ceilings_begin_at_the_score_of_guessing(make):
    for kind, floor in (("numbers", 0.0), ("three classes", 0.5)):
        evaluation = make(kind=kind)
        ax = CeilingsDisplay.from_evaluation(evaluation).ax_
        ends = [bar.get_x() + bar.get_width() for bar in ax.patches]
        np.testing.assert_allclose(ends, evaluation.ceilings.iloc[:, 0])
        assert {bar.get_x() for bar in ax.patches} == {floor}


def test_hypotheses_that_agree_stand_side_by_side(make):
    evaluation = make()
    display = AgreementDisplay.from_evaluation(evaluation)
    places = np.argsort(display.order_)
    assert abs(places[0] - places[1]) == 1  # the second is nearly a copy of the first
    (image,) = display.ax_.get_images()
    drawn = np.ma.filled(image.get_array(), np.nan)
    expected = evaluation.annotations.iloc[:, display.order_].corr().to_numpy()
    np.testing.assert_allclose(drawn, expected, atol=1e-12)


@pytest.mark.parametrize("kind", ["numbers", "three classes"])
def test_effects_of_groups_are_those_of_the_table(make, kind):
    evaluation = make(kind=kind)
    concept = evaluation.annotations.iloc[:, 0]
    by = evaluation.by_group(concept.where(concept.index % 7 > 1, 2).rename("city"))
    by["differs"] = np.arange(len(by)) % 4 == 0  # each group of some hypothesis
    display = GroupEffectsDisplay.from_evaluation(evaluation, by, outcome="stars")
    keys = [name for name in ("class", "hypothesis") if name in by]
    first = by.groupby(keys)["difference_p"].transform("min")
    is_drawn = by.groupby(keys)["differs"].transform("any") | (kind == "numbers")
    table = by.assign(first=first)[is_drawn].sort_values("first", kind="stable")
    table = table.dropna(subset="coefficient")
    dots = [
        line
        for line in display.ax_.lines
        if line.get_marker() == "o" and len(line.get_xdata())
    ]
    np.testing.assert_allclose(
        sorted(dot.get_xdata()[0] for dot in dots), sorted(table["coefficient"])
    )
    is_filled = [dot.get_markerfacecolor() != "white" for dot in dots]
    assert sum(is_filled) == table["differs"].sum() > 0
    legend = display.ax_.get_legend()
    assert legend.get_title().get_text() == "city"
    assert len(legend.get_texts()) == by["group"].nunique()
    given = Figure().subplots()
    assert GroupEffectsDisplay.from_evaluation(evaluation, by, ax=given).ax_ is given


def test_groups_of_many_classes_that_do_not_differ_are_not_drawn(make, tmp_path):
    evaluation = make(kind="three classes")
    by = evaluation.by_group(np.arange(300) % 2).assign(differs=False)
    with pytest.raises(ValueError, match="No effect on a class differs"):
        GroupEffectsDisplay.from_evaluation(evaluation, by)
    names = {path.stem for path in save_figures(evaluation, tmp_path, by=by)}
    assert "effects" in names and "by_group" not in names


def test_groups_are_drawn_from_an_estimator_and_as_files(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.integers(2, size=(400, 2))
    group = np.resize(["a", "b"], 200)
    y = X[:, 0] + rng.normal(size=400)
    pipe = Pipeline([("last", HypothesisRegressor())]).fit(X[:200], y[:200])
    display = GroupEffectsDisplay.from_estimator(pipe, X[200:], y[200:], group)
    paths = save_figures(display.evaluation, tmp_path, by=display.by)
    assert {"by_group.png", "by_group.svg"} < {path.name for path in paths}


def test_what_an_evaluation_lacks_is_named(make):
    whole = make()
    bare = type(whole)(
        **{
            **vars(whole),
            "ceilings": None,
            "table": whole.table.drop(columns=["f1", "precision", "recall"]),
        }
    )
    with pytest.raises(ValueError, match="need the training rows"):
        CeilingsDisplay.from_evaluation(bare)
    with pytest.raises(ValueError, match="no step that names neurons"):
        FidelityDisplay.from_evaluation(bare)


def test_from_estimator_evaluates(make):
    rng = np.random.default_rng(0)
    X = rng.integers(2, size=(200, 2))
    y = X[:, 0] + rng.normal(size=200)
    pipe = Pipeline([("last", HypothesisRegressor())]).fit(X[:100], y[:100])
    display = EffectsDisplay.from_estimator(pipe, X[100:], y[100:], outcome="stars")
    assert len(display.evaluation.table) == 2
    assert display.ax_.get_xlabel() == "difference in stars"


def test_figures_are_files_of_both_kinds(make, tmp_path):
    evaluation = make(label='price < $5 & "soup" {}')
    paths = save_figures(evaluation, tmp_path / "figures", outcome="stars")
    names = ["agreement", "ceilings", "effects", "fidelity", "prevalence"]
    assert sorted(path.name for path in paths) == [
        f"{name}.{kind}" for name in names for kind in ("png", "svg")
    ]
    for path in paths:
        content = path.read_bytes()
        if path.suffix == ".png":
            assert content.startswith(b"\x89PNG")
        else:
            ET.fromstring(content)
    before = (tmp_path / "figures" / "effects.svg").read_bytes()
    assert b"difference in stars" in before  # text, which an editor can change
    save_figures(evaluation, tmp_path / "figures", outcome="stars")
    assert (tmp_path / "figures" / "effects.svg").read_bytes() == before
    assert plt.get_fignums() == []  # nothing stays open in a service


def test_figures_of_the_search_its_autoencoder_and_the_stability(
    make, tmp_path, monkeypatch
):
    monkeypatch.setattr(_figures, "_DISPLAYS", {"effects": EffectsDisplay})
    monkeypatch.setattr(_figures, "_FORMATS", ("svg",))
    X = np.random.default_rng(0).normal(size=(120, 6)).astype(np.float32)
    steps = [
        ("sae", MatryoshkaSAETransformer(8, 2, max_epochs=2, random_state=0)),
        ("select", NeuronSelector(columns=[1, 2, 5])),
        ("last", HypothesisRegressor()),
    ]
    search = GridSearchCV(Pipeline(steps), {"sae__k": [1, 2]}, cv=2).fit(X, X[:, 0])
    table = pd.DataFrame(
        {
            "hypothesis": ["a", "b"],
            "n_repeats": 2,
            "n_returned": [2, 1],
            "share_returned": [1.0, 0.5],
            "agreement": [0.9, 0.6],
            "same_sign": 1.0,
        }
    )
    evaluation = dataclasses.replace(make(), stability=table)
    paths = save_figures(evaluation, tmp_path, pipeline=search)
    names = {path.stem for path in paths}
    assert names >= {"training", "neurons", "search", "stability", "effects"}
    drawn = (tmp_path / "neurons.svg").read_text()
    assert [name for name in range(8) if f"sae{name}<" in drawn] == [1, 2, 5]
    without = Pipeline([steps[-1]]).fit(X, X[:, 0])
    names = {path.stem for path in save_figures(evaluation, tmp_path, pipeline=without)}
    assert "effects" in names and not {"training", "neurons", "search"} & names


def test_characters_that_the_font_lacks_are_told_once(make, tmp_path):
    evaluation = make(n_hypotheses=2, label="汤{}")
    with pytest.warns(UserWarning, match="drawn as boxes") as told:
        save_figures(evaluation, tmp_path)
    assert len(told) == 1


def test_matplotlib_is_imported_at_first_use_only():
    code = (
        "import sys, sklearn_hsae.plot\n"
        "assert 'matplotlib' not in sys.modules\n"
        "sys.modules['matplotlib'] = None\n"
        "try: sklearn_hsae.plot.save_figures(None, '.')\n"
        "except ImportError as error: assert 'sklearn-hsae[plot]' in str(error)\n"
        "else: raise SystemExit('no error')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
