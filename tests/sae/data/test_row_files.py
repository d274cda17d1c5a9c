"""Rows that are read from disk block by block."""

import sys

import numpy as np
import pytest
import torch

from sklearn_hsae.sae._data import RowFile, open_rows


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
def test_small_sources_are_the_array(X, kind, tmp_path, make_sae):
    source = kind(X, tmp_path)
    expected = make_sae().fit(X)
    found = make_sae().fit(source)
    np.testing.assert_array_equal(found.encoder_, expected.encoder_)
    np.testing.assert_array_equal(found.transform(source), expected.transform(X))
    assert found.score(source) == expected.score(X)


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_large_sources_are_streamed(X, kind, tmp_path, streaming, make_sae):
    source = kind(X, tmp_path)
    rows = open_rows(source)
    assert isinstance(rows, RowFile)
    np.testing.assert_array_equal(rows[0 : len(X)], X)
    whole, streamed = make_sae().fit(X), make_sae().fit(source)
    np.testing.assert_allclose(streamed.input_mean_, whole.input_mean_, rtol=1e-6)
    # Batches come in another order, so the weights differ; what they achieve does not.
    assert streamed.score(X) == pytest.approx(whole.score(X), abs=0.05)
    np.testing.assert_allclose(streamed.transform(source), streamed.transform(X))
    again = make_sae().fit(kind(X, tmp_path))
    np.testing.assert_array_equal(again.encoder_, streamed.encoder_)


def test_head_and_partial_fit_stream_too(X, tmp_path, streaming, make_sae):
    path, y = as_npy(X, tmp_path), X[:, 0] > X[:, 1]
    fitted = make_sae(prefixes=(8,), target_weight=1.0, max_epochs=30).fit(path, y)
    A = np.column_stack([fitted.transform(X)[:, :8], np.ones(len(X))])
    prediction = A @ np.append(fitted.head_[:, 0], fitted.head_bias_) > 0
    assert (prediction == y).mean() > 0.85  # so targets went with their rows
    further = make_sae().partial_fit(path).partial_fit(path)
    assert further.n_iter_ == 2 and np.isfinite(further.score(path))


def test_missing_values_in_a_file_are_an_error(X, tmp_path, streaming, make_sae):
    broken = X.copy()
    broken[500, 3] = np.nan
    path = as_npy(broken, tmp_path)
    with pytest.raises(ValueError, match="X contains NaN"):
        make_sae().fit(path)
    with pytest.raises(ValueError, match="X contains NaN"):
        make_sae().fit(X).transform(path)


def test_wrong_sources_are_named(X, tmp_path, make_sae):
    with pytest.raises(ValueError, match=r"'a text', whose ending is unknown"):
        make_sae().fit("a text")
    np.save(tmp_path / "flat.npy", X.ravel())
    with pytest.raises(ValueError, match="has shape"):
        make_sae().fit(tmp_path / "flat.npy")
    with pytest.raises(ValueError, match="X has 11 features"):
        make_sae().fit(X).transform(as_npy(X[:, :11], tmp_path))


def test_ragged_lists_are_an_error(tmp_path, make_sae):
    # Flattened, these five numbers and one would be three rows of two.
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"embedding": [[1.0, 2.0, 3.0], [1.0], [1.0, 2.0]]})
    parquet.write_table(table, tmp_path / "ragged.parquet")
    with pytest.raises(ValueError, match="lists of equal length"):
        make_sae().fit(tmp_path / "ragged.parquet")


def test_parquet_needs_pyarrow(X, tmp_path, monkeypatch, make_sae):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match=r"sklearn-hsae\[parquet\]"):
        make_sae().fit(tmp_path / "rows.parquet")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_tensors_of_any_precision(X, dtype, make_sae):
    found = make_sae(max_epochs=1).fit(torch.tensor(X).to(dtype).requires_grad_())
    assert np.isfinite(found.encoder_).all() and found.transform(X).shape == (600, 32)


def test_weights_go_with_their_rows_from_disk(X, y, tmp_path, streaming, make_sae):
    # Rows of weight 0 are neither read into a batch nor into the mean.
    weights, fits = np.arange(600) % 3, []
    for value in (7.0, -100.0):
        changed = X.copy()
        changed[weights == 0] = value
        sae = make_sae(target_weight=0.3)
        fits.append(sae.fit(as_npy(changed, tmp_path), y, sample_weight=weights))
    np.testing.assert_array_equal(fits[0].decoder_, fits[1].decoder_)
    mean = np.average(X, axis=0, weights=weights)
    np.testing.assert_allclose(fits[0].input_mean_, mean, atol=0.3)
    further = make_sae().partial_fit(as_npy(X, tmp_path), sample_weight=weights)
    np.testing.assert_allclose(further.input_mean_, mean, rtol=1e-5)
