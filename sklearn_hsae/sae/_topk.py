"""The k largest of each row, exactly, without sorting whole rows.

In two stages (Gaihre et al. 2021, "Dr. Top-k"): the k largest entries of a row lie in
the k groups of columns with the largest maxima, so few entries need a closer look.
"""

import numpy as np
import torch

_FEW_SCORES = 2**16  # so few that a second stage costs more than it saves


def top_k(scores, k):
    """Positions of the k largest scores of each row, ascending.

    Among equal scores any may be chosen. A NaN counts as larger than any number.

    Parameters
    ----------
    scores : tensor of shape (n_rows, n_columns)
    k : int

    Returns
    -------
    int64 tensor of shape (n_rows * k,)
        ``row * n_columns + column`` of each.
    """
    if scores.device.type == "cpu":
        if scores.dtype == torch.bfloat16:  # which NumPy does not know
            scores = scores.float()
        return torch.from_numpy(_top_k_by_bound(scores, k))
    columns = _top_k_by_groups(scores, k).sort(dim=1).values
    first = torch.arange(len(scores), device=scores.device) * scores.shape[1]
    return (columns + first[:, None]).flatten()


def _top_k_by_bound(scores, k):
    """For processors: NumPy's partition, and comparisons with one bound a row.

    The k-th largest maximum of the groups bounds the k-th largest score from below,
    and is nearly always equal to it.
    """
    n_rows, n_columns = scores.shape
    size = _group_size(n_columns, k) if scores.numel() > _FEW_SCORES else 1
    n_groups = n_columns // size
    best = _grouped(scores, size).amax(dim=1).numpy()
    if np.isnan(best).any():
        columns = scores.topk(k, dim=1).indices.sort(dim=1).values.numpy()
        return (columns + n_columns * np.arange(n_rows)[:, None]).ravel()
    bounds = np.partition(best, n_groups - k, axis=1)[:, n_groups - k, None]
    scores = scores.numpy()
    positions = np.flatnonzero(scores >= bounds)
    if len(positions) == n_rows * k:
        return positions
    ends = np.searchsorted(positions, n_columns * np.arange(n_rows + 1))
    starts, counts = ends[:-1], np.diff(ends)
    crowded = np.flatnonzero(counts > k)
    offsets = np.arange(counts.max())
    entries = starts[crowded, None] + offsets
    is_candidate = offsets < counts[crowded, None]
    found = scores.ravel()[positions.take(entries, mode="clip")]
    found[~is_candidate] = -np.inf
    order = np.argpartition(found, len(offsets) - k, axis=1)[:, : len(offsets) - k]
    too_many = np.take_along_axis(entries, order, axis=1)
    are_candidates = np.take_along_axis(is_candidate, order, axis=1)
    return np.delete(positions, too_many[are_candidates])


def _top_k_by_groups(scores, k):
    """For GPUs: torch's top-k of the groups, then of their members."""
    n_columns = scores.shape[1]
    size = _group_size(n_columns, k)
    if size == 1:
        return scores.topk(k, dim=1, sorted=False).indices
    n_groups = n_columns // size
    best = _grouped(scores, size).amax(dim=1).topk(k, dim=1, sorted=False).indices
    first = torch.arange(size, device=scores.device)[:, None] * n_groups
    candidates = (best[:, None, :] + first).flatten(1)
    if size * n_groups < n_columns:  # columns that fill no group stay candidates
        rest = torch.arange(size * n_groups, n_columns, device=scores.device)
        candidates = torch.cat([candidates, rest.expand(len(scores), -1)], dim=1)
    chosen = scores.gather(1, candidates).topk(k, dim=1, sorted=False).indices
    return candidates.gather(1, chosen)


def _grouped(scores, size):
    """Scores as (n_rows, size, n_groups), without the columns that fill no group.

    Group j holds the columns j, j + n_groups, ...: maxima over a strided view are
    vectorised, maxima over a few neighbours are not.
    """
    n_groups = scores.shape[1] // size
    return scores[:, : size * n_groups].unflatten(1, (size, n_groups))


def _group_size(n_columns, k):
    """The power of two below sqrt(n_columns / k), which balances the two stages."""
    size = 1
    while (2 * size) ** 2 * k <= n_columns:
        size *= 2
    return size if size >= 4 else 1
