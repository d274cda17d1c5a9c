"""The content of the report: an evaluation as texts, numbers and positions."""

import numpy as np

from sklearn_hsae import __version__, _format
from sklearn_hsae.report._by_group import by_group_content
from sklearn_hsae.report._card import card
from sklearn_hsae.report._column_guide import column_guide
from sklearn_hsae.report._drift import drift_content
from sklearn_hsae.report._examples import draw_examples, examples, rows_of
from sklearn_hsae.report._hypothesis_rows import (
    concept_rows,
    control_digits,
    control_rows,
    hypothesis_rows,
    largest_points,
    penalty_line,
)
from sklearn_hsae.report._scale import axis_of, fit_scale, mark_of

_MEASURES = {
    "regression": ("r2", "R²", "of the variance of held-out texts explained (R²)"),
    "classification": ("auc", "AUC", "AUC on held-out texts; 0.5 is guessing"),
}

_FLOORS = {
    "r2": "The bars begin at 0, where nothing is explained.",
    "auc": "The bars begin at 0.5, which is chance.",
}


def page_content(evaluation, texts, y, pipeline, run, title, n_examples, by=None):
    """The values for the template, by name."""
    target = _target_name(y, run)
    rows = hypothesis_rows(evaluation)
    concepts = concept_rows(rows)
    scale = fit_scale(*np.array([(r.effect, r.low, r.high) for r in rows], float).T)
    effect = _effect_of(evaluation, target)
    return {
        "version": __version__,
        "title": title or f"What goes with {target}",
        "target": target,
        "verdict": evaluation.verdict,
        "figures": _figures(evaluation),
        "ceilings": _ceilings(evaluation),
        "heading": "The hypotheses" if len(rows) > 1 else "The hypothesis",
        "reading": f"{effect} between texts that have the concept and texts that do "
        "not, all other concepts held equal:",
        "direction": _format.printable(evaluation.direction(target)),
        "penalty": penalty_line(evaluation),
        "coverage": f"{100 * (1 - evaluation.alpha):g}",
        "simultaneous": evaluation.settings["intervals"] == "simultaneous",
        "axis": axis_of(scale),
        "unit": "log-odds" if evaluation.task == "classification" else target,
        "any_fidelity": any(concept.fidelity for concept in concepts),
        "any_returned": any(concept.returned for concept in concepts),
        "warnings": [
            _format.printable(str(w)) for w in (run or {}).get("warnings", [])
        ],
        "hypotheses": _hypotheses(
            rows, scale, evaluation, texts, y, target, n_examples
        ),
        "any_members": any(row.members for row in rows),
        "matrix": _matrix(rows),
        "by_group": by_group_content(by),
        "drift": drift_content(evaluation),
        "controls": _controls(evaluation),
        "methods": _format.printable(evaluation.methods(target)),
        "guide": column_guide(effect, evaluation),
        "card": card(run, pipeline),
    }


def _target_name(y, run):
    name = (run or {}).get("data", {}).get("target") or getattr(y, "name", None)
    return _format.printable(str(name)) if name else "the outcome"


def _effect_of(evaluation, target):
    """What an effect measures, as the start of a sentence."""
    if evaluation.task == "regression":
        return f"How much {target} differs"
    if "class" in evaluation.table:
        return "How much the log-odds of a class, against all others, differ"
    label = _format.printable(str(evaluation.positive))
    return f"How much the log-odds of {target} = {label} differ"


def _figures(evaluation):
    """The headline: the share explained, the significant hypotheses, the texts."""
    metrics = evaluation.metrics
    name, _, label = _MEASURES[evaluation.task]
    low, high = (metrics.get(f"{name}_{end}") for end in ("low", "high"))
    if _format.is_number(low) and _format.is_number(high):
        coverage = f"{100 * (1 - evaluation.alpha):g} %"
        label += (
            f", {coverage} interval {_format.number(low)} to {_format.number(high)}"
        )
    return [
        {"value": _format.number(metrics[name]), "label": label},
        {
            "value": f"{metrics['n_significant_groups']} of {metrics['n_groups']}",
            "label": f"hypotheses significant at {100 * evaluation.alpha:g} % after "
            f"correction{_groups_found(metrics)}",
        },
        {
            "value": _format.count(metrics["n"]),
            "label": f"held-out {_rows_name(evaluation)} to test them on"
            f"{_left_out(metrics)}",
        },
    ]


def _rows_name(evaluation):
    return "pairs of texts" if evaluation.settings.get("pairs") else "texts"


def _groups_found(metrics):
    """The number of concepts, if some of them agree."""
    if metrics["n_groups"] == metrics["n_hypotheses"]:
        return ""
    return (
        f"; they consist of {metrics['n_hypotheses']} concepts, and those that agree "
        "are one hypothesis"
    )


def _left_out(metrics):
    """How many texts were left out because an annotation is missing."""
    n_dropped = metrics.get("n_dropped", 0)
    if not n_dropped:
        return ""
    return f"; {_format.count(n_dropped)} more were left out, as they were not judged"


