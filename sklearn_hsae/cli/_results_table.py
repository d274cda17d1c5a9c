"""The hypotheses as a table for a terminal of 80 columns or more."""

import math
import shutil
import sys
import textwrap

import numpy as np

from sklearn_hsae import report

_MIN_WIDTH, _MAX_WIDTH = 80, 120
_LEAST_WORDS_WIDTH = 30  # of the hypothesis beside the classes
_MAX_CLASS_WIDTH = 14


def show_results(evaluation, target, by=None):
    """Print the hypotheses and the verdict.

    Parameters
    ----------
    evaluation : HypothesisEvaluation
    target : str
        The name of the outcome.
    by : DataFrame, default=None
        What ``evaluation.by_group`` returned.
    """
    rows = report.hypothesis_rows(evaluation)
    lines = _tabulate(rows, evaluation)
    lines += ["", *_legend(evaluation, target, rows)]
    if by is not None:
        lines += ["", *_tabulate_groups(by)]
    controls = report.control_rows(evaluation)
    if controls:
        lines += ["", "Controls, held equal and not tested:"]
        lines += _tabulate_controls(controls, evaluation)
    lines += ["", *textwrap.wrap(evaluation.verdict, _width())]
    sys.stdout.write("\n" + "\n".join(lines) + "\n")


def _tabulate(rows, evaluation):
    if "class" in evaluation.table:
        return format_matrix(rows)
    return format_table(rows, evaluation.alpha)


def format_table(rows, alpha):
    """The lines of the table: figures in columns, then the hypothesis, wrapped.

    The words come last, so that letters of any width cannot move a column.
    """
    digits = report.effect_digits(row.effect for row in rows)
    columns = [
        ("effect", [report.number(row.effect, digits, sign=True) for row in rows]),
        (_coverage(alpha), [_interval(row, digits) for row in rows]),
        *_points_column(rows),
        ("p  ", [report.p_value(row.p) + _mark(row) for row in rows]),
    ]
    return _with_members(columns, rows)


def _with_members(columns, rows):
    """The lines of hypotheses; below several concepts in one, a line per concept.

    Parameters
    ----------
    columns : list of (str, list of str)
        Heads, and cells of each hypothesis.
    rows : list of Row
        The hypotheses; what they share with their concepts stands behind `columns`.
    """
    each = [(i, part) for i, row in enumerate(rows) for part in (row, *row.members)]
    firsts = [part is rows[i] for i, part in each]
    effects = [
        (
            head,
            [cells[i] if f else "" for (i, _), f in zip(each, firsts, strict=True)],
        )
        for head, cells in columns
    ]
    words = [
        _words(part) if is_first else f"- {part.concept}"
        for (_, part), is_first in zip(each, firsts, strict=True)
    ]
    return _lines([*effects, *_shares([part for _, part in each])], words)


def _words(row):
    return f"any of these {len(row.members)}:" if row.members else row.concept


def _tabulate_groups(by):
    """The effects in each group, in percentage points for classes.

    Of many classes, what differs alone.
    """
    compared, name = report.comparisons(by), by.attrs["by"]
    shown = [c for c in compared if c.label is None or c.any_differs]
    is_class = "average_marginal_effect" in by
    unit = "Points" if is_class else "Effect"
    lines = textwrap.wrap(report.differing_line(compared, name), _width())
    if not shown:
        return lines
    lines += [f"{unit} by {name}; * differs from the mean of the other groups:"]
    values = [c.points if is_class else c.effect for c in shown]
    digits = report.effect_digits(value for line in values for value in line)
    cells = [
        [
            report.number(value, digits, sign=True) + (" *" if differs else "  ")
            for value, differs in zip(line, comparison.differs, strict=True)
        ]
        for line, comparison in zip(values, shown, strict=True)
    ]
    heads = _shortened(shown[0].groups)
    figures = list(zip(heads, map(list, zip(*cells, strict=True)), strict=True))
    concepts = [comparison.name for comparison in shown]
    for block in _side_by_side(figures, []):
        lines += _lines(block, concepts)
    return lines


