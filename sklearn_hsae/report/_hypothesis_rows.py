"""The hypotheses of an evaluation as rows, for the page and for the terminal."""

from dataclasses import dataclass

from sklearn_hsae import _format

_FIDELITY = ("f1", "precision", "recall", "correlation")


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

    @property
    def is_estimable(self):
        """False where no text, or every text, has the concept."""
        return _format.is_number(self.effect)


def hypothesis_rows(evaluation):
    """One row per line of the table, sorted by effect within each class.

    The hypothesis with the largest effect comes first. Those that could not be
    estimated come last.
    """
    return _sorted(map(_row, evaluation.table.to_dict("records")))


def agreeing_rows(evaluation):
    """One row per group of two or more hypotheses that agree, tested as one."""
    lines = evaluation.groups.to_dict("records")
    return _sorted(_row(line) for line in lines if len(line["members"]) > 1)


def _row(line):
    return Row(
        name=line["hypothesis"],
        concept=_format.printable(str(line["hypothesis"])),
        group=_format.printable(str(line["class"])) if "class" in line else None,
        effect=line["coefficient"],
        low=line["ci_low"],
        high=line["ci_high"],
        p=line["p_corrected"],
        significant=bool(line["significant"]),
        prevalence=line["prevalence"],
        separation=line["separation"],
        separation_p=line["separation_p_corrected"],
        note=str(line["note"] or ""),
        fidelity={name: line[name] for name in _FIDELITY if name in line},
    )


def _sorted(rows):
    rows = list(rows)
    classes = list(dict.fromkeys(row.group for row in rows))
    return sorted(rows, key=lambda row: (classes.index(row.group), *_order(row)))


def _order(row):
    return (False, -row.effect) if row.is_estimable else (True, 0.0)
