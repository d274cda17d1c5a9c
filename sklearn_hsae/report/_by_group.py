"""The comparison of groups as rows, for the page and for the terminal."""

from dataclasses import dataclass

import numpy as np

from sklearn_hsae import _format
from sklearn_hsae.report._scale import axis_of, fit_scale, mark_of


@dataclass(frozen=True)
class Comparison:
    """One hypothesis in all groups; the lists have one entry per group."""

    concept: str
    label: str | None  # the class, of three or more
    groups: list
    n: list
    effect: list
    low: list
    high: list
    points: list
    prevalence: list
    difference: list
    p: list
    differs: list

    @property
    def name(self):
        """The concept, behind the class of three or more."""
        return self.concept if self.label is None else f"{self.label}: {self.concept}"

    @property
    def any_differs(self):
        """Whether the effect in some group differs from that in the others."""
        return any(self.differs)


def comparisons(table):
    """One entry per hypothesis (and class), the clearest difference first.

    Parameters
    ----------
    table : DataFrame
        What ``evaluation.by_group`` returned.
    """
    keys = ["class", "hypothesis"] if "class" in table else ["hypothesis"]
    nothing = np.full(len(table), np.nan)
    table = table.assign(
        points=100 * table.get("average_marginal_effect", nothing),
        smallest=table.groupby(keys)["difference_p"].transform("min"),
    )
    table = table.sort_values(["smallest"], kind="stable")
    return [
        Comparison(
            concept=_format.printable(str(part["hypothesis"].iloc[0])),
            label=_format.printable(str(part["class"].iloc[0]))
            if "class" in part
            else None,
            groups=[_format.printable(str(group)) for group in part["group"]],
            n=part["n"].tolist(),
            effect=part["coefficient"].tolist(),
            low=part["ci_low"].tolist(),
            high=part["ci_high"].tolist(),
            points=part["points"].tolist(),
            prevalence=part["prevalence"].tolist(),
            difference=part["difference"].tolist(),
            p=part["difference_p_corrected"].tolist(),
            differs=part["differs"].tolist(),
        )
        for _, part in table.groupby(keys, sort=False)
    ]


def differing_line(compared, name):
    """How many effects differ between the groups, in one sentence."""
    n, n_all = sum(comparison.any_differs for comparison in compared), len(compared)
    if n == 0:
        return (
            f"No effect differs between the values of {name}, after correction for the "
            "number of comparisons."
        )
    return f"Between the values of {name}, {n} of {n_all} effects differ."


def by_group_content(table):
    """What the page shows of a comparison; None without one."""
    if table is None:
        return None
    compared = comparisons(table)
    name = _format.printable(table.attrs.get("by", "group"))
    line = differing_line(compared, name)
    if compared[0].label is not None:  # of many classes, what differs
        compared = [comparison for comparison in compared if comparison.any_differs]
    scale = _scale(compared)
    digits = _format.effect_digits(
        effect for comparison in compared for effect in comparison.effect
    )
    return {
        "name": name,
        "line": line,
        "axis": axis_of(scale),
        "blocks": [_block(comparison, scale, digits) for comparison in compared],
    }


def _scale(compared):
    columns = [
        [value for comparison in compared for value in getattr(comparison, name)]
        for name in ("effect", "low", "high")
    ]
    return fit_scale(*np.array(columns, dtype=float))


def _block(comparison, scale, digits):
    return {
        "concept": comparison.concept,
        "class": comparison.label,
        "plain": not comparison.any_differs,
        "rows": [
            _line(comparison, i, scale, digits) for i in range(len(comparison.groups))
        ],
    }


def _line(comparison, i, scale, digits):
    effect = comparison.effect[i]
    is_known = _format.is_number(effect)
    low, high = comparison.low[i], comparison.high[i]
    interval = (
        f"{_format.number(low, digits, sign=True)} to "
        f"{_format.number(high, digits, sign=True)}"
    )
    points = ""
    if _format.is_number(comparison.points[i]):
        points = f"{_format.number(comparison.points[i], 0, sign=True)} points"
    return {
        "group": comparison.groups[i],
        "n": _format.count(comparison.n[i]),
        "mark": mark_of(effect, low, high, scale) if is_known else None,
        "raises": is_known and effect >= 0,
        "effect": _format.number(effect, digits, sign=True),
        "interval": interval if is_known else "not estimable",
        "points": points,
        "share": _format.percent(comparison.prevalence[i]),
        "difference": _format.number(comparison.difference[i], digits, sign=True),
        "p": _format.p_value(comparison.p[i]),
        "differs": comparison.differs[i],
    }