def _tabulate_controls(rows, evaluation):
    """Figures of the controls; of many classes, the effects on log-odds alone."""
    names = list(dict.fromkeys(row.concept for row in rows))
    classes = list(dict.fromkeys(row.group for row in rows))
    if len(classes) == 1:
        shown = [(report.control_digits(row), row) for row in rows]
        columns = [
            ("effect", [report.number(r.effect, d, sign=True) for d, r in shown]),
            (_coverage(evaluation.alpha), [_interval(r, d) for d, r in shown]),
            ("p  ", [report.p_value(row.p) + "  " for row in rows]),
        ]
        return _lines(columns, names, head="control")
    cells = {(row.concept, row.group): row.effect for row in rows}
    figures = [
        (
            head,
            [report.number(cells[name, label], 2, sign=True) for name in names],
        )
        for label, head in zip(classes, _shortened(classes), strict=True)
    ]
    lines = ["Log-odds of each class:"]
    for block in _side_by_side(figures, []):
        lines += _lines(block, names, head="control")
    return lines


def format_matrix(rows):
    """The lines of a table of hypotheses and classes, in percentage points.

    As many classes stand side by side as there is room for; the others follow below.
    The hypothesis with the largest effect on any class comes first.
    """
    by_name, classes = {}, list(dict.fromkeys(row.group for row in rows))
    for row in rows:
        by_name.setdefault(row.name, {})[row.group] = row
    hypotheses = sorted(by_name.values(), key=report.largest_points, reverse=True)
    digits = report.effect_digits(row.points for row in rows)
    figures = [
        (head, [_cell(of_class[label], digits) for of_class in hypotheses])
        for label, head in zip(classes, _shortened(classes), strict=True)
    ]
    first = [of_class[classes[0]] for of_class in hypotheses]
    lines = []
    for block in _side_by_side(figures, _shares(first)):
        lines += [""] if lines else []
        lines += _with_members(block, first)
    return lines


def format_drift(drift):
    """The lines of a table of concepts in new texts and in the training texts."""
    marks = np.where(drift["drifts"], " *", "  ")
    p_values = map(report.p_value, drift["p_corrected"])
    columns = [
        ("share", [report.percent(share) for share in drift["prevalence"]]),
        ("training", [report.percent(share) for share in drift["training_prevalence"]]),
        ("p  ", [p + mark for p, mark in zip(p_values, marks, strict=True)]),
    ]
    return _lines(columns, [report.printable(str(h)) for h in drift["hypothesis"]])


def format_retest(table, target, alpha):
    """The lines of effects on new outcomes beside those of the run.

    Parameters
    ----------
    table : DataFrame
        From `retest`.
    target : str
        The name of the new outcome.
    alpha : float
    """
    digits = report.effect_digits(table["coefficient"])
    marks = np.where(table["p_corrected"] < alpha, " *", "  ")
    p_values = map(report.p_value, table["p_corrected"])
    columns = [
        (head, [report.number(value, digits, sign=True) for value in table[name]])
        for head, name in (("effect", "coefficient"), ("in the run", "run_coefficient"))
    ]
    columns.append(("p  ", [p + m for p, m in zip(p_values, marks, strict=True)]))
    concepts = table["hypothesis"].astype(str)
    if "class" in table:
        concepts = table["class"].astype(str) + ": " + concepts
    head = f"Effects on {target} in these texts; * significant after correction:"
    return [
        *textwrap.wrap(head, _width()),
        *_lines(columns, map(report.printable, concepts)),
    ]


def paragraph(text):
    """The lines of a text that is wrapped for the terminal."""
    return textwrap.wrap(text, _width())


def _shortened(labels):
    """The names of the classes, cut where they are long and still differ."""
    short = [
        label if len(label) <= _MAX_CLASS_WIDTH else f"{label[: _MAX_CLASS_WIDTH - 1]}…"
        for label in labels
    ]
    return short if len(set(short)) == len(labels) else labels


