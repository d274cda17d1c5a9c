"""The table and the paragraph for a paper."""

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_hsae import (
    HypothesisClassifier,
    HypothesisRegressor,
    TextCleaner,
    evaluate_hypotheses,
)
from sklearn_hsae._format import DASH, MINUS

NAMES = ["costs 50% | more & more", "a_b\\c {x}", "always"]


@pytest.fixture(scope="module")
def X():
    X = np.random.default_rng(0).integers(2, size=(400, 3)).astype(float)
    X[:, 2] = 1
    return pd.DataFrame(X, columns=NAMES)


def evaluation_of(last, X, y):
    pipe = Pipeline([("regress", last)]).fit(X[:200], y[:200])
    return evaluate_hypotheses(pipe, X[200:], y[200:])


@pytest.fixture(scope="module")
def regression(X):
    noise = np.random.default_rng(1).normal(size=400)
    return evaluation_of(HypothesisRegressor(alpha=0.1), X, X[NAMES[1]] + noise)


def test_markdown_has_a_row_per_hypothesis_and_keeps_its_columns(regression):
    head, rule, *rows = regression.to_markdown().splitlines()
    assert head.startswith("| Hypothesis | Effect | 90 % interval | p, corrected |")
    assert rule == "| :-- | --: | --: | --: | --: |"
    table = regression.table.set_index("hypothesis")["coefficient"]
    assert [float(row.split(" | ")[1].replace(MINUS, "-")) for row in rows[:2]] == [
        pytest.approx(value, abs=0.01) for value in sorted(table[:2], reverse=True)
    ]
    assert rows[1].startswith(r"| costs 50% \| more & more | ")
    assert rows[2].startswith(f"| always | {DASH} | {DASH} | {DASH} | 100 % |")


def test_chosen_columns_stand_in_the_order_asked_for(regression):
    lines = regression.to_markdown(columns=["Effect", "Hypothesis"]).splitlines()
    assert lines[:2] == ["| Effect | Hypothesis |", "| --: | :-- |"]
    assert "{rl}" in regression.to_latex(columns=["Effect", "Hypothesis"])
    with pytest.raises(ValueError, match=r"list of headings. Pass \['Effect'\]"):
        regression.to_markdown("Effect")
    with pytest.raises(ValueError, match=r"no column 'effect'.*'Effect'"):
        regression.to_markdown(columns=["effect"])


def test_latex_escapes_what_latex_reads(regression):
    table = regression.to_latex()
    assert r"costs 50\% | more \& more &" in table
    assert r"a\_b\textbackslash{}c \{x\} &" in table
    assert table.count(r"\\") == 4 and table.count("\n") == 9
    if shutil.which("pdflatex"):
        page = r"\documentclass{article}\usepackage{booktabs}\begin{document}"
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error"]
        document = f"{page}{table}\\end{{document}}"
        subprocess.run(command, input=document.encode(), check=True, timeout=60)


def test_classes_come_first_and_in_order(X):
    y = np.random.default_rng(2).choice(["bad", "fair", "good"], 400)
    evaluation = evaluation_of(HypothesisClassifier(), X, y)
    head, _, *rows = evaluation.to_markdown().splitlines()
    assert head.startswith("| Class | Hypothesis |")
    assert [row.split(" | ")[0] for row in rows] == [
        f"| {label}" for label in ("bad", "fair", "good") for _ in NAMES
    ]


def test_the_interval_of_an_auc_is_no_bootstrap(X):
    y = (X[NAMES[1]] + np.random.default_rng(4).normal(size=400)) > 0.5
    text = evaluation_of(HypothesisClassifier(), X, y).methods()
    assert "(95 % interval of DeLong et al. (1988)" in text and "bootstrap" not in text


def test_the_paragraph_has_the_numbers_of_the_evaluation(regression):
    text, metrics = regression.methods(), regression.metrics
    assert "We tested 3 hypotheses on 200 texts that were not used to find" in text
    assert "by least squares, with HC3 standard errors" in text
    assert "Westfall and Young" in text and "At 10 %, 1 of 3 had" in text
    assert f"R² = {metrics['r2']:.2f} (90 % bootstrap interval" in text
    last = HypothesisRegressor(cov_type="nonrobust", correction="fdr_bh")
    X = regression.annotations
    other = evaluation_of(
        last, pd.concat([X, X]), np.random.default_rng(3).normal(size=400)
    )
    assert "classical standard errors" in other.methods()
    assert "false discovery rate" in other.methods()


