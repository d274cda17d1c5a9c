"""Which columns of answers can have a coefficient of their own."""

from typing import NamedTuple

import numpy as np
from scipy import linalg

_TOLERANCE = 1e-8


class Design(NamedTuple):
    """The columns of a regression.

    columns : int ndarray, those that enter it
    notes : list of str, why each of the others does not, "" for those that do
    """

    columns: np.ndarray
    notes: list


def independent_columns(X, names):
    """Keep the columns that are neither constant nor made up of earlier ones.

    The intercept counts as the earliest. A column that repeats an earlier one, or
    its opposite, names it in its note.
    """
    notes = [""] * X.shape[1]
    spread = X.std(axis=0)
    size = np.abs(X).max(axis=0, initial=0.0)
    varies = spread > _TOLERANCE * np.maximum(size, 1e-300)
    for j in np.flatnonzero(~varies):
        notes[j] = f"constant ({X[0, j]:g} in every row)"
    columns = np.flatnonzero(varies)
    standardized = (X[:, columns] - X[:, columns].mean(axis=0)) / spread[columns]
    kept = []
    for position in _pivots(standardized):
        kept.append(position)
    dropped = sorted(set(range(len(columns))) - set(kept))
    kept = np.array(sorted(kept), dtype=int)
    for position in dropped:
        notes[columns[position]] = _why(
            standardized[:, position], standardized[:, kept], names[columns[kept]]
        )
    return Design(columns[kept], notes)


def _pivots(standardized):
    """Positions of the columns that are no combination of the ones before them."""
    n_rows, n_columns = standardized.shape
    if n_columns == 0:
        return []
    triangle = linalg.qr(standardized, mode="r", check_finite=False)[0]
    kept = []
    basis = np.empty((min(n_rows, n_columns), 0))
    for position in range(n_columns):
        column = triangle[: len(basis), position]
        residual = column - basis @ (basis.T @ column)
        residual = residual - basis @ (basis.T @ residual)
        length = np.linalg.norm(residual)
        # One degree of freedom belongs to the intercept.
        if length > 1e-6 * np.sqrt(n_rows) and len(kept) < n_rows - 1:
            kept.append(position)
            basis = np.column_stack([basis, residual / length])
    return kept


def _why(column, kept, names):
    correlation = kept.T @ column / len(column)
    twin = int(np.argmax(np.abs(correlation)))
    if abs(correlation[twin]) > 1 - 1e-9:
        relation = "same as" if correlation[twin] > 0 else "opposite of"
        return f"{relation} {names[twin]!r}"
    return "a combination of other hypotheses"
