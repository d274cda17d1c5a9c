"""Rows that are read from disk a block at a time."""

import sys

import numpy as np
import pytest
import torch

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.sae import _rows, _sources
from sklearn_hsae.sae._rows import (
    ResidentRows,
    Rows,
    StreamedRows,
    mean_and_scale,
)
from sklearn_hsae.sae._sources import RowFile, open_rows


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(900, 12)) @ rng.normal(size=(12, 12)) + 3).astype("f4")


@pytest.fixture
def streaming(monkeypatch):
    """Everything counts as large, and buffers are far smaller than the rows."""
    monkeypatch.setattr(_sources, "_RESIDENT_BYTES", 0)
    monkeypatch.setattr(_rows, "_BLOCK_BYTES", 50 * 12 * 4)
    monkeypatch.setattr(_rows, "_BUFFER_BYTES", 200 * 12 * 4)


def sae(**options):
    options = {"max_epochs": 6, "random_state": 0, **options}
    return MatryoshkaSAETransformer(24, 3, **options)


def as_npy(X, folder):
    np.save(folder / "rows.npy", X)
    return folder / "rows.npy"


def as_memmap(X, folder):
    return np.load(as_npy(X, folder), mmap_mode="r")


def as_parquet_of_lists(X, folder):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    lists = pa.FixedSizeListArray.from_arrays(X.ravel(), X.shape[1])
    path = folder / "rows.parquet"
    parquet.write_table(pa.table({"embedding": lists}), path, row_group_size=123)
    return path


def as_parquet_of_numbers(X, folder):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    frame.to_parquet(folder / "rows.parquet", index=False)
    return str(folder / "rows.parquet")


def as_dask(X, folder):
    return pytest.importorskip("dask.array").from_array(X, chunks=(130, 5))


def as_zarr(X, folder):
    return pytest.importorskip("zarr").array(X, chunks=(130, 12))


def as_tensor(X, folder):
    return torch.tensor(X)


KINDS = [
    as_npy,
    as_memmap,
    as_parquet_of_lists,
    as_parquet_of_numbers,
    as_dask,
    as_zarr,
    as_tensor,
]


@pytest.mark.parametrize("kind", KINDS)
def test_small_sources_are_the_array(X, kind, tmp_path):
    source = kind(X, tmp_path)
    expected = sae().fit(X)
    found = sae().fit(source)
    np.testing.assert_array_equal(found.encoder_, expected.encoder_)
    np.testing.assert_array_equal(found.transform(source), expected.transform(X))
    assert found.score(source) == expected.score(X)


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_large_sources_are_streamed(X, kind, tmp_path, streaming):
    source = kind(X, tmp_path)
    rows = open_rows(source)
    assert isinstance(rows, RowFile)
    np.testing.assert_array_equal(rows[0 : len(X)], X)
    whole, streamed = sae().fit(X), sae().fit(source)
    np.testing.assert_allclose(streamed.input_mean_, whole.input_mean_, rtol=1e-6)
    # Batches come in another order, so the weights differ; what they achieve does not.
    assert streamed.score(X) == pytest.approx(whole.score(X), abs=0.05)
    np.testing.assert_allclose(streamed.transform(source), streamed.transform(X))
    again = sae().fit(kind(X, tmp_path))
    np.testing.assert_array_equal(again.encoder_, streamed.encoder_)


