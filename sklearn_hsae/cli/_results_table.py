"""The hypotheses as a table for a terminal of 80 columns or more."""

import shutil
import sys
import textwrap

from sklearn_hsae import report

_MIN_WIDTH, _MAX_WIDTH = 80, 120


def show_results(evaluation):
    """Print the hypotheses and the verdict."""
    lines = format_table(report.hypothesis_rows(evaluation), evaluation.alpha)
    agreeing = report.agreeing_rows(evaluation)
    if agreeing:
        lines += ["", "Hypotheses that agree, tested as one (any of them):"]
        lines += format_table(agreeing, evaluation.alpha)[:-2]
    lines += ["", *textwrap.wrap(evaluation.verdict, _width())]
    sys.stdout.write("\n" + "\n".join(lines) + "\n")


def format_table(rows, alpha):
    """The lines of the table: figures in columns, then the hypothesis, wrapped.

    The words come last, so that letters of any width cannot move a column.
    """
    digits = report.effect_digits(row.effect for row in rows)
    body = [
        (
            report.number(row.effect, digits, sign=True),
            f"{report.number(row.low, digits, sign=True)} to "
            f"{report.number(row.high, digits, sign=True)}"
            if row.is_estimable
            else "not estimable",
            report.p_value(row.p) + (" *" if row.significant else "  "),
            report.percent(row.prevalence),
            report.number(row.fidelity.get("f1")),
        )
        for row in rows
    ]
    head = ("effect", f"{100 * (1 - alpha):g} % interval", "p  ", "share", "F1")
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = [_cells(head, widths) + "hypothesis", "─" * _width()]
    group = None
    for row, cells in zip(rows, body, strict=True):
        if row.group != group:
            group = row.group
            lines += ["", f"{group}:"]
        lines += wrap(_cells(cells, widths), row.concept)
    lines.append("")
    lines.append(
        f"* significant at {100 * alpha:g} % after correction for the number of "
        "hypotheses"
    )
    return lines


def wrap(head, words):
    """Lines with `words` behind `head`; later lines are indented by its length."""
    return textwrap.wrap(
        " ".join(words.split()),
        _width(),
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
    ) or [head]


def _cells(cells, widths):
    aligned = map(str.rjust, cells, widths)
    return "  ".join(aligned) + "  "


def _width():
    columns = shutil.get_terminal_size(fallback=(100, 24)).columns
    return min(max(columns, _MIN_WIDTH), _MAX_WIDTH)
