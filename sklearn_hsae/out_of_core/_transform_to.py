"""transform_to: transform pieces one by one, and keep the rows on disk."""

import hashlib

import numpy as np
import pandas as pd
import scipy.sparse as sp
from tqdm.auto import tqdm

from sklearn_hsae.out_of_core._shards import Shards

_ROWS_COMPARED = 3  # of each shard that is there already


def transform_to(transformer, pieces, folder, *, n_rows=None, verbose=0):
    """Transform pieces one by one, and write the rows into a folder.

    After an interruption or kill -9, the same call goes on: pieces whose rows are there
    are not transformed again.

    Parameters
    ----------
    transformer : estimator or Pipeline
        Fitted. It has `transform`; the end of a pipeline that predicts is cut off by
        ``pipeline[:-1]``.
    pieces : iterable of sequences of texts, frames of one column, or arrays
        As of :func:`read_pieces`, or :class:`Shards` of an earlier step.
    folder : path
        Is made if there is none.
    n_rows : int or None, default=None
        Number of rows in all pieces, for the time that remains on the progress bar.
    verbose : int, default=0
        If not 0, a progress bar is shown on stderr.

    Returns
    -------
    Shards

    Raises
    ------
    TypeError
        When `transformer` cannot transform.
    ValueError
        When a piece has other rows than at the last call, such as from a file that has
        changed since, or there are fewer pieces; or when `transformer` gives other
        values than those on disk.

    Notes
    -----
    One piece and its rows are in memory, besides the transformer. An
    :class:`EmbeddingTransformer` keeps its vectors in its cache as well; pass
    ``cache_dir=None`` to write them once.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_hsae import LSAEmbedder
    >>> from sklearn_hsae.out_of_core import transform_to
    >>> texts = ["slow service", "slow kitchen", "good service", "good kitchen"]
    >>> embed = LSAEmbedder(2, random_state=0).fit(texts)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     transform_to(embed, [texts[:3], texts[3:]], folder).shape
    (4, 2)
    """
    if not hasattr(transformer, "transform"):
        raise TypeError(
            f"{type(transformer).__name__} has no transform. Pass a transformer, or a "
            "pipeline without the step that predicts: pipeline[:-1]."
        )
    shards = Shards.create(folder)
    bar = tqdm(total=n_rows, desc="Transforming", unit="row", disable=not verbose)
    with bar:
        n_pieces = 0
        for position, piece in enumerate(pieces):
            n_pieces += 1
            source = _fingerprint(piece)
            if shards.is_complete(position):
                _check_source(source, shards, position)
                _check_values(transformer, piece, shards, position)
            else:
                rows, columns = _rows(transformer.transform(piece))
                shards.put(position, rows, columns, source)
            bar.update(len(piece) if not sp.issparse(piece) else piece.shape[0])
    if len(shards) > n_pieces:
        raise ValueError(
            f"{shards.folder} holds the rows of {len(shards)} pieces, and there are "
            f"{n_pieces} now: the source has changed. Name another folder, or delete "
            "this one."
        )
    return shards


def _check_source(source, shards, position):
    if shards.source(position) != source:
        raise ValueError(
            f"Piece {position} has other rows than those in {shards.folder}: the "
            "source has changed, or its pieces have another size. Name another folder, "
            "or delete this one."
        )


def _check_values(transformer, piece, shards, position):
    again, _ = _rows(transformer.transform(piece[:_ROWS_COMPARED]))
    written = shards[position][:_ROWS_COMPARED]
    if again.shape != written.shape or not _are_close(again, written):
        raise ValueError(
            f"The transformer gives other values than those in {shards.folder}: it was "
            "fitted again. Name another folder, or delete this one."
        )


def _are_close(a, b):
    a, b = (rows.toarray() if sp.issparse(rows) else rows for rows in (a, b))
    return np.allclose(a, b, rtol=1e-2, atol=1e-3, equal_nan=True)


def _fingerprint(piece):
    if sp.issparse(piece):
        parts = (piece.data, piece.indices, piece.indptr)
        content = b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
    elif isinstance(piece, np.ndarray) and piece.dtype != object:
        content = np.ascontiguousarray(piece).tobytes()
    else:
        cells = piece.to_numpy() if hasattr(piece, "to_numpy") else piece
        joined = "\0".join(map(str, np.ravel(np.array(cells, dtype=object))))
        content = joined.encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()


def _rows(output):
    """Rows as an ndarray or CSR array of float32, and the names of the columns."""
    if isinstance(output, pd.DataFrame):
        columns = [str(name) for name in output.columns]
        if all(isinstance(dtype, pd.SparseDtype) for dtype in output.dtypes):
            return sp.csr_array(output.sparse.to_coo(), dtype=np.float32), columns
        return output.to_numpy(dtype=np.float32, na_value=np.nan), columns
    columns = [str(j) for j in range(output.shape[1])]
    if sp.issparse(output):
        return sp.csr_array(output, dtype=np.float32), columns
    return np.asarray(output, dtype=np.float32), columns
