"""Read files in pieces."""

from collections.abc import Iterable
from numbers import Integral
from pathlib import Path

from sklearn.utils import check_scalar

from sklearn_hsae.datasets import iter_file


def read_pieces(source, columns, *, n_rows=10_000, encoding=None):
    """Read tables in pieces, so that they may be larger than the memory.

    Parameters
    ----------
    source : path, list of paths, pyarrow Dataset, or iterable of DataFrames
        Files as for :func:`load_texts`: csv, JSON with one object per line, and
        parquet; Excel workbooks are one piece. A folder is all its files, in the order
        of their names.
    columns : list of str
        Columns to keep. Each file must have them.
    n_rows : int, default=10_000
        Largest number of rows per piece of a file. The texts of a piece and what is
        computed from them are in memory at the same time: 10,000 rows of 384 numbers
        take 15 MB.
    encoding : str or None, default=None
        As in :func:`load_texts`.

    Returns
    -------
    iterator of DataFrame of shape (n_rows_of_piece, n_columns)
        Values are as they are written in the file: those of csv are str.

    Raises
    ------
    ValueError
        When a file cannot be read, or lacks a column.
    FileNotFoundError
        When there is no such file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_hsae.out_of_core import read_pieces
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "reviews.csv"
    ...     _ = path.write_text("review,stars\\nslow food,2\\ngood food,4\\nfine,3\\n")
    ...     [len(piece) for piece in read_pieces(path, ["review"], n_rows=2)]
    [2, 1]
    """
    check_scalar(n_rows, "n_rows", Integral, min_val=1)
    if isinstance(columns, str) or not len(columns):
        raise ValueError(
            f"columns must be a list of names, got {columns!r}. For the texts alone: "
            "columns=['text']."
        )
    return _pieces(source, columns, n_rows, encoding)


def _pieces(source, columns, n_rows, encoding):
    for name, frame in _frames(source, columns, n_rows, encoding):
        missing = [column for column in columns if column not in frame]
        if missing and len(frame.columns):
            raise ValueError(
                f"{name} has no column {missing[0]!r}. Its columns are: "
                f"{', '.join(map(repr, frame.columns))}."
            )
        if len(frame):
            yield frame[list(columns)]


def _frames(source, columns, n_rows, encoding):
    """Pairs of a name for messages and a frame."""
    if hasattr(source, "to_batches"):  # a Dataset or Table of pyarrow
        for batch in source.to_batches():
            yield "The dataset", batch.to_pandas()
        return
    if isinstance(source, str | Path):
        path = Path(source)
        source = sorted(path.iterdir()) if path.is_dir() else [path]
        if not source:
            raise ValueError(f"The folder {path} is empty.")
    if not isinstance(source, Iterable):
        raise TypeError(
            "source must be a path, a list of paths, a dataset or frames, got "
            f"{source!r}."
        )
    for part in source:
        if isinstance(part, str | Path):
            for table in iter_file(part, tuple(columns), encoding, n_rows=n_rows):
                yield part, table.frame
        else:
            yield "A piece", part
