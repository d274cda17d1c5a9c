"""The table in a terminal."""

import numpy as np

from sklearn_hsae.cli._results_table import format_table
from sklearn_hsae.report._hypothesis_rows import Row


def test_table_is_aligned_and_fits_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")  # narrower than any table could be
    common = {"group": None, "significant": True, "note": "", "fidelity": {"f1": 0.5}}
    common |= {"separation": 0.1, "separation_p": 0.5}
    rows = [
        Row("a", "mentions " + "word " * 60, effect=-0.5, low=-1.0, high=-0.2, p=0.0,
            prevalence=0.3, **common),
        Row("b", "提到等待时间", effect=12.25, low=1.0, high=30.0, p=0.04,
            prevalence=0.001, **common),
        Row("c", "never", effect=np.nan, low=np.nan, high=np.nan, p=np.nan,
            prevalence=0.0, **common),
    ]  # fmt: skip
    lines = format_table(rows, alpha=0.1)
    assert max(map(len, lines)) <= 80
    assert "90 % interval" in lines[0] and "significant at 10 %" in lines[-1]
    start = lines[0].index("hypothesis")
    for row in rows:
        first = row.concept.split()[0]
        assert next(line for line in lines if first in line).index(first) == start
    assert "not estimable" in next(line for line in lines if "never" in line)
    assert not any("nan" in line for line in lines)
