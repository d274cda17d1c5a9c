"""The hypotheses of an evaluation as rows, for the page and for the terminal."""

import math
from dataclasses import dataclass, replace

from sklearn_hsae import _format
from sklearn_hsae.inference import PENALIZED

_FIDELITY = ("f1", "precision", "recall", "correlation")
_NOT_CONVERGED = "not converged"
# What a control has none of: it is no hypothesis.
_OF_CONTROLS = dict.fromkeys(
    ("p_corrected", "prevalence", "separation", "separation_p_corrected"), math.nan
) | {"significant": False}
_PENALTY_REASONS = {
    "few rows of a class": "some concepts have few texts of a class",
    "the classes separate": "some concepts tell the classes apart without an error",
}


@dataclass(frozen=True)
class Row:
    """One hypothesis: its concept, its effect, and the evidence."""

    name: str
    concept: str
    group: str | None
    effect: float
    low: float
    high: float
    p: float
    significant: bool
    prevalence: float
    separation: float
    separation_p: float
    note: str
    fidelity: dict
    literal_share: float = math.nan  # of texts with the concept; keyphrases alone
    points: float = math.nan  # average marginal effect, in percentage points
    returned: str = ""  # "4 of 5" repeats; "" without repeats
    members: tuple = ()  # rows of the concepts that agree; () for one concept
    only_beside: bool = False  # significant beside the others, and not alone

    @property
    def is_estimable(self):
        """False where no text, or every text, has the concept."""
        return _format.is_number(self.effect)


def hypothesis_rows(evaluation):
    """One row per hypothesis, sorted by effect within each class.

    Concepts that agree are one hypothesis, with a row per concept in `members`. The
    hypothesis with the largest effect comes first. Those that could not be estimated
    come last.
    """
    concepts = map(_row, evaluation.table.to_dict("records"))
    concepts = {(row.name, row.group): row for row in concepts}
    rows = []
    for line in evaluation.to_frame().to_dict("records"):
        row, names = _row(line), line["members"]
        is_beside = row.significant and row.separation_p >= evaluation.alpha
        row = replace(row, only_beside=is_beside)
        if len(names) > 1:
            members = tuple(concepts[name, row.group] for name in names)
            row = replace(row, members=members, fidelity={})
        rows.append(row)
    return _sorted(rows)


def concept_rows(rows):
    """One row per concept: of a hypothesis of several concepts, its members."""
    return [concept for row in rows for concept in row.members or [row]]


def largest_points(rows_of_classes):
    """The largest effect of a hypothesis on any class, in percentage points.

    Parameters
    ----------
    rows_of_classes : dict of class to Row
    """
    sizes = [abs(row.points) for row in rows_of_classes.values() if row.is_estimable]
    return max(sizes, default=-1.0)


def control_rows(evaluation):
    """One row per column of the controls (and class), in the order of the columns."""
    if evaluation.controls is None:
        return []
    return [
        _row({**_OF_CONTROLS, **line, "hypothesis": line["control"]})
        for line in evaluation.controls.to_dict("records")
    ]


def control_digits(row):
    """Number of decimals of one control: their units differ."""
    return _format.effect_digits([row.effect, row.low, row.high])


def penalty_line(evaluation):
    """Why Firth's penalty was used, once for the whole table; "" where it was not."""
    notes = evaluation.table["note"].astype(str)
    notes = notes[notes.str.startswith(PENALIZED)].str.removeprefix(PENALIZED)
    reasons = [text for note, text in _PENALTY_REASONS.items() if _any(notes, note)]
    if not reasons:
        return ""
    return (
        f"Estimated with Firth's penalty, since {' and '.join(reasons)}. It keeps "
        "such effects finite and draws all a little towards 0."
    )


def _any(notes, start):
    return notes.str.startswith(start).any()


def _own_note(note):
    """The note of one row, without what `penalty_line` says of all."""
    if not note.startswith(PENALIZED):
        return note
    return _NOT_CONVERGED if _NOT_CONVERGED in note else ""


def _row(line):
    return Row(
        name=line["hypothesis"],
        concept=_format.printable(str(line["hypothesis"])),
        group=_format.printable(str(line["class"])) if "class" in line else None,
        effect=line["coefficient"],
        low=line["ci_low"],
        high=line["ci_high"],
        p=line["p_corrected"] if "control" not in line else line["p"],
        significant=bool(line["significant"]),
        prevalence=line["prevalence"],
        separation=line["separation"],
        separation_p=line["separation_p_corrected"],
        note=_own_note(str(line["note"] or "")),
        fidelity={name: line[name] for name in _FIDELITY if name in line},
        literal_share=line.get("literal_share", math.nan),
        points=100 * line.get("average_marginal_effect", math.nan),
        returned=_format.returned(line),
    )


def _sorted(rows):
    rows = list(rows)
    classes = list(dict.fromkeys(row.group for row in rows))
    return sorted(rows, key=lambda row: (classes.index(row.group), *_order(row)))


def _order(row):
    return (False, -row.effect) if row.is_estimable else (True, 0.0)
