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
    """The part of X that a regression can use.

    Attributes
    ----------
    rows : bool ndarray of shape (n_rows,)
    columns : int ndarray of shape (n_kept,)
    notes : list of str, one per column of X
        Why the column is left out; "" where it is kept.
    weights : ndarray of shape (rows.sum(),)
    standardized : ndarray of shape (rows.sum(), n_kept)
        Weighted means 0 and weighted variances 1; without an intercept, weighted mean
        squares 1.
    triangle : ndarray of shape (n_kept, n_kept)
        Lower Cholesky factor of the correlations of `standardized`.
    location, scale : ndarray of shape (n_kept,)
        What was subtracted from each column, and what it was divided by.
    has_intercept : bool
    """

    rows: np.ndarray
    columns: np.ndarray
    notes: list
    weights: np.ndarray
    standardized: np.ndarray
    triangle: np.ndarray
    location: np.ndarray
    scale: np.ndarray
    has_intercept: bool

    def intercept(self):
        """The column of the intercept: roots of the weights, of length 1; else 0."""
        return self._roots() * self.has_intercept

    def _roots(self):
        return np.sqrt(self.weights / self.weights.sum())

    def orthonormal(self):
        """An orthonormal basis of the other columns times the roots of the weights.

        The column of the intercept is orthogonal to it.
        """
        columns = self.standardized.T * self._roots()
        return linalg.solve_triangular(
            self.triangle, columns, lower=True, check_finite=False, overwrite_b=True
        ).T


def usable_part(X, names, weights=None, *, has_intercept=True):
    """Leave out what cannot be estimated, and say why.

    First the columns that are constant or a combination of earlier ones (an intercept
    counts as the earliest; without it, only 0 is constant), then those that differ in a
    single row. Such a row has leverage 1: it is fitted exactly whatever its outcome, so
    it says nothing about noise. Leaving out both the row and the column changes no
    other coefficient.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
    names : ndarray of str of shape (n_columns,)
    weights : ndarray of shape (n_rows,), default=None
        Greater than 0. None means 1 for each row.
    has_intercept : bool, default=True

    Returns
    -------
    Design
    """
    weights = np.ones(len(X)) if weights is None else weights
    design = _independent(X, names, weights, has_intercept)
    while (lone := _leverage(design) > 1 - _LONE).any():
        rows = design.rows.copy()
        rows[np.flatnonzero(rows)[lone]] = False
        fewer = _independent(
            X[np.ix_(rows, design.columns)],
            names[design.columns],
            weights[rows],
            has_intercept,
        )
        columns, notes = design.columns[fewer.columns], list(design.notes)
        for j in np.setdiff1d(design.columns, columns):
            notes[j] = "decided by a single row"
        design = fewer._replace(rows=rows, columns=columns, notes=notes)
    return design


def _leverage(design):
    basis = design.orthonormal()
    return np.einsum("ij,ij->i", basis, basis) + np.square(design.intercept())


def _independent(X, names, weights, has_intercept):
    n_rows, shares = len(X), weights / weights.sum()
    size = np.abs(X).max(axis=0)
    standardized = X / np.where(size > 0, size, 1.0)  # squares do not overflow
    location = shares @ standardized * has_intercept
    standardized -= location
    spread = np.sqrt(np.einsum("i,ij,ij->j", shares, standardized, standardized))
    varies = np.flatnonzero(spread > _CONSTANT)
    standardized = standardized[:, varies] / spread[varies]
    weighted = standardized * np.sqrt(shares)[:, None]
    correlations = weighted.T @ weighted
    max_rank = n_rows - 1 - has_intercept
    kept, triangle = _leading_cholesky(correlations, max_rank=max_rank)
    notes = [f"constant ({value:g} in every row)" for value in X[0]]
    for position, j in enumerate(varies):
        notes[j] = ""
        if position not in kept:
            is_full = len(kept) == max_rank
            notes[j] = _why(correlations[kept, position], names[varies[kept]], is_full)
    columns = varies[kept]
    return Design(
        rows=np.ones(n_rows, dtype=bool),
        columns=columns,
        notes=notes,
        weights=weights,
        standardized=standardized
        if len(kept) == len(varies)
        else standardized[:, kept],
        triangle=triangle,
        location=location[columns] * size[columns],
        scale=spread[columns] * size[columns],
        has_intercept=has_intercept,
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
