"""The report: what it says, that it stands alone, and how a browser lays it out."""

import math
import re
import shutil
import subprocess
from dataclasses import replace
from html import escape
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from sklearn_hsae import (
    HypothesisClassifier,
    HypothesisRegressor,
    _format,
    evaluate_hypotheses,
    write_report,
)
from sklearn_hsae._files import replaced_file
from sklearn_hsae.corpora import concept_drift
from sklearn_hsae.report._scale import fit_scale

HOSTILE = "<script>alert('x')</script> & \"<b>bold</b>\" <img src=x onerror=alert(1)>"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Every element with its attributes and the text inside it."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(html)
        assert not self.open  # every tag was closed

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "text": "", "inside": list(self.open), **dict(attrs)}
        self.elements.append(element)
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append(element)

    def handle_endtag(self, tag):
        if self.open and self.open[-1]["tag"] == tag:
            self.open.pop()

    def handle_startendtag(self, tag, attrs):
        self.elements.append({"tag": tag, "inside": list(self.open), **dict(attrs)})

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def find(self, tag, css_class=None):
        return [
            e
            for e in self.elements
            if e["tag"] == tag
            and (css_class is None or css_class in (e.get("class") or "").split())
        ]


def evaluate(names, y, X, model=None):
    """A real evaluation of given answers: no embedding, no neurons."""
    model = HypothesisRegressor() if model is None else model
    frame = pd.DataFrame(X, columns=names).astype(float)
    pipe = Pipeline([("regress", model)]).fit(frame, y)
    return evaluate_hypotheses(pipe, frame, y), pipe


@pytest.fixture
def ratings():
    """Two concepts that act, one that does not, and 200 texts."""
    rng = np.random.default_rng(0)
    X = rng.random((200, 3)) < [0.3, 0.5, 0.1]
    y = 3 + X @ [-1.0, 0.5, 0.0] + rng.normal(0, 0.3, 200)
    return ["mentions slow", "mentions friendly", "mentions parking"], y, X


def page_of(tmp_path, evaluation, **options):
    html = write_report(evaluation, tmp_path / "r.html", **options).read_text("utf-8")
    return Page(html), html


def hypothesis_bodies(page):
    return [
        e
        for e in page.find("tbody")
        if "group" not in (e.get("class") or "") and e not in matrix_bodies(page)
    ]


def matrix_bodies(page):
    return [
        e
        for e in page.find("tbody")
        if any(part.get("class") == "matrix" for part in e["inside"])
    ]


def test_page_loads_nothing_and_runs_nothing(tmp_path, ratings):
    # Mailed or archived, it must look the same without a network.
    names, y, X = ratings
    evaluation, pipe = evaluate(names, y, X)
    texts = [f"see https://example.org/{i}" for i in range(200)]
    page, html = page_of(tmp_path, evaluation, texts=texts, y=y, pipeline=pipe)
    assert not page.find("script")
    for element in page.elements:
        assert not any(name.startswith("on") for name in element)
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            assert element.get(name, "data:").startswith("data:")
    assert not re.search(r"url\(|@import", html)


def test_whatever_texts_and_names_hold_is_shown_and_not_executed(tmp_path, ratings):
    names, y, X = ratings
    evaluation, pipe = evaluate([HOSTILE, *names[1:]], y, X)
    page, _ = page_of(
        tmp_path,
        evaluation,
        texts=[HOSTILE] * 200,
        y=y,
        pipeline=pipe,
        run={"data": {"target": HOSTILE}, "command": HOSTILE},
    )
    assert not page.find("script") and not page.find("img") and not page.find("b")
    assert HOSTILE in [e["text"] for e in page.find("bdi")]
    assert any(HOSTILE in e["text"] for e in page.find("blockquote"))
    assert HOSTILE in page.find("h1")[0]["text"]
    assert HOSTILE in [e["text"] for e in page.find("dd")]


