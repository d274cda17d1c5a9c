"""What the report says: an evaluation, turned into words and positions."""

import math

import numpy as np

from sklearn_hsae import __version__
from sklearn_hsae.report import _format
from sklearn_hsae.report._card import card
from sklearn_hsae.report._examples import examples
from sklearn_hsae.report._hypothesis_rows import hypothesis_rows
from sklearn_hsae.report._scale import fit_scale

_SEED = 0  # of the example texts: the same page from the same evaluation
_MEASURES = {
    "regression": ("r2", "R²", "of the variance of held-out texts explained (R²)"),
    "classification": ("auc", "AUC", "AUC on held-out texts; 0.5 is guessing"),
}


def page_content(evaluation, texts, y, pipeline, run, title):
    """Everything that the template shows, by name."""
    target = _target_name(y, run)
    rows = hypothesis_rows(evaluation)
    scale = fit_scale(*np.array([(r.effect, r.low, r.high) for r in rows], float).T)
    alpha = 0.05 if pipeline is None else getattr(pipeline[-1], "alpha", 0.05)
    effect = _effect_of(evaluation, y, target)
    return {
        "version": __version__,
        "title": title or f"What goes with {target}",
        "target": target,
        "verdict": evaluation.verdict,
        "figures": _figures(evaluation, alpha),
        "ceilings": _ceilings(evaluation),
        "heading": "The hypotheses" if len(rows) > 1 else "The hypothesis",
        "reading": f"{effect} between texts that have the property and texts that do "
        "not, all other properties held equal:",
        "coverage": f"{100 * (1 - alpha):g}",
        "axis": _axis(scale),
        "unit": "log-odds" if evaluation.task == "classification" else target,
        "any_fidelity": any(row.fidelity for row in rows),
        "hypotheses": _hypotheses(rows, scale, evaluation, texts, y, target),
        "guide": _guide(effect, evaluation.task, alpha),
        "card": card(run, pipeline),
    }


def _target_name(y, run):
    name = (run or {}).get("data", {}).get("target") or getattr(y, "name", None)
    return _format.printable(str(name)) if name else "the outcome"


def _effect_of(evaluation, y, target):
    """What an effect is a difference of."""
    if evaluation.task == "regression":
        return f"How much {target} differs"
    if "class" in evaluation.table:
        return "How much the log-odds of a class, against all others, differ"
    if y is None:
        return "How much the log-odds of the class that sorts last differ"
    label = _format.printable(str(np.unique(y)[-1]))
    return f"How much the log-odds of {target} = {label} differ"


def _figures(evaluation, alpha):
    """The headline: how much is explained, how many hold, on how many texts."""
    metrics = evaluation.metrics
    name, _, label = _MEASURES[evaluation.task]
    low, high = (metrics.get(f"{name}_{end}") for end in ("low", "high"))
    if _format.is_number(low) and _format.is_number(high):
        label += f", 95 % interval {_format.number(low)} to {_format.number(high)}"
    return [
        {"value": _format.number(metrics[name]), "label": label},
        {
            "value": f"{metrics['n_significant']} of {metrics['n_hypotheses']}",
            "label": f"hypotheses significant at {100 * alpha:g} % after correction",
        },
        {
            "value": _format.count(metrics["n"]),
            "label": "held-out texts to test them on",
        },
    ]


def _ceilings(evaluation):
    """A bar for each step: what a linear model makes of what it passes on."""
    ceilings = evaluation.ceilings
    if ceilings is None:
        return None
    name, measure, _ = _MEASURES[evaluation.task]
    floor = 0.5 if name == "auc" else 0.0  # a bar is what lies above guessing
    return {
        "note": f"The held-out {measure} of a linear model on what each step passes "
        "on. A drop from one row to the next is signal lost in between.",
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
    """A length in percent, between nothing and all."""
    if not _format.is_number(value):
        return 0.0
    return round(100 * min(max(float(value), 0.0), 1.0), 1)


def _axis(scale):
    ticks, step = scale.ticks()
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    if round(step, digits) != step:  # steps of 2.5
        digits += 1
    return {
        "zero": scale.x(0.0),
        "ticks": [
            {"x": scale.x(t), "label": _format.number(t, digits, sign=True)}
            for t in ticks
        ],
    }


def _hypotheses(rows, scale, evaluation, texts, y, target):
    rng = np.random.default_rng(_SEED)
    digits = _format.effect_digits(row.effect for row in rows)
    y = None if y is None else np.asarray(y)
    texts = None if texts is None else list(texts)
    shown, group = [], None
    for rank, row in enumerate(rows, 1):
        is_new_group, group = row.group != group, row.group
        answers = evaluation.annotations[row.name].to_numpy()
        shown.append(
            {
                "rank": rank,
                "group": group if is_new_group else None,
                "concept": row.concept,
                "note": row.note,
                "significant": row.significant,
                "raises": row.is_estimable and row.effect >= 0,
                "mark": _mark(row, scale),
                **_figures_of(row, digits),
                "examples": texts and examples(answers, texts, y, target, rng),
            }
        )
    return shown


def _figures_of(row, digits):
    interval = (
        f"{_format.number(row.low, digits, sign=True)} to "
        f"{_format.number(row.high, digits, sign=True)}"
    )
    scores = {name: _format.number(score) for name, score in row.fidelity.items()}
    return {
        "effect": _format.number(row.effect, digits, sign=True),
        "interval": interval if row.is_estimable else "not estimable",
        "p": _format.p_value(row.p),
        "share": _format.percent(row.prevalence),
        "share_width": _share(row.prevalence),
        "fidelity": scores.get("f1", _format.DASH),
        "fidelity_detail": ", ".join(f"{k} {v}" for k, v in scores.items()),
    }


def _mark(row, scale):
    """Where the dot and the line of a row lie, in percent; None without an effect."""
    if not row.is_estimable:
        return None
    low = row.low if _format.is_number(row.low) else row.effect
    high = row.high if _format.is_number(row.high) else row.effect
    is_inside = scale.low <= row.effect <= scale.high
    return {
        "x": scale.x(row.effect) if is_inside else None,
        "low": scale.x(low),
        "high": scale.x(high),
        "cut_low": low < scale.low,
        "cut_high": high > scale.high,
    }


def _guide(effect, task, alpha):
    odds = " 0.7 doubles the odds." if task == "classification" else ""
    return [
        (
            "Effect",
            f"{effect} between a text that has the property and one that does not, all "
            f"other properties in the table held equal.{odds} The line is its "
            "confidence interval; an arrow says that it goes on.",
        ),
        (
            "p, corrected",
            "How often a difference as large would come up by chance if there were "
            f"none, corrected for the number of hypotheses. Below {alpha:g} one counts "
            "as significant. The texts of the test were not used to find it.",
        ),
        ("Share of texts", "How many of the held-out texts were judged to have it."),
        (
            "Fidelity (F1)",
            "How well the words describe the neuron they were written for: 1 when the "
            "texts that have the property are those that switch the neuron on, "
            "measured on texts that were not used for naming.",
        ),
        (
            "Texts with and without it",
            "Drawn at random, not chosen: read some before you believe a row.",
        ),
    ]
