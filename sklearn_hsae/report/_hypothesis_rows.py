"""The hypotheses of an evaluation as plain rows, for the page and for the terminal."""

from dataclasses import dataclass

from sklearn_hsae.report import _format

_FIDELITY = ("f1", "precision", "recall", "correlation")


@dataclass(frozen=True)
class Row:
    """One hypothesis: what it says, what it does, and how sure that is."""

    name: str
    concept: str
    group: str | None
    effect: float
    low: float
    high: float
    p: float
    significant: bool
    prevalence: float
    note: str
    fidelity: dict

    @property
    def is_estimable(self):
        """False where no text, or every text, has the concept."""
        return _format.is_number(self.effect)


def hypothesis_rows(evaluation):
    """One row for each line of the table.

    Those that raise the outcome most come first, those that lower it most last, and
    behind them what could not be estimated; classes stay together.
    """
    rows = [
        Row(
            name=line["hypothesis"],
            concept=_format.printable(str(line["hypothesis"])),
            group=_format.printable(str(line["class"])) if "class" in line else None,
            effect=line["coefficient"],
            low=line["ci_low"],
            high=line["ci_high"],
            p=line["p_corrected"],
            significant=bool(line["significant"]),
            prevalence=line["prevalence"],
            note=str(line["note"] or ""),
            fidelity={name: line[name] for name in _FIDELITY if name in line},
        )
        for line in evaluation.table.to_dict("records")
    ]
    groups = list(dict.fromkeys(row.group for row in rows))
    return sorted(rows, key=lambda row: (groups.index(row.group), *_order(row)))


def _order(row):
    return (False, -row.effect) if row.is_estimable else (True, 0.0)