def test_rows_say_what_the_table_says(tmp_path, ratings):
    names, y, X = ratings
    evaluation, _ = evaluate(names, y, X)
    page, _ = page_of(tmp_path, evaluation)
    table = evaluation.table.sort_values("coefficient", ascending=False)
    bodies = hypothesis_bodies(page)
    assert [e["text"] for e in page.find("bdi")] == table["hypothesis"].tolist()
    for body, (_, line) in zip(bodies, table.iterrows(), strict=True):
        sign = "\N{MINUS SIGN}" if line["coefficient"] < 0 else "+"
        assert f"{sign}{abs(line['coefficient']):.2f}" in body["text"]
        assert f"{100 * line['prevalence']:.0f} %" in body["text"]
        sign = "\N{MINUS SIGN}" if line["separation"] < 0 else "+"
        assert f"alone {sign}{abs(line['separation']):.2f}" in body["text"]
        assert ("plain" in (body.get("class") or "")) != line["significant"]


def test_dots_and_lines_lie_on_one_linear_axis(tmp_path, ratings):
    # A plot whose marks do not line up with its axis would be worse than none.
    names, y, X = ratings
    evaluation, _ = evaluate(names, y, X)
    page, _ = page_of(tmp_path, evaluation)

    def drawn(tag, css_class, attribute):
        return [
            float(e[attribute].rstrip("%"))
            for e in page.find(tag, css_class)
            if any("effect" in (p.get("class") or "") for p in e["inside"])
        ]

    table = evaluation.table.sort_values("coefficient", ascending=False)
    at = dict(zip(drawn("circle", "dot", "cx"), table["coefficient"], strict=True))
    at |= zip(drawn("line", "interval", "x1"), table["ci_low"], strict=True)
    at |= zip(drawn("line", "interval", "x2"), table["ci_high"], strict=True)
    zero = drawn("line", "zero", "x1")
    assert len(set(zero)) == 1
    at[zero[0]] = 0.0
    slope, intercept = np.polyfit(list(at), list(at.values()), 1)
    for position, value in at.items():
        assert slope * position + intercept == pytest.approx(value, abs=1e-3)


def test_concept_without_effect_has_a_row_a_reason_and_no_mark(tmp_path, ratings):
    names, y, X = ratings
    X[:, 2] = False  # no text has it
    evaluation, _ = evaluate(names, y, X)
    page, html = page_of(tmp_path, evaluation)
    last = hypothesis_bodies(page)[-1]
    assert "mentions parking" in last["text"]
    assert "not estimable" in last["text"] and "constant" in last["text"]
    assert not [e for e in page.find("circle") if last in e["inside"]]
    assert not re.search(r"\bnan\b", html, re.IGNORECASE)


def test_examples_have_what_they_are_shown_for(tmp_path, ratings):
    names, y, X = ratings
    evaluation, _ = evaluate(names, y, X)
    evaluation.annotations.iloc[5, 0] = np.nan  # not judged: on neither side
    texts = [f"text {i}" for i in range(200)]
    page, _ = page_of(tmp_path, evaluation, texts=texts, y=y)
    quotes = page.find("blockquote")
    assert len(quotes) == 3 * 2 * 3
    for quote in quotes:
        row = int(re.search(r"text (\d+)", quote["text"])[1])
        body = next(e for e in quote["inside"] if e["tag"] == "tbody")
        name = next(n for n in names if n in body["text"])
        has = any(e.get("class") == "has" for e in quote["inside"])
        assert evaluation.annotations[name].iloc[row] == has
        assert f"{y[row]:.4g}" in quote["text"]


def test_long_and_broken_texts_are_cut_and_mended(tmp_path, ratings):
    # A lone surrogate has no UTF-8, and a NUL ends some parsers.
    names, y, X = ratings
    evaluation, _ = evaluate(names, y, X)
    text = "word " * 5000 + "\x00\x1b[31m \ud800"
    page, html = page_of(tmp_path, evaluation, texts=[text] * 200)
    quote = page.find("blockquote")[0]
    assert len(quote["text"]) < 21_000
    assert f"the first of {len(text):,} characters" in quote["text"]
    page, html = page_of(tmp_path, evaluation, texts=["\x00\x1b[31m \ud800 ok"] * 200)
    assert "\x00" not in html and "\x1b" not in html and "ok" in html


