"""Which hypotheses, and which rows, a regression can stand on."""

from typing import NamedTuple

import numpy as np
from scipy import linalg

from sklearn_hsae._row_chunks import row_chunks

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
    leverage : ndarray of shape (rows.sum(),)
        Of each row, with the intercept.
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
    leverage: np.ndarray | None = None

    def intercept(self):
        """The column of the intercept: roots of the weights, of length 1; else 0."""
        return self._roots() * self.has_intercept

    def _roots(self):
        return np.sqrt(self.weights / self.weights.sum())

    def orthonormal(self):
        """An orthonormal basis of the other columns times the roots of the weights.

        The column of the intercept is orthogonal to it. It takes the memory of
        `standardized`, which must not be used any more.

        Returns
        -------
        ndarray of shape (rows.sum(), n_kept)
        """
        roots, basis = self._roots(), self.standardized
        for rows in row_chunks(*basis.shape):
            basis[rows] = self._orthonormal(rows, roots)
        return basis

    def leverages(self):
        """The leverage of each row."""
        roots = self._roots()
        leverage = np.square(self.intercept())
        for rows in row_chunks(*self.standardized.shape):
            basis = self._orthonormal(rows, roots)
            leverage[rows] += np.einsum("ij,ij->i", basis, basis)
        return leverage

    def _orthonormal(self, rows, roots):
        columns = self.standardized[rows].T * roots[rows]
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
    while (lone := (leverage := design.leverages()) > 1 - _LONE).any():
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
    return design._replace(leverage=leverage)


def _independent(X, names, weights, has_intercept):
    n_rows, shares = len(X), weights / weights.sum()
    size = np.maximum(X.max(axis=0), -X.min(axis=0))
    standardized = X / np.where(size > 0, size, 1.0)  # squares do not overflow
    location = shares @ standardized * has_intercept
    standardized -= location
    chunks = row_chunks(*X.shape)
    spread = sum(shares[rows] @ np.square(standardized[rows]) for rows in chunks)
    spread = np.sqrt(spread)
    varies = np.flatnonzero(spread > _CONSTANT)
    if len(varies) < len(spread):
        standardized = standardized[:, varies]
    standardized /= spread[varies]
    correlations = _gram(standardized, shares, chunks)
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


def _gram(columns, shares, chunks):
    """Weighted sums of the products of columns."""
    sums = np.zeros((columns.shape[1], columns.shape[1]))
    for rows in chunks:
        weighted = columns[rows] * np.sqrt(shares[rows])[:, None]
        sums += weighted.T @ weighted
    return sums


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
