"""The k largest entries of each row, exactly, without sorting whole rows.

There are two stages (Gaihre et al. 2021, "Dr. Top-k"). The columns form groups. The k
largest entries of a row are in the k groups with the largest maxima, so only these
groups are searched.
"""

import numpy as np
import torch

from sklearn_hsae.sae._kernels._compilation import compiled, has_compiled_loops
from sklearn_hsae.sae._kernels._threads import in_parts


def top_k(scores, k):
    """Columns of the k largest scores of each row, ascending.

    Of several equal scores, any may be chosen. NaN counts as the largest number.

    Parameters
    ----------
    scores : tensor of shape (..., n_columns)
    k : int

    Returns
    -------
    int64 tensor of shape (..., k)
    """
    if not has_compiled_loops(scores.device):
        columns = _top_k_by_groups(scores.flatten(0, -2), k).sort(dim=1).values
        return columns.view(*scores.shape[:-1], k)
    columns = torch.empty(*scores.shape[:-1], k, dtype=torch.int64)
    rows = scores.flatten(0, -2)
    in_parts(top_k_into, len(rows), columns.view(-1, k), rows)
    return columns


def top_k_into(columns, scores, start, stop):
    """Write the result of :func:`top_k` for the rows from `start` to `stop` (CPU).

    Parameters
    ----------
    columns : int64 tensor of shape (n_rows, k)
    scores : tensor of shape (n_rows, n_columns)
    """
    columns, scores = columns[start:stop], scores[start:stop]
    if scores.dtype == torch.bfloat16:  # NumPy has no bfloat16
        scores = scores.float()
    if not _top_k_of_rows(scores.numpy(), columns.numpy()):
        largest = scores.topk(columns.shape[1], dim=1).indices
        columns.copy_(largest.sort(dim=1).values)


@compiled
def _top_k_of_rows(scores, columns):
    """Fill `columns`, with a lower bound of the k-th largest score from group maxima.

    Returns False when a score is not finite; then `columns` is incomplete.
    """
    n_columns, k = scores.shape[1], columns.shape[1]
    n_groups = n_columns // max(1, min(8, n_columns // (4 * k)))
    number = scores.dtype.type
    maxima = np.empty(n_groups, scores.dtype)
    candidates = np.empty(n_columns, np.int64)
    values = np.empty(n_columns, scores.dtype)
    for row in range(len(scores)):
        # Group j has the columns j, j + n_groups, ...: vector instructions then compare
        # n_groups neighbouring columns at once.
        line, check = scores[row], number(0)
        for j in range(n_groups):
            maxima[j] = line[j]
        for first in range(0, n_columns, n_groups):
            for j in range(min(n_groups, n_columns - first)):
                score = line[first + j]
                maxima[j] = score if score > maxima[j] else maxima[j]
                check += score * number(0)
        if check != 0:
            return False
        bound = _large_bound(maxima, n_groups, k, k + k // 4)
        n_candidates = 0
        for column in range(n_columns):
            if line[column] >= bound:
                candidates[n_candidates] = column
                values[n_candidates] = line[column]
                n_candidates += 1
        bound = _large_bound(values, n_candidates, k, k)
        n_equal = k
        for i in range(n_candidates):
            n_equal -= values[i] > bound
        place = 0
        for i in range(n_candidates):
            is_equal = values[i] == bound and n_equal > 0
            if (values[i] > bound or is_equal) and place < k:
                columns[row, place] = candidates[i]
                place += 1
                n_equal -= is_equal
    return True


@compiled
def _large_bound(values, n_values, k, n_enough):
    """A bound that at least `k` values reach, and if possible at most `n_enough`.

    Found by bisection, because counting is faster than sorting. With ``n_enough=k`` the
    bound is the k-th largest value, also when several values are equal to it.
    """
    half = values.dtype.type(0.5)
    low = high = values[0]
    for i in range(n_values):
        low = values[i] if values[i] < low else low
        high = values[i] if values[i] > high else high
    while True:
        middle = half * low + half * high
        if not low < middle < high:
            return low
        n_reach = np.int32(0)
        for i in range(n_values):
            n_reach += np.int32(values[i] >= middle)
        if n_reach < k:
            high = middle
        else:
            low = middle
            if n_reach <= n_enough:
                return low


def _top_k_by_groups(scores, k):
    """By torch: its top-k of the maxima of groups, then of the groups' members."""
    n_columns = scores.shape[1]
    size = _group_size(n_columns, k)
    if size == 1:
        return scores.topk(k, dim=1, sorted=False).indices
    n_groups = n_columns // size
    grouped = scores[:, : size * n_groups].unflatten(1, (size, n_groups))
    best = grouped.amax(dim=1).topk(k, dim=1, sorted=False).indices
    first = torch.arange(size, device=scores.device)[:, None] * n_groups
    candidates = (best[:, None, :] + first).flatten(1)
    if size * n_groups < n_columns:  # the columns left over stay candidates
        rest = torch.arange(size * n_groups, n_columns, device=scores.device)
        candidates = torch.cat([candidates, rest.expand(len(scores), -1)], dim=1)
    chosen = scores.gather(1, candidates).topk(k, dim=1, sorted=False).indices
    return candidates.gather(1, chosen)


def _group_size(n_columns, k):
    """Columns per group: the power of two below sqrt(n_columns / k).

    This balances the two stages. 1 means that one stage is faster.
    """
    size = 1
    while (2 * size) ** 2 * k <= n_columns:
        size *= 2
    return size if size >= 4 else 1
