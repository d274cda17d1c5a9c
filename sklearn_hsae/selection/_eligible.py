"""Which neurons can be selected: they vary, and fire on enough rows and groups."""

import numpy as np
from scipy import sparse
from sklearn.utils import check_consistent_length

from sklearn_hsae.selection._columns import (
    StandardizedColumns,
    active_entries,
    count_active,
)


def eligible_neurons(activations, support, groups, min_groups):
    """Return the positions of the neurons that can be selected.

    Parameters
    ----------
    activations : csc array of shape (n_samples, n_neurons)
    support : int
        A neuron must fire on this number of rows, and be silent on this number, except
        when all neurons fire on almost every row.
    groups : array-like of shape (n_samples,) or None
    min_groups : int
        A neuron must fire in this number of groups.

    Raises
    ------
    ValueError
        When there is no such neuron, or `groups` are missing or too few.
    """
    n_rows, n_active = activations.shape[0], count_active(activations)
    fires = StandardizedColumns(activations).varies & (n_active >= support)
    in_groups = ""
    if min_groups > 1:
        fires &= _count_groups(activations, groups, min_groups) >= min_groups
        in_groups = f", in {min_groups} groups"
    splits = fires & (n_rows - n_active >= support)
    eligible = np.flatnonzero(splits if splits.any() else fires)
    if len(eligible) == 0:
        raise ValueError(
            f"None of the {activations.shape[1]} columns varies and is above zero on "
            f"at least {support} of the {n_rows} rows{in_groups}. Lower min_support"
            f"{' or min_groups' if in_groups else ''}, or, where the columns are "
            "neurons, train an autoencoder with fewer of them."
        )
    return eligible


def _count_groups(activations, groups, min_groups):
    """The number of groups in which each neuron fires."""
    if groups is None:
        raise ValueError(
            f"min_groups={min_groups} needs the group of each row. Pass groups=... to "
            "fit; in a pipeline, pipe.fit(X, y, select__groups=groups)."
        )
    check_consistent_length(activations, groups)
    labels, numbers = np.unique(np.asarray(groups), return_inverse=True)
    if min_groups > len(labels):
        raise ValueError(
            f"min_groups={min_groups} is more than the {len(labels)} groups there are."
        )
    rows = np.arange(len(numbers))
    members = sparse.csr_array((np.ones(len(rows)), (numbers, rows)))
    return (members @ active_entries(activations) > 0).sum(axis=0)
