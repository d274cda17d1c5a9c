"""The table and the methods paragraph of an evaluation, for a paper."""

import re

import pandas as pd

from sklearn_hsae import _format

_CORRECTIONS = {
    "min_p": "the step-down min p method of Westfall and Young (1993), by "
    "permutation where concepts are rare and by Holm's method elsewhere",
    "holm": "Holm's method",
    "bonferroni": "Bonferroni's method",
    "fdr_bh": "the method of Benjamini and Hochberg (false discovery rate)",
    "fdr_by": "the method of Benjamini and Yekutieli (false discovery rate)",
}
_SCORES = {
    "regression": ("r2", "R²", "bootstrap interval"),
    "classification": ("auc", "AUC", "interval of DeLong et al. (1988), logit scale,"),
}
_VARIANCES = {
    "classification": {
        "nonrobust": "",
        "HC3": " Variances are never below those of the sandwich (HC3).",
        "cluster": " Variances allow for groups of texts that are not independent "
        "(CR2).",
    },
    "regression": {
        "nonrobust": "classical standard errors",
        "HC3": "HC3 standard errors that are never below the classical ones and the "
        "degrees of freedom of Bell and McCaffrey (2002)",
        "cluster": "cluster-robust standard errors (CR2) that are never below the "
        "classical ones and the degrees of freedom of Bell and McCaffrey (2002)",
    },
}
_LATEX = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{"}
_LATEX |= {"}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_LATEX |= {"\\": r"\textbackslash{}", "<": "$<$", ">": "$>$", _format.MINUS: "$-$"}
_LATEX |= {_format.NOT_ABOVE: r"$\leq$"}


def paper_table(table, alpha, intervals):
    """The table of hypotheses as text, sorted by effect.

    Returns
    -------
    DataFrame of str
    """
    order = ["class"] if "class" in table else []
    ascending = [True] * len(order) + [False]
    table = table.sort_values([*order, "coefficient"], ascending=ascending)
    digits = _format.effect_digits(table["coefficient"])

    def effect(value):
        return _format.number(value, digits, sign=True)

    shown = pd.DataFrame({"Hypothesis": table["hypothesis"].map(str)})
    if order:
        shown.insert(0, "Class", table["class"].map(str))
    is_of_classes = "average_marginal_effect" in table
    name = "Effect (log-odds)" if is_of_classes else "Effect"
    shown[name] = table["coefficient"].map(effect)
    kind = "simultaneous " if intervals == "simultaneous" else ""
    shown[f"{kind}{100 * (1 - alpha):g} % interval".capitalize()] = [
        f"{effect(low)} to {effect(high)}" if _format.is_number(low) else _format.DASH
        for low, high in zip(table["ci_low"], table["ci_high"], strict=True)
    ]
    shown["p, corrected"] = table["p_corrected"].map(_format.p_value)
    shown["Share of texts"] = table["prevalence"].map(_format.percent)
    if is_of_classes:
        points = 100 * table["average_marginal_effect"]
        digits = _format.effect_digits(points)
        shown["Percentage points"] = [
            _format.number(value, digits, sign=True) for value in points
        ]
    if "f1" in table:
        shown["Fidelity (F1)"] = table["f1"].map(_format.number)
    if "n_returned" in table:
        shown["Returned"] = list(map(_format.returned, table.to_dict("records")))
    return shown.reset_index(drop=True)


def chosen_columns(shown, columns):
    """Some columns of a table, in the order asked for."""
    if isinstance(columns, str):
        raise ValueError(f"columns is a list of headings. Pass [{columns!r}].")
    unknown = [name for name in columns if name not in shown]
    if unknown:
        raise ValueError(
            f"The table has no column {unknown[0]!r}. Its columns are "
            f"{shown.columns.tolist()}."
        )
    return shown[list(columns)]


def _are_numbers(shown):
    """Whether each column holds numbers, which stand on the right."""
    return [name not in ("Class", "Hypothesis") for name in shown.columns]


def as_markdown(shown):
    """A table of text in Markdown, with right-aligned numbers."""
    escaped = shown.map(
        lambda text: re.sub(r"([|\\])", r"\\\1", " ".join(text.split()))
    )
    rules = ["--:" if is_number else ":--" for is_number in _are_numbers(shown)]
    lines = [shown.columns, rules, *escaped.itertuples(index=False)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def as_latex(shown):
    """A table of text in LaTeX, for the package booktabs."""
    columns = "".join("lr"[is_number] for is_number in _are_numbers(shown))
    head, *rows = [
        " & ".join(map(_latex, line)) + r" \\"
        for line in [shown.columns, *shown.itertuples(index=False)]
    ]
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", head, r"\midrule"]
    return "\n".join([*lines, *rows, r"\bottomrule", r"\end{tabular}", ""])


def _latex(text):
    return "".join(_LATEX.get(sign, sign) for sign in " ".join(text.split()))


def methods_text(evaluation, outcome):
    """One paragraph about how the hypotheses were tested, with the results."""
    metrics, settings = evaluation.metrics, evaluation.settings
    dropped = metrics["n_dropped"]
    what = "pairs of texts" if settings.get("pairs") else "texts"
    texts = f"{_format.count(metrics['n'])} {what} that were not used to find them"
    if dropped:
        texts += (
            f" ({_format.count(dropped)} more were left out, since an annotation or a "
            "control is missing)"
        )
    level = f"{100 * evaluation.alpha:g} %"
    name, label, kind = _SCORES[evaluation.task]
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    interval = ""
    if _format.is_number(low):
        interval = (
            f" ({100 * (1 - evaluation.alpha):g} % {kind} "
            f"{_format.number(low)} to {_format.number(high)})"
        )
    is_of_classes = "class" in evaluation.table
    tests = "hypotheses and classes" if is_of_classes else "hypotheses"
    mean = ", the mean over the classes" if is_of_classes else ""
    estimated_on = f"the {what} on which the hypotheses were found"
    if settings.get("discovery_split"):
        estimated_on = f"{what} on which the hypotheses were not found"
    return (
        f"We tested {_hypotheses(metrics)} on {texts}.{_cleaned(settings)}"
        f"{_groups(metrics)} {_model(evaluation, outcome)}{_of_pairs(settings)}"
        f"{_held_equal(evaluation)}{_direction(evaluation, outcome)} The p-values were "
        f"corrected for the number of {tests} by {_correction(settings)}."
        f"{_together(settings)} At {level}, {metrics['n_significant_groups']} of "
        f"{metrics['n_groups']} {_had_an_effect(is_of_classes)} with all others held "
        f"equal; taken alone {metrics['n_significant_alone']} did, not necessarily the "
        "same. A regression "
        f"estimated on {estimated_on} predicted the "
        f"held-out {what} with {label} = {_format.number(metrics[name])}{mean}"
        f"{interval}.{_beyond_controls(name, label, metrics)}"
        f"{_returned(evaluation.stability)}"
    )


def _had_an_effect(is_of_classes):
    return "had a significant effect" + (" on some class" if is_of_classes else "")


def _direction(evaluation, outcome):
    """The class that effects point to, where there are two."""
    if evaluation.positive is None:
        return ""
    said = evaluation.direction(outcome).removeprefix("+ means")
    return f" A positive effect means{said}."


def _of_pairs(settings):
    """What is different for pairs; "" for single texts."""
    if not settings.get("pairs"):
        return ""
    return (
        " The annotation of a pair is that of the first text minus that of the second, "
        "and there is no intercept. Hypotheses alone were tested by random signs of "
        "the outcomes."
    )


def _held_equal(evaluation):
    """The controls in words; "" without controls."""
    if evaluation.controls is None:
        return ""
    names = evaluation.controls["control"].drop_duplicates().map(str).tolist()
    what, were = ("control", "was") if len(names) == 1 else ("controls", "were")
    return (
        f" The regression also had the {what} {_format.listed(names)}, which {were} "
        "not tested."
    )


def _beyond_controls(name, label, metrics):
    """What the hypotheses add to the controls; "" without controls."""
    if f"delta_{name}" not in metrics:
        return ""
    controls = _format.number(metrics[f"{name}_controls"])
    added = _format.number(metrics[f"delta_{name}"], 3, sign=True)
    p = _format.p_in_words(metrics[f"delta_{name}_p"])
    return (
        f" The controls alone reached {label} = {controls}; the hypotheses added "
        f"{added} ({p})."
    )


def _cleaned(settings):
    """What was removed from the texts; "" where nothing was."""
    removed = settings.get("clean")
    if not removed:
        return ""
    return f" Before all steps, {_format.listed(removed)} were removed from the texts."


def _correction(settings):
    by_permutation = settings["cov_type"] == "HC3"
    if settings["correction"] == "min_p" and not by_permutation:
        return _CORRECTIONS["holm"]
    return _CORRECTIONS[settings["correction"]]


def _together(settings):
    """What simultaneous intervals are; "" for others."""
    if settings["intervals"] != "simultaneous":
        return ""
    return " The intervals of the effects are simultaneous by Bonferroni's method."


def _groups(metrics):
    """The test of the groups, where some hypotheses agree."""
    if metrics["n_groups"] == metrics["n_hypotheses"]:
        return ""
    return (
        " Concepts with the same words, or with pairwise correlations of 0.5 or more "
        "between their annotations, were tested as one hypothesis, which a text fits "
        "if it has any of them."
    )


def _hypotheses(metrics):
    """How many hypotheses there are, and of how many concepts."""
    n_groups, n = metrics["n_groups"], metrics["n_hypotheses"]
    said = f"{n_groups} {'hypothesis' if n_groups == 1 else 'hypotheses'}"
    return said if n_groups == n else f"{said} made of {n} concepts"


def _returned(stability):
    """How many hypotheses came back in repeats; "" without repeats."""
    if stability is None:
        return ""
    n_most = (stability["share_returned"] > 0.5).sum()
    returned = f"{n_most} of {len(stability)} concepts came back"
    n_repeats = stability["n_repeats"].iloc[0]
    if n_repeats == 1:
        search = f"repeated once with another seed; {returned}"
    else:
        search = (
            f"repeated {n_repeats} times with other seeds; {returned} in more than "
            "half of the repeats"
        )
    return f" The search was {search}, judged by their annotations."


def _model(evaluation, outcome):
    """The regression in one or two sentences."""
    variances = _VARIANCES[evaluation.task][evaluation.settings["cov_type"]]
    if evaluation.task == "classification":
        regressed = f"{_named(outcome)} was regressed"
        if "class" in evaluation.table:
            regressed = f"Each class of {outcome}, against all others, was regressed"
        return (
            f"{regressed} on the annotations of all hypotheses together by "
            "logistic regression, with Firth's penalty and profile likelihoods where a "
            f"concept has few texts of a class.{variances}"
        )
    return (
        f"{_named(outcome)} was regressed on the annotations of all hypotheses "
        f"together by least squares, with {variances}."
    )


def _named(outcome):
    """The outcome with its name, at the start of a sentence."""
    return "The outcome" if outcome == "the outcome" else f"The outcome {outcome}"
