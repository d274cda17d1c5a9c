"""Controls: columns whose part of the target and of the neurons does not count.

By the theorem of Frisch, Waugh and Lovell, a coefficient beside controls is that of the
residuals: what the controls leave of a neuron against what they leave of the target.
"""

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

# Singular values below this share of the largest one are rounding error: the controls
# repeat each other.
_DEPENDENT = 1e-8


def read_controls(names, X, *, are_pairs=False):
    """The controls in the row index of a frame, as numbers.

    Parameters
    ----------
    names : sequence of str
        Levels of the row index. Numbers stay as they are; other values give one column
        per value but the first.
    X : DataFrame of n_samples rows
    are_pairs : bool, default=False
        Refuse other values than numbers: a swapped pair has them with the other sign.

    Returns
    -------
    controls : ndarray of shape (n_samples, n_columns)
    is_known : bool ndarray of shape (n_samples,)
        False for rows where a control is missing.
    """
    levels = list(X.index.names) if isinstance(X, pd.DataFrame) else []
    missing = [name for name in names if name not in levels]
    if missing:
        found = f"has the levels {levels}" if levels else "is no frame with a row index"
        raise ValueError(
            f"The control {missing[0]!r} is no level of the row index of X, which "
            f"{found}. Controls travel in the row index: fit the pipeline on "
            f"frame.set_index({list(names)!r})['text']."
        )
    frame = pd.DataFrame({name: X.index.get_level_values(name) for name in names})
    for name in names if are_pairs else ():
        if not is_numeric_dtype(frame[name].dtype):
            raise ValueError(
                f"The control {name!r} holds categories, such as {frame[name][0]!r}. "
                "The controls of pairs are numbers that change their sign when the "
                "texts are swapped, such as a difference in length."
            )
    columns = pd.get_dummies(frame, drop_first=True).to_numpy(dtype=np.float64)
    return columns, frame.notna().all(axis=1).to_numpy()


def control_basis(controls, weights):
    """Columns that span the centred controls: orthogonal, with mean square 1.

    Parameters
    ----------
    controls : ndarray of shape (n_samples, n_columns) or None
    weights : ndarray of shape (n_samples,)
        Above 0, with mean 1.

    Returns
    -------
    ndarray of shape (n_samples, n_independent)
        Without columns when there are no controls.
    """
    n_rows = len(weights)
    if controls is None:
        return np.empty((n_rows, 0))
    centred = controls - np.average(controls, axis=0, weights=weights)
    largest = np.abs(centred).max(axis=0)
    centred = centred[:, largest > 0] / largest[largest > 0]
    root = np.sqrt(weights)[:, np.newaxis]
    left, sizes, _ = np.linalg.svd(centred * root, full_matrices=False)
    is_used = sizes > _DEPENDENT * sizes.max(initial=0.0)
    return left[:, is_used] / root * np.sqrt(n_rows)


def residuals(values, basis, weights):
    """What the controls leave of `values`, of shape (n_samples,) or (.., n_columns)."""
    return values - basis @ (basis.T @ (weights * values.T).T) / len(weights)
