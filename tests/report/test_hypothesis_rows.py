"""The rows that the page and the terminal show."""

from types import SimpleNamespace

import pandas as pd

from sklearn_hsae.report import agreeing_rows

_FIGURES = dict.fromkeys(
    ("coefficient", "ci_low", "ci_high", "p_corrected", "prevalence", "separation")
    + ("separation_p_corrected",),
    0.1,
) | {"note": ""}


def rows_of(*hypotheses):
    table = [
        {"hypothesis": name, "significant": significant, "members": members, **_FIGURES}
        for name, significant, members in hypotheses
    ]
    return pd.DataFrame(table)


def test_each_group_that_is_counted_as_significant_is_shown_somewhere():
    """A hypothesis without others may be significant only beside the groups."""
    evaluation = SimpleNamespace(
        table=rows_of(*[(name, name == "d", []) for name in "abcde"]),
        groups=rows_of(
            ("a or b", False, ["a", "b"]),
            ("c", True, ["c"]),
            ("d", True, ["d"]),
            ("e", False, ["e"]),
        ),
    )
    assert [row.name for row in agreeing_rows(evaluation)] == ["a or b", "c"]