def test_a_long_text_is_there_as_a_whole(tmp_path, ratings):
    names, y, X = ratings
    evaluation, _ = evaluate(names, y, X)
    text = "word " * 300 + "the end"
    page, _ = page_of(tmp_path, evaluation, texts=[text] * 200, n_examples=1)
    quotes = page.find("blockquote")
    assert len(quotes) == 3 * 2
    for quote in quotes:
        shown, whole = quote["text"].split("the whole text")
        assert shown.rstrip().endswith("…") and len(shown) < 700
        assert "the end" in whole and "…" not in whole
    page, _ = page_of(tmp_path, evaluation, texts=[text] * 200, n_examples=0)
    assert not page.find("blockquote")


def test_warnings_of_the_run_stand_at_the_top(tmp_path, ratings):
    names, y, X = ratings
    evaluation, _ = evaluate(names, y, X)
    told = ["3 texts are longer than <b>256</b> tokens (--chunk)"]
    _, html = page_of(tmp_path, evaluation, run={"warnings": told})
    assert html.index("3 texts are longer than &lt;b&gt;") < html.index(
        "The hypotheses"
    )
    assert html.count("3 texts are longer") == 1  # and not in the card again
    assert '(<span class="option">--chunk</span>)' in html  # no line ends within it
    _, html = page_of(tmp_path, evaluation)
    assert "Before you read on" not in html


@pytest.mark.parametrize("labels", [["no", "yes"], ["low", "mid", "top"]])
def test_classes(tmp_path, ratings, labels):
    names, y, X = ratings
    y = np.array(labels)[pd.qcut(y, len(labels), labels=False)]
    evaluation, pipe = evaluate(names, y, X, HypothesisClassifier(alpha=0.1))
    page, html = page_of(
        tmp_path,
        evaluation,
        y=y,
        pipeline=pipe,
        run={"data": {"target": "verdict"}},
    )
    groups = [e["text"] for e in page.find("tbody", "group")]
    if len(labels) == 2:
        assert not groups and "log-odds of verdict = yes" in html
        assert "+ means more likely yes." in html
    else:
        assert groups == [f"verdict = {c}, against all others" for c in labels]
        (matrix,) = matrix_bodies(page)
        points = 100 * evaluation.table["average_marginal_effect"]
        for value in points.round():
            assert f"{abs(value):.0f}" in matrix["text"]
    assert len(hypothesis_bodies(page)) == len(evaluation.table)
    assert f"{evaluation.metrics['auc']:.2f}" in page.find("dl", "figures")[0]["text"]
    assert "Effect, 90" in html and "significant at 10 %" in html
    _, without_pipeline = page_of(tmp_path, evaluation, y=y)
    assert "Effect, 90" in without_pipeline
    assert "significant at 10 %" in without_pipeline


def test_texts_that_were_not_judged_are_counted(tmp_path, ratings):
    names, y, X = ratings
    X = X.astype(float)
    X[:7, 0] = np.nan
    evaluation, _ = evaluate(names, y, X)
    page, _ = page_of(tmp_path, evaluation)
    figures = page.find("dl", "figures")[0]["text"]
    assert "193" in figures and "7 more were left out" in figures


def test_card_shows_steps_run_and_versions(tmp_path, ratings):
    names, y, X = ratings
    evaluation, pipe = evaluate(names, y, X, HypothesisRegressor(correction="holm"))
    run = {
        "seed": 7,
        "data": {"texts": 1234567},
        "seconds": {"embed": 75.2},
        "parameters": {"regress": {"only in run.json": True}},
        "planted": [{"only in run.json": True}],
    }
    page, html = page_of(tmp_path, evaluation, pipeline=pipe, run=run, title="Mine")
    values = [e["text"] for e in page.find("dd")]
    assert "HypothesisRegressor(correction='holm')" in values
    assert {"7", "1,234,567", "1 min 15 s", np.__version__} <= set(values)
    assert "only in run.json" not in html and page.find("h1")[0]["text"] == "Mine"


