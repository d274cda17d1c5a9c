"""The table in a terminal."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from sklearn_hsae import HypothesisClassifier, HypothesisRegressor, evaluate_hypotheses
from sklearn_hsae.cli._results_table import format_table, show_results
from sklearn_hsae.report._hypothesis_rows import Row


def test_table_is_aligned_and_fits_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")  # narrower than any table could be
    common = {"group": None, "significant": True, "note": "", "fidelity": {"f1": 0.5}}
    common |= {"separation": 0.1, "separation_p": 0.5}
    rows = [
        Row("a", "mentions " + "word " * 60, effect=-0.5, low=-1.0, high=-0.2, p=0.0,
            prevalence=0.3, **common),
        Row("b", "提到等待时间", effect=12.25, low=1.0, high=30.0, p=0.04,
            prevalence=0.001, **common),
        Row("c", "never", effect=np.nan, low=np.nan, high=np.nan, p=np.nan,
            prevalence=0.0, **common),
    ]  # fmt: skip
    lines = format_table(rows, alpha=0.1)
    assert max(map(len, lines)) <= 80
    assert "90 % interval" in lines[0] and "points" not in lines[0]
    start = lines[0].index("hypothesis")
    for row in rows:
        first = row.concept.split()[0]
        assert next(line for line in lines if first in line).index(first) == start
    assert "not estimable" in next(line for line in lines if "never" in line)
    assert not any("nan" in line for line in lines)


def evaluate(y, last):
    """Three concepts, the last of which has nothing to do with `y`."""
    X = pd.DataFrame({"mentions a": y == y[0], "mentions b": y == y[1]})
    X ^= np.random.default_rng(0).random(X.shape) < 0.3
    X["mentions nothing"] = np.arange(len(y)) % 2
    pipe = Pipeline([("regress", last)]).fit(X * 1.0, y)
    return evaluate_hypotheses(pipe, X * 1.0, y)


def test_two_classes_say_once_what_plus_means(capsys):
    y = np.resize(["Health", "Other", "Other"], 300)
    evaluation = evaluate(y, HypothesisClassifier(positive="Health"))
    show_results(evaluation, "topic")
    printed = capsys.readouterr().out
    assert printed.count("+ means more likely Health\n") == 1
    line = next(line for line in printed.splitlines() if "mentions a" in line)
    points = 100 * evaluation.table["average_marginal_effect"][0]
    assert points > 0 and f"  +{points:.0f}  " in line
    assert "penalt" not in printed.lower()


def test_what_is_significant_only_beside_the_others_is_marked(capsys):
    # The judge takes vegetarian texts for complaints, so "vegetarian" seems to undo the
    # effect of a complaint that is not there.
    rng = np.random.default_rng(0)
    complains, vegetarian = rng.random((2, 600)) < [[0.3], [0.06]]
    y = rng.normal(size=600) - complains
    X = pd.DataFrame({"complains": complains | vegetarian, "vegetarian": vegetarian})
    pipe = Pipeline([("regress", HypothesisRegressor())]).fit(X * 1.0, y)
    show_results(evaluate_hypotheses(pipe, X * 1.0, y), "stars")
    printed = capsys.readouterr().out.splitlines()
    assert any(" †  " in line and "vegetarian" in line for line in printed)
    assert any(" *  " in line and "complains" in line for line in printed)
    assert "† significant as well" in "\n".join(printed)


@pytest.mark.parametrize(
    ("y", "last", "said"),
    [
        (np.resize([0, 1, 1], 300), HypothesisClassifier(), "more likely win = 1"),
        (np.resize([0.5, 1, 2], 300), HypothesisRegressor(), "a higher value of win"),
    ],
)
def test_numbers_are_told_with_the_name_of_the_outcome(capsys, y, last, said):
    show_results(evaluate(y, last), "win")
    assert f"+ means {said}\n" in capsys.readouterr().out


def test_the_penalty_is_explained_once(capsys):
    y = np.resize(["a", "b"], 300)
    y[3:] = "b"
    y[100] = "a"
    evaluation = evaluate(y, HypothesisClassifier())
    assert evaluation.table["note"].str.startswith("penalized").all()
    show_results(evaluation, "y")
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.count("Firth's penalty") == 1 and "penalized:" not in printed
    assert "some concepts have few texts of a class" in printed


@pytest.mark.parametrize("width", [80, 120])
def test_many_classes_make_one_matrix(capsys, monkeypatch, width):
    """A line per hypothesis and block, not one per hypothesis and class."""
    monkeypatch.setenv("COLUMNS", str(width))
    names = [f"Class number {i}" for i in range(4)] + ["Energy", "提到"]
    y = np.resize(names, 600)
    evaluation = evaluate(y, HypothesisClassifier())
    show_results(evaluation, "topic")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    n_blocks = sum(line.endswith("hypothesis") for line in lines)
    assert sum("mentions a" in line for line in lines) == n_blocks <= 3
    heads = "  ".join(line for line in lines if line.endswith("hypothesis"))
    assert all(name in heads for name in names)
    table = evaluation.table.set_index(["hypothesis", "class"])
    row = next(line for line in lines if "mentions a" in line)
    cell = re.match(r" *(\S+) (\*| )", row)
    best = table.loc[("mentions a", names[0])]
    assert cell[1] == f"+{100 * best['average_marginal_effect']:.0f}"
    assert (cell[2] == "*") == best["significant"]


def test_class_names_that_are_cut_still_differ(capsys):
    names = [f"Banking, finance and trade {i}" for i in range(3)]
    show_results(evaluate(np.resize(names, 300), HypothesisClassifier()), "topic")
    assert all(name in capsys.readouterr().out for name in names[:1])


@pytest.mark.parametrize("names", [["a", "b"], ["a", "b", "c"]])
def test_controls_stand_in_a_block_of_their_own(capsys, names):
    """With their own names; of many classes the effects alone."""
    y = np.resize(names, 300)
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"mentions a": (y == "a") ^ (rng.random(300) < 0.3)}) * 1.0
    rows = X.set_axis(pd.Index(rng.integers(2000, 2010, 300), name="year"))
    pipe = Pipeline([("regress", HypothesisClassifier(controls=["year"]))]).fit(rows, y)
    evaluation = evaluate_hypotheses(pipe, rows, y)
    show_results(evaluation, "topic")
    table, block = capsys.readouterr().out.split("Controls, held equal and not tested:")
    assert "year" not in table.split("+ means")[0]
    line = next(line for line in block.splitlines() if line.endswith("year"))
    for effect in evaluation.controls["coefficient"]:
        digits = 3 if len(names) == 2 else 2
        assert f"{abs(effect):.{digits}f}" in line
    assert len(evaluation.controls) == (1 if len(names) == 2 else 3)


@pytest.mark.parametrize("names", [["a", "b"], ["a", "b", "c"]])
def test_groups_stand_side_by_side(capsys, names):
    """With a mark where an effect differs; of many classes what differs alone."""
    rng = np.random.default_rng(0)
    by = pd.Series(np.resize(["United", "Delta", "Delta"], 600), name="airline")
    X = pd.DataFrame({"waits": rng.random(600) < 0.4, "parks": rng.random(600) < 0.4})
    is_a = np.where(by == "United", X["waits"], rng.random(600) < 0.4)
    y = np.where(is_a, "a", rng.choice(names[1:], 600))
    pipe = Pipeline([("regress", HypothesisClassifier())]).fit(X * 1.0, y)
    evaluation = evaluate_hypotheses(pipe, X * 1.0, y)
    table = evaluation.by_group(by)
    show_results(evaluation, "topic", table)
    printed = capsys.readouterr().out
    n_all = 2 if len(names) == 2 else 6
    assert re.search(rf"Between the values of airline, \d of {n_all} effects", printed)
    block = printed.split("Points by airline")[1]
    line = next(line for line in block.splitlines() if line.endswith("waits"))
    assert line.count("*") == 2 and ("parks" in block) == (n_all == 2)
    first = table[table["differs"]].sort_values("difference_p").iloc[:2]
    points = 100 * first.sort_values("group")["average_marginal_effect"]
    for value in points:
        assert f"{abs(value):.0f}" in line