def _ceilings(evaluation):
    """One bar per step: the score of a linear model on the output of the step."""
    ceilings = evaluation.ceilings
    if ceilings is None:
        return None
    name, measure, _ = _MEASURES[evaluation.task]
    is_last_step = ceilings.index[-1] == "hypotheses"
    other_methods = (
        "" if is_last_step else " The last rows are other methods, on the same texts."
    )
    floor = 0.5 if name == "auc" else 0.0  # bars start at the score of guessing
    return {
        "note": f"The held-out {measure} of a linear model on the output of each "
        "step. A drop from one row to the next means that signal is lost there. "
        f"{_FLOORS[name]}{other_methods}",
        "rows": [
            {
                "label": stage[:1].upper() + stage[1:],
                "size": _format.count(n_columns),
                "value": _format.number(score, 3),
                "width": _share((score - floor) / (1 - floor)),
                "own": stage == "hypotheses",
            }
            for stage, score, n_columns in zip(
                ceilings.index, ceilings[name], ceilings["n_columns"], strict=True
            )
        ],
    }


def _share(value):
    """A length in percent, from 0 to 100."""
    if not _format.is_number(value):
        return 0.0
    return round(100 * min(max(float(value), 0.0), 1.0), 1)


def _hypotheses(rows, scale, evaluation, texts, y, target, n_examples):
    digits = _format.effect_digits(row.effect for row in rows)
    y = None if y is None else np.asarray(y)
    texts = None if texts is None else rows_of(texts)
    drawn = draw_examples(evaluation, n_examples)
    shown, group = [], None

    def shown_examples(row):
        return texts and examples(drawn[row.name], texts, y, target)

    def member_of(row):
        figures = {"concept": row.concept, "examples": shown_examples(row)}
        return figures | _figures_of(row, digits, evaluation.task)

    for rank, row in enumerate(rows, 1):
        is_new_group, group = row.group != group, row.group
        shown.append(
            {
                "rank": rank,
                "group": group if is_new_group else None,
                "concept": row.concept,
                "note": row.note,
                "significant": row.significant,
                "raises": row.is_estimable and row.effect >= 0,
                "mark": mark_of(row.effect, row.low, row.high, scale)
                if row.is_estimable
                else None,
                **_figures_of(row, digits, evaluation.task),
                "members": [member_of(member) for member in row.members],
                "examples": None if row.members else shown_examples(row),
            }
        )
    return shown


def _matrix(rows):
    """Hypotheses and classes in percentage points; None for two classes or fewer."""
    classes = list(dict.fromkeys(row.group for row in rows))
    if len(classes) < 3:
        return None
    by_name = {}
    for row in rows:
        by_name.setdefault(row.name, {})[row.group] = row
    most = max((abs(r.points) for r in rows if _format.is_number(r.points)), default=0)
    lines = sorted(by_name.values(), key=largest_points, reverse=True)
    digits = _format.effect_digits(row.points for row in rows)
    return {
        "classes": classes,
        "rows": [
            {
                "concept": of_class[classes[0]].concept,
                "share": _format.percent(of_class[classes[0]].prevalence),
                "members": [row.concept for row in of_class[classes[0]].members],
                "fidelity": _fidelity_of(of_class[classes[0]]),
                "returned": of_class[classes[0]].returned,
                "cells": [_cell(of_class[label], most, digits) for label in classes],
            }
            for of_class in lines
        ],
    }


def _cell(row, most, digits):
    """A cell of the matrix; its tint grows with the effect."""
    is_known = _format.is_number(row.points) and most > 0
    return {
        "points": _format.number(row.points, digits, sign=True),
        "significant": row.significant,
        "raises": is_known and row.points >= 0,
        "tint": round(0.55 * abs(row.points) / most, 2) if is_known else 0,
    }


def _controls(evaluation):
    """The columns that were held equal, with their effects."""
    return [
        {
            "name": row.concept,
            "class": row.group,
            "note": row.note,
            **_figures_of(row, control_digits(row), evaluation.task),
        }
        for row in control_rows(evaluation)
    ]


def _figures_of(row, digits, task):
    interval = (
        f"{_format.number(row.low, digits, sign=True)} to "
        f"{_format.number(row.high, digits, sign=True)}"
    )
    scores = {name: _format.number(score) for name, score in row.fidelity.items()}
    return {
        "effect": _format.number(row.effect, digits, sign=True),
        "interval": interval if row.is_estimable else "not estimable",
        "points": _points(row),
        "alone": _alone(row, digits, task),
        "p": _format.p_value(row.p),
        "share": _format.percent(row.prevalence),
        "share_width": _share(row.prevalence),
        "returned": row.returned,
        "fidelity": scores.get("f1", _format.DASH),
        "literal": _literal(row),
        "fidelity_detail": ", ".join(f"{k} {v}" for k, v in scores.items()),
    }


def _fidelity_of(row):
    return _format.number(row.fidelity.get("f1"))


def _literal(row):
    """How often a label of keyphrases holds word for word; nothing for others."""
    if not _format.is_number(row.literal_share):
        return ""
    return f"literally {_format.percent(row.literal_share)}"


def _points(row):
    """The effect in percentage points; nothing for a quantity."""
    if not _format.is_number(row.points):
        return ""
    digits = _format.effect_digits([row.points])
    return f"{_format.number(row.points, min(digits, 1), sign=True)} points"


def _alone(row, digits, task):
    """The plain difference and its p-value; "" when there is none."""
    if not _format.is_number(row.separation):
        return ""
    difference = _format.number(row.separation, digits, sign=True)
    if task == "classification":  # a difference of shares
        difference = f"{_format.number(100 * row.separation, 0, sign=True)} points"
    p = f"alone {difference}, p {_format.p_value(row.separation_p)}"
    return f"{p}: not significant" if row.only_beside else p