def test_other_texts_than_those_evaluated_are_refused(tmp_path, ratings):
    evaluation, _ = evaluate(*ratings[:2], ratings[2])
    with pytest.raises(ValueError, match=r"texts has 3 rows.*has 200"):
        write_report(evaluation, tmp_path / "r.html", texts=["a"] * 3)
    assert not list(tmp_path.iterdir())


def test_failure_leaves_no_unfinished_file(tmp_path, ratings):
    evaluation, _ = evaluate(*ratings[:2], ratings[2])
    (tmp_path / "r.html").mkdir()  # cannot be replaced by a file
    with pytest.raises(OSError):
        write_report(evaluation, tmp_path / "r.html")
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (_format.p_value, 0.0, "< 0.001"),
        (_format.p_value, 1 / (999 + 1), "\N{LESS-THAN OR EQUAL TO} 0.001"),
        (_format.p_value, 0.0011, "0.001"),
        (_format.p_in_words, 0.0, "p < 0.001"),
        (_format.p_in_words, 1 / 1000, "p \N{LESS-THAN OR EQUAL TO} 0.001"),
        (_format.p_in_words, 0.25, "p = 0.25"),
        (_format.p_in_words, math.nan, "p = \N{EN DASH}"),
        (_format.p_value, 0.0123, "0.012"),
        (_format.p_value, 0.5, "0.50"),
        (_format.p_value, math.nan, "\N{EN DASH}"),
        (_format.percent, 0.0, "0 %"),
        (_format.percent, 0.0004, "< 0.1 %"),
        (_format.percent, 0.004, "0.4 %"),
        (_format.percent, 0.126, "13 %"),
        (_format.number, -0.001, "0.00"),
        (_format.number, -1234.5, "\N{MINUS SIGN}1,234.50"),
        (_format.number, None, "\N{EN DASH}"),
        (_format.number, math.inf, "\N{EN DASH}"),
        (_format.seconds, 59.96, "60.0 s"),
        (_format.seconds, 135, "2 min 15 s"),
    ],
)
def test_numbers_as_text(function, value, text):
    assert function(value) == text


def test_effects_of_any_unit_keep_two_digits():
    # Effects of 0.0012 must not read "0.00", effects of 25,000 need no decimals.
    assert _format.effect_digits([0.0012, -0.0034]) == 4
    assert _format.effect_digits([0.31, -0.64, math.nan, 120.0]) == 2
    assert _format.effect_digits([25_000.0]) == 0
    assert _format.effect_digits([]) == _format.effect_digits([0.0]) == 2


def test_one_enormous_interval_does_not_flatten_the_others():
    effects = np.array([0.5, -0.4, 0.2, 12.0])
    spread = np.array([0.1, 0.1, 0.1, 900.0])
    scale = fit_scale(effects, effects - spread, effects + spread)
    assert scale.x(0.5) - scale.x(-0.4) > 10
    assert scale.low < 0 < scale.high < 12


@pytest.mark.parametrize("effects", [[math.nan], [0.0], [1e-7, 3e-7], [2e9, -1e9]])
def test_axis_exists_for_any_effects(effects):
    effects = np.array(effects)
    scale = fit_scale(effects, effects, effects)
    ticks, step = scale.ticks()
    assert scale.low < scale.high and 2 <= len(ticks) <= 8 and step > 0
    assert all(scale.low <= tick <= scale.high for tick in ticks)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to look with")
