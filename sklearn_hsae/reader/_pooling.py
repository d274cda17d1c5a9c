"""Pool the tokens of a text into one row."""

import numpy as np
from scipy import sparse

AGGREGATES = ("max", "mean", "sum", "count", "binary", "last")


def pool_activations(activations, lengths, aggregate):
    """Pool activations of tokens, without making them dense.

    Parameters
    ----------
    activations : csr matrix of shape (n_tokens, n_neurons)
        From `above`; text after text.
    lengths : ndarray of shape (n_texts,) of int
        Number of tokens of each text.
    aggregate : str
        One of `AGGREGATES`.

    Returns
    -------
    csr matrix of shape (n_texts, n_neurons) of float32
    """
    n_texts, n_neurons = len(lengths), activations.shape[1]
    ends = np.cumsum(lengths)
    if aggregate == "last":
        has_token = lengths > 0
        pick = sparse.csr_matrix(
            (
                np.ones(has_token.sum(), dtype=np.float32),
                (np.flatnonzero(has_token), ends[has_token] - 1),
            ),
            shape=(n_texts, activations.shape[0]),
        )
        return sparse.csr_matrix(pick @ activations)
    owner = np.repeat(np.arange(n_texts), lengths)
    owner = np.repeat(owner, np.diff(activations.indptr))  # of each entry
    order = np.lexsort((activations.indices, owner))
    owner, neuron = owner[order], activations.indices[order]
    values = activations.data[order]
    is_first = np.ones(len(owner), dtype=bool)
    is_first[1:] = (np.diff(owner) != 0) | (np.diff(neuron) != 0)
    starts = np.flatnonzero(is_first)
    pooled = _reduce(values, starts, aggregate)
    if aggregate == "mean":
        pooled = pooled / lengths[owner[starts]]
    per_text = np.bincount(owner[starts], minlength=n_texts)
    indptr = np.concatenate([[0], np.cumsum(per_text)])
    return sparse.csr_matrix(
        (pooled.astype(np.float32), neuron[starts].astype(np.int32), indptr),
        shape=(n_texts, n_neurons),
    )


def pool_states(states, lengths, aggregate):
    """Pool hidden states.

    Parameters
    ----------
    states : ndarray of shape (n_tokens, n_features)
        Text after text.
    lengths : ndarray of shape (n_texts,) of int
    aggregate : {"max", "mean", "sum", "last"}

    Returns
    -------
    ndarray of shape (n_texts, n_features) of float32
        Zeros for a text without a token.
    """
    pooled = np.zeros((len(lengths), states.shape[1]), dtype=np.float32)
    has_token = lengths > 0
    ends = np.cumsum(lengths)[has_token]
    starts = ends - lengths[has_token]
    if len(starts) == 0:
        return pooled
    if aggregate == "last":
        pooled[has_token] = states[ends - 1]
    elif aggregate == "max":
        pooled[has_token] = np.maximum.reduceat(states, starts)
    else:
        total = np.add.reduceat(states, starts, dtype=np.float64)
        if aggregate == "mean":
            total /= lengths[has_token][:, np.newaxis]
        pooled[has_token] = total
    return pooled


def above(activations, threshold):
    """The activations above a threshold, as a csr matrix that stores no others."""
    kept = sparse.csr_matrix(activations)
    if (kept.data <= threshold).any():
        kept = kept.copy()
        kept.data[kept.data <= threshold] = 0
        kept.eliminate_zeros()
    return kept


def _reduce(values, starts, aggregate):
    if len(starts) == 0:
        return np.empty(0)
    if aggregate == "max":
        return np.maximum.reduceat(values, starts)
    if aggregate == "binary":
        return np.ones(len(starts))
    if aggregate == "count":
        return np.diff(np.append(starts, len(values)))
    return np.add.reduceat(values, starts, dtype=np.float64)
