"""An evaluation in a terminal and in a notebook."""

import textwrap
from html import escape

from sklearn_hsae import _format
from sklearn_hsae.inference import HEADLINE

_LABELS = {"r2": "R²", "auc": "AUC"}
_SHOWN = (
    "coefficient",
    "average_marginal_effect",
    "ci_low",
    "ci_high",
    "p_corrected",
    "prevalence",
    "f1",
    "class",
    "hypothesis",
)
_P_VALUES = ("p", "separation_p", "wald_p")
# How tables show numbers.
_NUMBERS = {
    "float_format": "{:.3g}".format,
    "formatters": {
        f"{name}{ending}": _format.p_value
        for name in _P_VALUES
        for ending in ("", "_corrected")
    },
}


def as_text(evaluation):
    """The verdict, what a positive effect means, and the table of hypotheses."""
    table = evaluation.to_frame()
    shown = table[[name for name in _SHOWN if name in table]]
    verdict = textwrap.fill(evaluation.verdict, 88)
    return "\n\n".join(
        [verdict, evaluation.direction(), shown.to_string(index=False, **_NUMBERS)]
    )


def as_html(evaluation):
    """The same for a notebook, with all columns."""
    table = evaluation.to_frame().drop(columns="members")
    said = "".join(
        f"<p>{escape(text)}</p>"
        for text in (evaluation.verdict, evaluation.direction())
    )
    return said + table.to_html(index=False, **_NUMBERS)


def summary_text(evaluation):
    """The tests of all hypotheses as text, in the manner of statsmodels."""
    table, metrics = evaluation.to_frame(), evaluation.metrics
    name, _ = HEADLINE[evaluation.task]
    level = evaluation.alpha / 2
    columns = {
        "coefficient": "coef",
        "standard_error": "std err",
        "p": "P",
        "p_corrected": "P corrected",
        "ci_low": f"[{level:g}",
        "ci_high": f"{1 - level:g}]",
    }
    order = [key for key in ("class", "hypothesis") if key in table]
    shown = table[order + list(columns)].rename(columns=columns)
    for column in ("P", "P corrected"):
        shown[column] = [
            _format.p_value(p, decimals=3).replace(" ", "") for p in shown[column]
        ]
    figures = shown.to_string(index=False, float_format="{:.3f}".format, na_rep="")
    rule = "=" * max(map(len, figures.splitlines()))
    head = {
        "Held-out rows": _format.count(metrics["n"]),
        "Left out": _format.count(metrics["n_dropped"]),
        f"Held-out {_LABELS[name]}": _format.number(metrics[name], 3),
        "Covariance": evaluation.settings["cov_type"],
        "Correction": evaluation.settings["correction"],
    }
    lines = [f"{key + ':':<22}{value}" for key, value in head.items()]
    first, *rest = figures.splitlines()
    return "\n".join([rule, *lines, rule, first, "-" * len(rule), *rest, rule])
