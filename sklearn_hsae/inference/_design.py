"""Which hypotheses, and which rows, a regression can stand on."""

from typing import NamedTuple

import numpy as np
from scipy import linalg

# A column whose squared correlation with the ones before it is nearer to 1 than this
# has no coefficient that rounding would leave a digit of.
_COLLINEAR = 1e-10
_CONSTANT = 1e-8
_LONE = 1e-8


class Design(NamedTuple):
    """The part of X that a regression with an intercept can use.

    rows : bool ndarray of shape (n_rows,)
    columns : int ndarray of shape (n_kept,)
    notes : list of str, one a column of X: why it is left out, "" where it is not
    standardized : ndarray of shape (rows.sum(), n_kept), means 0 and variances 1
    triangle : ndarray, lower Cholesky factor of the correlations of `standardized`
    location, scale : ndarray of shape (n_kept,), what was subtracted and divided by
    """

    rows: np.ndarray
    columns: np.ndarray
    notes: list
    standardized: np.ndarray
    triangle: np.ndarray
    location: np.ndarray
    scale: np.ndarray

    def orthonormal(self):
        """An orthonormal basis of the columns; the intercept is orthogonal to it."""
        columns = self.standardized.T / np.sqrt(len(self.standardized))
        return linalg.solve_triangular(
            self.triangle, columns, lower=True, check_finite=False
        ).T


def usable_part(X, names):
    """Leave out what cannot be estimated, and say why.

    These are the columns that are constant or made up of earlier ones (the intercept
    counts as the earliest), and then those that differ in a single row: the row has
    leverage 1, is fitted exactly whatever its outcome, and tells nothing about noise.
    Leaving out both the row and the column changes no other coefficient.
    """
    design = _independent(X, names)
    while (lone := _leverage(design) > 1 - _LONE).any():
        rows = design.rows.copy()
        rows[np.flatnonzero(rows)[lone]] = False
        fewer = _independent(X[np.ix_(rows, design.columns)], names[design.columns])
        columns, notes = design.columns[fewer.columns], list(design.notes)
        for j in np.setdiff1d(design.columns, columns):
            notes[j] = "decided by a single row"
        design = fewer._replace(rows=rows, columns=columns, notes=notes)
    return design


def _leverage(design):
    basis = design.orthonormal()
    return np.einsum("ij,ij->i", basis, basis) + 1 / len(basis)


def _independent(X, names):
    n_rows = len(X)
    size = np.abs(X).max(axis=0)
    standardized = X / np.where(size > 0, size, 1.0)  # squares do not overflow
    location = standardized.mean(axis=0)
    standardized -= location
    spread = np.sqrt(np.einsum("ij,ij->j", standardized, standardized) / n_rows)
    varies = np.flatnonzero(spread > _CONSTANT)
    standardized = standardized[:, varies] / spread[varies]
    correlations = standardized.T @ standardized / n_rows
    kept, triangle = _leading_cholesky(correlations, max_rank=n_rows - 2)
    notes = [f"constant ({value:g} in every row)" for value in X[0]]
    for position, j in enumerate(varies):
        notes[j] = ""
        if position not in kept:
            is_full = len(kept) == n_rows - 2
            notes[j] = _why(correlations[kept, position], names[varies[kept]], is_full)
    columns = varies[kept]
    return Design(
        rows=np.ones(n_rows, dtype=bool),
        columns=columns,
        notes=notes,
        standardized=standardized
        if len(kept) == len(varies)
        else standardized[:, kept],
        triangle=triangle,
        location=location[columns] * size[columns],
        scale=spread[columns] * size[columns],
    )


def _leading_cholesky(correlations, *, max_rank):
    """Cholesky factor of the first columns that are independent, and which they are."""
    triangle = np.zeros_like(correlations)
    kept = []
    for j in range(len(correlations)):
        rank = len(kept)
        if rank >= max_rank:
            break
        row = linalg.solve_triangular(
            triangle[:rank, :rank], correlations[kept, j], lower=True
        )
        rest = correlations[j, j] - row @ row
        if rest > _COLLINEAR:
            triangle[rank, :rank], triangle[rank, rank] = row, np.sqrt(rest)
            kept.append(j)
    return kept, triangle[: len(kept), : len(kept)]


def _why(correlation, names, is_full):
    twin = int(np.argmax(np.abs(correlation))) if len(correlation) else 0
    if len(correlation) and abs(correlation[twin]) > 1 - _COLLINEAR:
        relation = "same as" if correlation[twin] > 0 else "opposite of"
        return f"{relation} {names[twin]!r}"
    if is_full:
        return "more hypotheses than rows"
    return "a combination of other hypotheses"