def _side_by_side(figures, shares):
    """The columns of the classes in blocks that leave room for the hypothesis."""
    room = _width() - _LEAST_WORDS_WIDTH - sum(_column_widths(shares))
    blocks, used = [[]], 0
    for column in figures:
        (width,) = _column_widths([column])
        if blocks[-1] and used + width > room:
            blocks.append([])
            used = 0
        blocks[-1].append(column)
        used += width
    return blocks


def _legend(evaluation, target, rows):
    """What stands in the table of these rows, each said once."""
    said = [report.printable(evaluation.direction(target))]
    if evaluation.task == "classification":
        said.append(
            "points: the effect as a difference of the probability, in percentage "
            "points (average marginal effect)"
        )
    said.append(
        f"* significant at {100 * evaluation.alpha:g} % after correction for the "
        "number of tests"
    )
    if any(row.only_beside for row in rows):
        said.append(
            "† significant as well, but only with the other hypotheses held equal: "
            "alone it is not. It may be a mistake of the judge: read some of its "
            "texts, and see which other hypotheses they are said to have"
        )
    if "class" not in evaluation.table:
        said.append("p is corrected as well; the intervals are not")
    if "f1" in evaluation.table:
        said.append(
            "F1: fidelity, how well the words say when their neuron fires; 1 is best"
        )
    if "literal_share" in evaluation.table:
        said.append(
            "literal: of the texts judged to have the concept, the share that contain "
            "one of its phrases word for word"
        )
    if "n_returned" in evaluation.table:
        said.append(
            "returned: in how many repeats, with other seeds, a hypothesis was found "
            "that holds for nearly the same texts"
        )
    if any(len(members) > 1 for members in evaluation.groups["members"]):
        said.append(
            "any of these: concepts that fit nearly the same texts, or have the same "
            "words, are tested as one hypothesis; a text has it if it has any of them"
        )
    said.append(report.penalty_line(evaluation))
    return [line for text in said for line in textwrap.wrap(text, _width())]


def _points_column(rows):
    """The effects in percentage points; none for a quantity."""
    if all(math.isnan(row.points) for row in rows):
        return []
    digits = report.effect_digits(row.points for row in rows)
    return [("points", [report.number(row.points, digits, sign=True) for row in rows])]


def _cell(row, digits):
    return report.number(row.points, digits, sign=True) + _mark(row)


def _mark(row):
    if row.only_beside:
        return " †"
    return " *" if row.significant else "  "


def _coverage(alpha):
    return f"{100 * (1 - alpha):g} % interval"


def _interval(row, digits):
    if not row.is_estimable:
        return "not estimable"
    low, high = (report.number(end, digits, sign=True) for end in (row.low, row.high))
    return f"{low} to {high}"


def _shares(rows):
    """The columns that all classes have in common."""
    columns = [
        ("share", [report.percent(row.prevalence) for row in rows]),
        ("F1", [report.number(row.fidelity.get("f1")) for row in rows]),
    ]
    if not all(math.isnan(row.literal_share) for row in rows):
        columns.append(("literal", [report.percent(row.literal_share) for row in rows]))
    if any(row.returned for row in rows):
        columns.append(("returned", [row.returned for row in rows]))
    return columns


def _column_widths(columns):
    return [max(map(len, [head, *cells])) + 2 for head, cells in columns]


def _lines(columns, concepts, head="hypothesis"):
    """Heads, a rule, and a line per concept; `columns` are heads with their cells."""
    widths = _column_widths(columns)
    heads, cells = zip(*columns, strict=True)
    lines = [_line(heads, widths) + head, "─" * _width()]
    for row, concept in zip(zip(*cells, strict=True), concepts, strict=True):
        lines += wrap(_line(row, widths), concept)
    return lines


def _line(cells, widths):
    return "".join(
        f"{cell:>{width - 2}}  " for cell, width in zip(cells, widths, strict=True)
    )


def wrap(head, words):
    """Lines with `words` behind `head`; later lines are indented by its length."""
    return textwrap.wrap(
        " ".join(words.split()),
        _width(),
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
    ) or [head]


def _width():
    columns = shutil.get_terminal_size(fallback=(100, 24)).columns
    return min(max(columns, _MIN_WIDTH), _MAX_WIDTH)
