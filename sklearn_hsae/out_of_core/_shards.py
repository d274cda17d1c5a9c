"""Shards: the rows of a matrix in several files."""

import json
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from sklearn_hsae._files import replaced_file, write_text

_INDEX = "index.json"
_FORMAT = 1


class Shards:
    """The rows of a matrix in a folder, one file per piece.

    :func:`transform_to` writes them. Dense rows are ``.npy`` files of float32, sparse
    ones ``.npz`` files of scipy, and ``index.json`` lists them.

    Parameters
    ----------
    folder : path

    Attributes
    ----------
    shape : (int, int)
        Number of rows and columns.
    columns : list of str
        Names of the columns.

    Raises
    ------
    FileNotFoundError
        When there is no folder with an index.
    ValueError
        While reading, when a file is missing or cut off.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn.preprocessing import Normalizer
    >>> from sklearn_hsae.out_of_core import Shards, transform_to
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pieces = [np.eye(3), np.ones((2, 3))]
    ...     shards = transform_to(Normalizer().fit(pieces[0]), pieces, folder)
    ...     print(shards.shape, Shards(folder).to_array().sum(axis=0).round(2))
    (5, 3) [2.15 2.15 2.15]
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        path = self.folder / _INDEX
        if not path.is_file():
            raise FileNotFoundError(
                f"{self.folder} holds no shards: there is no {_INDEX}. Write them by "
                "transform_to."
            )
        index = json.loads(path.read_text("utf-8"))
        if index["format"] != _FORMAT:
            raise ValueError(
                f"{path} has the format {index['format']}, and this version reads "
                f"{_FORMAT}. Write the shards again."
            )
        self.columns = index["columns"]
        self._entries = index["shards"]

    @classmethod
    def create(cls, folder):
        """Open a folder, or make one without a shard."""
        folder = Path(folder)
        if folder.is_file():
            raise ValueError(f"{folder} is a file. Name a folder for the shards.")
        if not (folder / _INDEX).is_file():
            folder.mkdir(parents=True, exist_ok=True)
            _write_index(folder, None, [])
        return cls(folder)

    @property
    def shape(self):
        n_rows = sum(entry["n_rows"] for entry in self._entries)
        return n_rows, len(self.columns or ())

    def __len__(self):
        """Number of shards."""
        return len(self._entries)

    def __iter__(self):
        """Yield the rows of each shard: ndarrays or CSR arrays of float32."""
        for position in range(len(self)):
            yield self[position]

    def __getitem__(self, position):
        entry = self._entries[position]
        path = self.folder / entry["file"]
        if not self.is_complete(position):
            raise ValueError(
                f"{path} is missing or cut off. Call transform_to again: it computes "
                "this part again."
            )
        return sp.load_npz(path) if path.suffix == ".npz" else np.load(path)

    def is_complete(self, position):
        """Whether the file of a shard is there in full."""
        if position >= len(self):
            return False
        entry = self._entries[position]
        path = self.folder / entry["file"]
        return path.is_file() and path.stat().st_size == entry["n_bytes"]

    def source(self, position):
        """The fingerprint of the rows that a shard was computed from."""
        return self._entries[position]["source"]

    def put(self, position, rows, columns, source):
        """Write a shard, the next one or in the place of one that was lost."""
        if self.columns is not None and list(columns) != self.columns:
            raise ValueError(
                f"The columns of piece {position} are others than those of the pieces "
                f"before: {list(columns)[:5]} and {self.columns[:5]}."
            )
        ending = "npz" if sp.issparse(rows) else "npy"
        path = self.folder / f"{position:06d}.{ending}"
        with replaced_file(path) as temporary, temporary.open("wb") as file:
            if sp.issparse(rows):
                sp.save_npz(file, rows, compressed=False)
            else:
                np.save(file, rows)
        entry = {
            "file": path.name,
            "n_rows": rows.shape[0],
            "n_bytes": path.stat().st_size,
            "source": source,
        }
        self._entries[position : position + 1] = [entry]
        self.columns = list(columns)
        _write_index(self.folder, self.columns, self._entries)

    def to_array(self):
        """Read all rows into one ndarray of float32."""
        self._check_rows()
        rows = [sp.csr_array(s).toarray() if sp.issparse(s) else s for s in self]
        return np.concatenate(rows)

    def to_csr(self):
        """Read all rows into one CSR array of float32."""
        self._check_rows()
        return sp.vstack([sp.csr_array(rows) for rows in self], format="csr")

    def save_npy(self, path):
        """Write all rows into one ``.npy`` file, from which an autoencoder is trained.

        ``MatryoshkaSAETransformer().fit(path)`` reads it from disk. No more than one
        shard is in memory.
        """
        self._check_rows()
        header = {"descr": "<f4", "fortran_order": False, "shape": self.shape}
        with replaced_file(path) as temporary, temporary.open("wb") as file:
            np.lib.format.write_array_header_2_0(file, header)
            for rows in self:
                rows = rows.toarray() if sp.issparse(rows) else rows
                file.write(rows.astype("<f4", copy=False).tobytes())

    def _check_rows(self):
        if len(self) == 0:
            raise ValueError(f"{self.folder} holds no rows yet: there was no piece.")


def _write_index(folder, columns, entries):
    index = {"format": _FORMAT, "columns": columns, "shards": entries}
    write_text(folder / _INDEX, json.dumps(index))