@pytest.mark.parametrize("width", [360, 1280])
def test_page_fits_its_window(tmp_path, width):
    # Sixty rows, words without a space, right-to-left: nothing may need scrolling
    # sideways, and the browser must have nothing to complain about.
    rng = np.random.default_rng(1)
    X = rng.random((150, 60)) < 0.3
    X[:, 7] = True
    names = ["x" * 180, "long " * 40, HOSTILE, *(f"mentions {i}" for i in range(57))]
    evaluation, pipe = evaluate(names, X @ rng.normal(size=60) + rng.random(150), X)
    texts = ["word " * 3000, "nospace" * 2000, HOSTILE] * 50
    path = write_report(
        evaluation,
        tmp_path / "r.html",
        texts=texts,
        y=np.arange(150) * 1e6,
        pipeline=pipe,
        run={"sha256": "ab" * 32, "command": "run " + "x" * 300},
    )
    opened = path.read_text("utf-8").replace("<details", "<details open")
    # A window is never narrower than 500 pixels; a frame in it is.
    path.write_text(
        f'<iframe width="{width}" height="900" style="border:0" onload="document.title'
        f' = this.contentDocument.documentElement.scrollWidth"'
        f' srcdoc="{escape(opened)}"></iframe>',
        "utf-8",
    )
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
        "--disable-background-networking --disable-component-update --disable-sync "
        "--enable-logging=stderr --dump-dom"
    ).split()
    result = subprocess.run(
        [
            CHROMIUM,
            *flags,
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1400,900",
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert int(re.search(r"<title>(\d+)</title>", result.stdout)[1]) <= width
    assert "CONSOLE" not in result.stderr


def test_a_folder_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "none" / "report.html"
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*none"):
        with replaced_file(path):
            pass


def test_the_interval_of_the_score_covers_what_alpha_says(tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.integers(2, size=(200, 2)), columns=["a", "b"])
    y = X["a"] + rng.normal(size=200)
    pipe = Pipeline([("regress", HypothesisRegressor(alpha=0.1))]).fit(X, y)
    write_report(evaluate_hypotheses(pipe, X, y), tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "90 % interval" in page and "95 % interval" not in page


def test_a_comparison_of_groups_has_a_row_per_group(tmp_path, ratings):
    names, y, X = ratings
    evaluation, _ = evaluate(names, y, X)
    by = pd.Series(np.resize(["<b>East</b>", "West"], 200), name="shop")
    table = evaluation.by_group(by)
    page, html = page_of(tmp_path, evaluation, by=table)
    rows = [
        e for e in page.find("th") if e.get("scope") == "row" and "texts" in e["text"]
    ]
    assert len(rows) == 6 and "<b>East</b>" in rows[0]["text"]
    assert "By shop" in html and not page.find("b")
    most = table.loc[table["difference_p"].idxmin()]
    shown = html.split('<table class="hypotheses by-group">')[1]
    assert f"{abs(most['difference']):.2f}" in shown and most["hypothesis"] in shown
    assert len(re.findall('<circle class="dot"', shown)) == 6
    assert "By shop" not in page_of(tmp_path, evaluation)[1]


def test_what_is_more_frequent_than_in_training_stands_in_a_table(tmp_path, ratings):
    names, y, X = ratings
    evaluation, pipe = evaluate(names, y, X)
    first = names[0]
    # The evaluation is on the training rows themselves: nothing has drifted.
    _, html = page_of(tmp_path, evaluation)
    assert f"None of the {len(evaluation.drift)} concepts differs significantly" in html
    drift = concept_drift(pipe, evaluation.annotations.assign(**{first: 1}))
    neurons = pd.DataFrame({"neuron": ["sae3", "sae5"], "concept": ["late <b>", None]})
    for column in drift.columns[1:]:
        neurons[column] = drift[column].to_numpy()[:2]
    drifted = replace(evaluation, drift=drift, neuron_drift=neurons)
    _, html = page_of(tmp_path, drifted)
    shown = html.split("look like the training texts?</h3>")[1]
    concepts, shown_neurons = shown.split("</table>")[:2]
    assert f"1 of {len(drift)} differ significantly" in concepts
    before = 100 * drift["training_prevalence"][0]
    assert f"{before:.0f}" in concepts and "100" in concepts and first in concepts
    assert names[1] not in concepts
    assert "1 of 2 differ significantly" in shown_neurons
    assert "sae3" in shown_neurons and "late &lt;b&gt;" in shown_neurons
    assert "sae5" not in shown_neurons
    without = replace(evaluation, drift=None)
    assert "look like the training texts" not in page_of(tmp_path, without)[1]
