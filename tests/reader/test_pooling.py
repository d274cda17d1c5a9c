"""One row per text: against loops over tokens."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_hsae.reader._pooling import (
    AGGREGATES,
    above,
    pool_activations,
    pool_states,
)

LENGTHS = np.array([3, 0, 1, 4, 0])


def pooled_by_loops(rows, aggregate, threshold):
    if len(rows) == 0:
        return np.zeros(rows.shape[1])
    rows = np.where(rows > threshold, rows, 0)
    return {
        "max": lambda: rows.max(axis=0),
        "mean": lambda: rows.sum(axis=0) / len(rows),
        "sum": lambda: rows.sum(axis=0),
        "count": lambda: (rows > 0).sum(axis=0),
        "binary": lambda: (rows > 0).any(axis=0),
        "last": lambda: rows[-1],
    }[aggregate]()


@pytest.mark.parametrize("threshold", [0.0, 0.4])
@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_activations_are_pooled_as_defined(aggregate, threshold):
    rng = np.random.default_rng(0)
    activations = rng.random((8, 6)) * (rng.random((8, 6)) < 0.5)
    stored = sparse.csr_matrix(activations, dtype=np.float32)
    stored.data[0] = 0  # a stored zero is no activation
    activations = stored.toarray()
    pooled = pool_activations(above(stored, threshold), LENGTHS, aggregate)
    assert pooled.dtype == np.float32 and pooled.data.all()
    parts = np.split(activations.astype(float), np.cumsum(LENGTHS)[:-1])
    expected = [pooled_by_loops(part, aggregate, threshold) for part in parts]
    np.testing.assert_allclose(pooled.toarray(), expected, rtol=1e-6)


@pytest.mark.parametrize("aggregate", ["max", "mean", "sum", "last"])
def test_states_are_pooled_as_defined(aggregate):
    states = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
    pooled = pool_states(states, LENGTHS, aggregate)
    for row, part in zip(
        pooled, np.split(states, np.cumsum(LENGTHS)[:-1]), strict=True
    ):
        reduce = {"last": lambda p: p[-1]}.get(
            aggregate, lambda p: getattr(p.astype(float), aggregate)(axis=0)
        )
        expected = reduce(part) if len(part) else np.zeros(5)
        np.testing.assert_allclose(row, expected, rtol=1e-5, atol=1e-6)


def test_nothing_active_is_a_row_of_zeros():
    nothing = sparse.csr_matrix((3, 4), dtype=np.float32)
    for aggregate in AGGREGATES:
        assert pool_activations(nothing, np.array([2, 1]), aggregate).nnz == 0
