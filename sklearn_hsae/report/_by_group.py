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


def differing_line(found, name):
    """How many effects differ between the groups, in one sentence."""
    n, n_all = sum(each.any_differs for each in found), len(found)
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
    found = comparisons(table)
    name = _format.printable(table.attrs.get("by", "group"))
    line = differing_line(found, name)
    if found[0].label is not None:  # of many classes, what differs
        found = [each for each in found if each.any_differs]
    scale = _scale(found)
    digits = _format.effect_digits(e for each in found for e in each.effect)
    return {
        "name": name,
        "line": line,
        "axis": axis_of(scale),
        "blocks": [_block(each, scale, digits) for each in found],
    }


def _scale(found):
    columns = [
        [value for each in found for value in getattr(each, name)]
        for name in ("effect", "low", "high")
    ]
    return fit_scale(*np.array(columns, dtype=float))


def _block(each, scale, digits):
    return {
        "concept": each.concept,
        "class": each.label,
        "plain": not each.any_differs,
        "rows": [_line(each, i, scale, digits) for i in range(len(each.groups))],
    }


def _line(each, i, scale, digits):
    effect = each.effect[i]
    is_known = _format.is_number(effect)
    interval = (
        f"{_format.number(each.low[i], digits, sign=True)} to "
        f"{_format.number(each.high[i], digits, sign=True)}"
    )
    points = ""
    if _format.is_number(each.points[i]):
        points = f"{_format.number(each.points[i], 0, sign=True)} points"
    return {
        "group": each.groups[i],
        "n": _format.count(each.n[i]),
        "mark": mark_of(effect, each.low[i], each.high[i], scale) if is_known else None,
        "raises": is_known and effect >= 0,
        "effect": _format.number(effect, digits, sign=True),
        "interval": interval if is_known else "not estimable",
        "points": points,
        "share": _format.percent(each.prevalence[i]),
        "difference": _format.number(each.difference[i], digits, sign=True),
        "p": _format.p_value(each.p[i]),
        "differs": each.differs[i],
    }