def test_head_and_partial_fit_stream_too(X, tmp_path, streaming):
    path, y = as_npy(X, tmp_path), X[:, 0] > X[:, 1]
    fitted = sae(prefixes=(8,), target_weight=1.0, max_epochs=30).fit(path, y)
    A = np.column_stack([fitted.transform(X)[:, :8], np.ones(len(X))])
    prediction = A @ np.append(fitted.head_[:, 0], fitted.head_bias_) > 0
    assert (prediction == y).mean() > 0.85  # so targets went with their rows
    further = sae().partial_fit(path).partial_fit(path)
    assert further.n_iter_ == 2 and np.isfinite(further.score(path))


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_every_row_once_an_epoch_in_batches_of_the_size(X, size, streaming):
    chosen = np.flatnonzero(np.arange(900) % 10)
    identity = np.zeros(12), 1.0
    rows = StreamedRows(X, chosen, *identity, target=np.arange(900))
    order = np.random.default_rng(0)
    for _ in range(2):
        batches = list(rows.batches(size, order))
        assert len(batches) == -(-len(chosen) // size)
        assert max(len(batch) for batch, _ in batches) <= size
        numbers = np.concatenate([target for _, target in batches])
        np.testing.assert_array_equal(np.sort(numbers), chosen)
        found = np.concatenate([batch for batch, _ in batches])
        np.testing.assert_array_equal(found, X[numbers])


def test_streamed_rows_are_mixed(X, streaming):
    # A batch of neighbours would be one document, or one day, of a sorted file.
    rows = StreamedRows(X, np.arange(900), np.zeros(12), 1.0, target=np.arange(900))
    batch = next(iter(rows.batches(64, np.random.default_rng(0))))[1].numpy()
    assert np.ptp(batch) > 300 and (np.abs(np.diff(batch)) > 1).mean() > 0.8


def test_mean_and_scale_against_float64(X):
    far = X.astype(np.float64) + 1e6
    mean, scale = mean_and_scale(np.array_split(far, 7))
    np.testing.assert_allclose(mean, far.mean(axis=0), rtol=1e-12)
    expected = ((far - far.mean(axis=0)) ** 2).sum(axis=1).mean() ** 0.5
    assert scale == pytest.approx(expected, rel=1e-9)


def test_rows_on_the_device_are_the_same(X):
    # What a GPU keeps must be what a processor gathers.
    mean, scale = mean_and_scale([X])
    chosen, target = np.arange(len(X))[::-2].copy(), np.arange(len(X), dtype=np.float32)
    one = Rows(X, chosen, mean, scale, target)
    other = ResidentRows(X, chosen, mean, scale, target)
    for order in (None, 3):
        pieces = [
            list(
                rows.batches(
                    32, None if order is None else np.random.default_rng(order)
                )
            )
            for rows in (one, other)
        ]
        sizes = [[len(batch) for batch, _ in found] for found in pieces]
        assert sizes[0] == sizes[1]
        (a, y), (b, z) = (map(torch.cat, zip(*found, strict=True)) for found in pieces)
        by_target, by_other_target = y.argsort(), z.argsort()
        torch.testing.assert_close(a[by_target], b[by_other_target])
        assert (order is None) == torch.equal(y, torch.from_numpy(target[chosen]))


def test_rows_keep_their_order_without_a_generator(X):
    rows = Rows(X, np.arange(5, 40), np.zeros(12), 1.0)
    found = np.concatenate([batch for batch, _ in rows.batches(8)])
    np.testing.assert_array_equal(found, X[5:40])


def test_missing_values_in_a_file_are_an_error(X, tmp_path, streaming):
    broken = X.copy()
    broken[700, 3] = np.nan
    path = as_npy(broken, tmp_path)
    with pytest.raises(ValueError, match="X contains NaN"):
        sae().fit(path)
    with pytest.raises(ValueError, match="X contains NaN"):
        sae().fit(X).transform(path)


def test_wrong_sources_are_named(X, tmp_path):
    with pytest.raises(ValueError, match=r"'a text', whose ending is unknown"):
        sae().fit("a text")
    np.save(tmp_path / "flat.npy", X.ravel())
    with pytest.raises(ValueError, match="has shape"):
        sae().fit(tmp_path / "flat.npy")
    with pytest.raises(ValueError, match="X has 11 features"):
        sae().fit(X).transform(as_npy(X[:, :11], tmp_path))


def test_ragged_lists_are_an_error(tmp_path):
    # Flattened, these five numbers and one would be three rows of two.
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"embedding": [[1.0, 2.0, 3.0], [1.0], [1.0, 2.0]]})
    parquet.write_table(table, tmp_path / "ragged.parquet")
    with pytest.raises(ValueError, match="lists of equal length"):
        sae().fit(tmp_path / "ragged.parquet")


def test_parquet_needs_pyarrow(X, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match=r"sklearn-hsae\[parquet\]"):
        sae().fit(tmp_path / "rows.parquet")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_tensors_of_any_precision(X, dtype):
    found = sae(max_epochs=1).fit(torch.tensor(X).to(dtype).requires_grad_())
    assert np.isfinite(found.encoder_).all() and found.transform(X).shape == (900, 24)
