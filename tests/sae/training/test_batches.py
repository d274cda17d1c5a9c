"""Every row once per epoch, in batches of equal size, wherever the rows are."""

import numpy as np
import pytest
import torch

from sklearn_hsae.sae._data import mean_and_scale
from sklearn_hsae.sae._training._batches import (
    ResidentRows,
    Rows,
    RowsPerModel,
    StreamedRows,
)


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_every_row_once_per_epoch_in_batches_of_the_size(X, size, streaming):
    indices = np.flatnonzero(np.arange(600) % 10)
    target, weights = np.arange(600), 1.0 + np.arange(600)
    rows = StreamedRows(X, indices, np.zeros(20), 1.0, target, weights)
    rng = np.random.default_rng(0)
    for _ in range(2):
        batches = list(rows.batches(size, rng))
        assert len(batches) == -(-len(indices) // size)
        assert max(len(batch.rows) for batch in batches) <= size
        found = np.concatenate([batch.target for batch in batches])
        np.testing.assert_array_equal(np.sort(found), indices)
        np.testing.assert_array_equal(
            np.concatenate([batch.rows for batch in batches]), X[found]
        )
        np.testing.assert_allclose(
            np.concatenate([batch.row_weights for batch in batches]),
            weights[found] / weights[indices].mean(),
            rtol=1e-6,
        )


def test_streamed_rows_are_mixed(X, streaming):
    # A batch of neighbours would be one document, or one day, of a sorted file.
    rows = StreamedRows(X, np.arange(600), np.zeros(20), 1.0, target=np.arange(600))
    batch = next(iter(rows.batches(64, np.random.default_rng(0)))).target.numpy()
    assert np.ptp(batch) > 300 and (np.abs(np.diff(batch)) > 1).mean() > 0.8


@pytest.mark.parametrize("seed", [None, 3])
def test_rows_on_the_device_are_the_same(X, seed):
    # What a GPU keeps must be what a CPU gathers.
    mean, scale = mean_and_scale([(X, None)])
    indices, target = np.arange(len(X))[::-2].copy(), np.arange(len(X), dtype="f4")
    found = []
    for kind in (Rows, ResidentRows):
        rng = None if seed is None else np.random.default_rng(seed)
        rows = kind(X, indices, mean, scale, target, 1.0 + target)
        found.append(list(rows.batches(32, rng)))
    sizes = [[len(batch.rows) for batch in batches] for batches in found]
    assert sizes[0] == sizes[1]
    first, second = ([torch.cat(part) for part in zip(*b, strict=True)] for b in found)
    orders = first[1].argsort(), second[1].argsort()
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(a[orders[0]], b[orders[1]])
    is_in_order = torch.equal(first[1], torch.from_numpy(target[indices]))
    assert is_in_order == (seed is None)


def test_rows_keep_their_order_without_a_generator(X):
    rows = Rows(X, np.arange(5, 40), np.zeros(20), 1.0)
    found = np.concatenate([batch.rows for batch in rows.batches(8)])
    np.testing.assert_array_equal(found, X[5:40])


def test_rows_of_several_models_lie_one_model_after_another(X):
    parts = [Rows(X, np.arange(i, i + 30), np.zeros(20), 1.0) for i in (0, 100)]
    batch = next(RowsPerModel(parts).batches(10))
    assert batch.rows.shape == (2, 10, 20) and batch.target is None
    np.testing.assert_array_equal(batch.rows[1], X[100:110])
    assert torch.equal(batch.row_weights, torch.ones(2, 10))
