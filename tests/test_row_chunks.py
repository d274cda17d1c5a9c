"""A table of many rows is made in chunks, and is that of all rows at once."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from sklearn_hsae import HypothesisRegressor, _row_chunks, evaluate_hypotheses


@pytest.mark.parametrize("pairs", [False, True])
def test_chunks_of_rows_change_no_number(monkeypatch, pairs):
    rng = np.random.default_rng(0)
    X = (rng.random((400, 6)) < [0.005, 0.05, 0.2, 0.2, 0.4, 0.6]) * 1.0
    X[:, 3] = np.where(rng.random(400) < 0.05, 1 - X[:, 2], X[:, 2])  # of one group
    if pairs:
        X *= rng.choice([-1, 1], size=(400, 1))
    X[:5, 1] = np.nan
    weights = rng.random(400) + 0.5
    y = X[:, 2] + rng.normal(size=400)

    def tables():
        last = HypothesisRegressor(correction="holm", pairs=pairs)
        last.fit(X, y, sample_weight=weights)
        evaluation = evaluate_hypotheses(Pipeline([("regress", last)]), X, y)
        return last.summary_, evaluation.table, evaluation.groups

    whole = tables()
    assert len(whole[2]) == 5
    monkeypatch.setattr(_row_chunks, "_VALUES_OF_ONE_CHUNK", 1)
    monkeypatch.setattr(_row_chunks, "_VALUES_PER_CHUNK", 100)
    assert len(_row_chunks.row_chunks(400, 6)) == 25
    for expected, table in zip(whole, tables(), strict=True):
        pd.testing.assert_frame_equal(table, expected, rtol=1e-9)
