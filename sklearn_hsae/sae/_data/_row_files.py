"""Rows that may be larger than the memory: files, memory maps and lazy arrays."""

import tempfile
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from sklearn.utils.validation import validate_data

from sklearn_hsae._extras import import_extra
from sklearn_hsae._sklearn_compat import check_feature_names, check_n_features

_BYTES_IN_MEMORY = 2**28  # smaller rows (as float32) are read into memory
_BLOCK_BYTES = 2**23
_LAZY_LIBRARIES = ("dask", "zarr", "h5py")
_FLOATS = [np.float32, np.float64, np.float16]  # other types become the first


class RowFile:
    """Rows on disk, read a slice at a time.

    Parameters
    ----------
    open_map : callable
        Returns the memory map. It is called for each slice, because the pages of a map
        that stays open count as memory in use.
    folder : tempfile.TemporaryDirectory or None
        Deleted together with this object.
    """

    def __init__(self, open_map, folder=None):
        self._open_map = open_map
        self._folder = folder
        rows = open_map()
        if rows.ndim != 2:
            raise ValueError(
                f"X has shape {rows.shape}; (n_samples, n_features) is needed."
            )
        self.shape, self.dtype = rows.shape, rows.dtype

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        block = np.array(self._open_map()[rows])
        return block if block.dtype in _FLOATS else block.astype(np.float32)


def open_rows(X):
    """Open `X`. Large rows on disk are not read into memory.

    Parameters
    ----------
    X : array-like, torch tensor, path or lazy array
        A path names an ``.npy`` or a parquet file. Lazy arrays are memory maps and the
        arrays of dask, zarr and h5py.

    Returns
    -------
    RowFile or array-like
        A :class:`RowFile` for files and lazy arrays of more than 256 MB as float32.
        Parquet files and lazy arrays are first written to a temporary ``.npy`` file,
        because each epoch reads them again. Smaller files become arrays.
    """
    library = type(X).__module__.partition(".")[0]
    if isinstance(X, str | Path):
        return _open_path(Path(X))
    if library == "torch":
        return _tensor_to_array(X)
    if isinstance(X, np.memmap) and X.ndim == 2 and _is_large(X.shape):
        return RowFile(lambda: X)
    if library in _LAZY_LIBRARIES:
        return _open_lazy(X, library)
    return X


def check_rows(estimator, X, *, reset, ensure_min_samples=1):
    """Open `X` and check it, as `validate_data` of scikit-learn does.

    Parameters
    ----------
    estimator : BaseEstimator
    X : array-like, torch tensor, path or lazy array
        See :func:`open_rows`.
    reset : bool
        Whether `estimator` learns the number and the names of the columns. Otherwise
        those of `X` must be equal to the learned ones.
    ensure_min_samples : int, default=1
        Not checked for a :class:`RowFile`.

    Returns
    -------
    RowFile or ndarray of float
    """
    X = open_rows(X)
    if not isinstance(X, RowFile):
        return validate_data(
            estimator,
            X,
            dtype=_FLOATS,
            reset=reset,
            ensure_min_samples=ensure_min_samples,
        )
    # validate_data would read the whole file.
    check_feature_names(estimator, X, reset=reset)
    check_n_features(estimator, X, reset=reset)
    return X


def _is_large(shape):
    return 4 * shape[0] * shape[1] > _BYTES_IN_MEMORY


def _tensor_to_array(X):
    X = X.detach().cpu()
    return (X.float() if X.element_size() < 4 else X).numpy()


def _open_path(path):
    if path.suffix == ".npy":
        rows = RowFile(partial(np.load, path, mmap_mode="r"))
        return rows if _is_large(rows.shape) else rows[:]
    if path.suffix == ".parquet":
        return _open_parquet(path)
    raise ValueError(
        f"X is the path {str(path)!r}, whose ending is unknown. Pass an .npy or a "
        ".parquet file; texts must be embedded first."
    )


def _open_lazy(X, library):
    if len(X.shape) != 2 or X.shape[0] != X.shape[0]:  # NaN: unknown
        raise ValueError(
            f"X is a {library} array of shape {X.shape}; (n_samples, n_features) is "
            "needed. X.compute_chunk_sizes() finds sizes that are unknown."
        )
    if not _is_large(X.shape):
        return np.asarray(X[:])
    chunk = X.chunks[0] if X.chunks else 1024
    chunk = max(chunk) if isinstance(chunk, tuple) else chunk  # dask, others
    size = chunk * max(1, _BLOCK_BYTES // (X.dtype.itemsize * X.shape[1] * chunk))
    blocks = (np.asarray(X[i : i + size]) for i in range(0, X.shape[0], size))
    return _spool(blocks, X.shape[0])


def _open_parquet(path):
    parquet = import_extra("pyarrow.parquet", extra="parquet", use="parquet files")
    with parquet.ParquetFile(path) as file:
        blocks = (_table_to_array(batch, path) for batch in file.iter_batches(8192))
        return _spool(blocks, file.metadata.num_rows)


def _table_to_array(table, path):
    """Read rows from one column of lists of equal length, or from number columns."""
    columns = [column.to_numpy(zero_copy_only=False) for column in table.columns]
    try:
        if len(columns) == 1 and columns[0].dtype == object:
            return np.stack(columns[0])
        return np.column_stack(columns).astype(np.float32, casting="same_kind")
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{path} must have columns of numbers only, or one column of lists of "
            f"equal length; it has {table.schema.names[:5]}."
        ) from error


def _spool(blocks, n_rows):
    """Write blocks to a temporary ``.npy`` file and open it."""
    folder = tempfile.TemporaryDirectory(prefix="sklearn_hsae_")
    path = Path(folder.name) / "rows.npy"
    blocks = iter(blocks)
    first = next(blocks)
    header = {
        "descr": np.lib.format.dtype_to_descr(first.dtype),
        "fortran_order": False,
        "shape": (n_rows, first.shape[1]),
    }
    with path.open("wb") as file:
        np.lib.format.write_array_header_2_0(file, header)
        for block in chain([first], blocks):
            file.write(block.astype(first.dtype, copy=False).tobytes())
    rows = RowFile(partial(np.load, path, mmap_mode="r"), folder)
    return rows if _is_large(rows.shape) else rows[:]