def test_simultaneous_intervals_are_named(X):
    y = X[NAMES[1]] + np.random.default_rng(1).normal(size=400)
    evaluation = evaluation_of(HypothesisRegressor(intervals="simultaneous"), X, y)
    assert "| Simultaneous 95 % interval |" in evaluation.to_markdown()
    assert "simultaneous by Bonferroni's method" in evaluation.methods()


def test_concepts_that_agree_are_one_row_of_every_table(X):
    """One count in the verdict, the paragraph and the tables."""
    X = X.assign(copy=np.where(np.arange(400) % 20 == 0, 0.0, X[NAMES[1]]))
    y = X[NAMES[1]] + np.random.default_rng(1).normal(size=400)
    evaluation = evaluation_of(HypothesisRegressor(), X, y)
    frame = evaluation.to_frame()
    assert frame["members"].tolist()[1] == [NAMES[1], "copy"] and len(frame) == 3
    assert len(evaluation.to_markdown().splitlines()) == 2 + 3
    assert evaluation.verdict.startswith("1 of 3 hypotheses is significant")
    text = evaluation.methods()
    assert "We tested 3 hypotheses made of 4 concepts" in text
    assert "At 5 %, 1 of 3 had a significant effect with all others" in text


def test_the_paragraph_says_what_the_other_steps_did(X):
    """Cleaning, controls and one repeat, each in good English."""
    y = X[NAMES[1]] + np.random.default_rng(1).normal(size=400)
    last = HypothesisRegressor(controls=[NAMES[2]])
    of_both = evaluation_of(last, X.assign(**{NAMES[2]: np.arange(400) % 7}), y)
    text, metrics = of_both.methods(), of_both.metrics
    assert f"had the control {NAMES[2]}, which was not tested." in text
    added = f"the hypotheses added +{metrics['delta_r2']:.3f} (p < 0.001)."
    alone = f"{metrics['r2_controls']:.2f}".replace("-", MINUS)
    assert f"The controls alone reached R² = {alone}; {added}" in text
    texts = np.array(["@air late", "good"], dtype=object)[X[NAMES[1]].astype(int)]
    pipe = Pipeline(
        [
            ("clean", TextCleaner(["links", "handles"])),
            ("is_good", FunctionTransformer(lambda t: (t == "good")[:, None] * 1.0)),
            ("regress", HypothesisRegressor()),
        ]
    ).fit(texts[:200], y[:200])
    evaluation = evaluate_hypotheses(pipe, texts[200:], y[200:])
    text = evaluation.methods()
    assert "Before all steps, links and handles were removed from the texts." in text
    assert "removed" not in evaluation_of(HypothesisRegressor(), X, y).methods()
    name = evaluation.table["hypothesis"][0]
    row = {"hypothesis": name, "n_returned": 1, "n_repeats": 1, "share_returned": 1.0}
    text = evaluation.with_stability(pd.DataFrame([row])).methods()
    assert "repeated once with another seed; 1 of 1 concepts came back, judged" in text


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["bad", "good"], "rating was regressed on the annotations of all hypotheses"),
        (["bad", "fair", "good"], "Each class of rating, against all others, was"),
        ([0, 1], "A positive effect means more likely rating = 1."),
    ],
)
def test_the_paragraph_names_the_outcome_and_its_classes(X, names, said):
    y = np.random.default_rng(2).choice(names, 400)
    text = evaluation_of(HypothesisClassifier(), X, y).methods("rating")
    assert said in text and "the outcome" not in text.lower().replace(
        "the outcome rating", ""
    )
    assert ("hypotheses and classes by" in text) == (len(names) == 3)
    assert (", the mean over the classes" in text) == (len(names) == 3)


def test_the_summary_has_the_figures_of_the_table(regression):
    """In the order of statsmodels: coefficient, error, p-values, interval."""
    lines = regression.summary().splitlines()
    assert "Held-out R²:" in regression.summary() and "HC3" in regression.summary()
    line = next(line for line in lines if "costs 50%" in line)
    row = regression.table.iloc[0]
    names = "coefficient standard_error p p_corrected ci_low ci_high".split()
    for name, shown in zip(names, line.split()[-6:], strict=True):
        if shown.startswith(("<", "\N{LESS-THAN OR EQUAL TO}")):
            assert name.startswith("p") and row[name] <= float(shown[1:]) == 0.001
        else:
            assert float(shown) == pytest.approx(row[name], abs=6e-4)
    head = next(line for line in lines if "std err" in line)
    assert head.split()[-2:] == ["[0.05", "0.95]"]
