"""The k largest of each row, exactly, without sorting whole rows."""

import torch


def top_k(scores, k):
    """Positions of the k largest scores of each row, in no particular order.

    Two stages (Gaihre et al. 2021, "Dr. Top-k"): the k largest entries of a row lie
    in the k groups with the largest maxima, so only the members of those groups are
    compared one by one. Exact; among equal scores any may be chosen.

    Parameters
    ----------
    scores : tensor of shape (n_rows, n_columns)
    k : int

    Returns
    -------
    tensor of shape (n_rows, k) of int64
    """
    n_columns = scores.shape[1]
    size = _group_size(n_columns, k)
    if size == 1:
        return scores.topk(k, dim=1, sorted=False).indices
    # Group j holds the columns j, j + n_groups, ...: maxima over a strided view are
    # vectorised, maxima over a few neighbours are not.
    n_groups = n_columns // size
    grouped = scores[:, : size * n_groups].unflatten(1, (size, n_groups))
    best = grouped.amax(dim=1).topk(k, dim=1, sorted=False).indices
    first = torch.arange(size, device=scores.device)[:, None] * n_groups
    candidates = (best[:, None, :] + first).flatten(1)
    if size * n_groups < n_columns:  # columns that fill no group stay candidates
        rest = torch.arange(size * n_groups, n_columns, device=scores.device)
        candidates = torch.cat([candidates, rest.expand(len(scores), -1)], dim=1)
    chosen = scores.gather(1, candidates).topk(k, dim=1, sorted=False).indices
    return candidates.gather(1, chosen)


def _group_size(n_columns, k):
    """The power of two below sqrt(n_columns / k), which balances the two stages."""
    size = 1
    while (2 * size) ** 2 * k <= n_columns:
        size *= 2
    return size if size >= 4 else 1
