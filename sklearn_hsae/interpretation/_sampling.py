"""Choose the rows that are shown to a language model, and the rows that are judged."""

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

_OVERLAP_FLOOR = 1e-12


def split_rows(n_rows, rng):
    """Divide rows at random: for naming, for the choice of a label, for its fidelity.

    Returns
    -------
    naming, choosing, hidden : int ndarray
        Half, a quarter and a quarter of the rows. `naming` is never empty.
    """
    order = rng.permutation(n_rows)
    n_each = n_rows // 4
    return order[2 * n_each :], order[:n_each], order[n_each : 2 * n_each]


def first_rows(rows, n, chosen=()):
    """The first `n` rows. In the place of `DistinctTexts.first`: repetitions stay."""
    return rows[:n]


def firing_rows(activation, rows, n, sampling, rng, first=first_rows):
    """Rows on which a neuron fires, the strongest first.

    Parameters
    ----------
    activation : ndarray of shape (n_rows,)
    rows : int ndarray
        The rows to choose from.
    n : int
    sampling : "top", "quantiles" or (low, high)
        "top" draws from the strongest 10 % of the rows that fire, but from at least
        2 `n` rows, and continues with weaker rows when `first` skips some. "quantiles"
        divides the rows that fire into `n` parts of equal size, from the weakest to
        the strongest, and draws one row from each. A pair draws from the rows between
        two percentiles of the activations above 0.
    rng : numpy Generator
    first : callable
        Takes rows in order and the number of rows; returns the first that it accepts.
    """
    fires = rows[activation[rows] > 0]
    strongest = fires[np.argsort(-activation[fires], kind="stable")]
    if sampling == "quantiles":
        chosen = np.array([], dtype=int)
        for part in np.array_split(strongest, min(n, len(strongest)) or 1):
            row = first(rng.permutation(part), 1, chosen)
            chosen = np.concatenate([chosen, row])
        return chosen
    if sampling == "top":
        n_pool = max(2 * n, len(strongest) // 10)
        order = np.concatenate(
            [rng.permutation(strongest[:n_pool]), strongest[n_pool:]]
        )
    elif len(strongest):
        low, high = np.percentile(activation[strongest], sampling)
        values = activation[strongest]
        order = rng.permutation(strongest[(values >= low) & (values <= high)])
    else:
        order = strongest
    chosen = first(order, n)
    return chosen[np.argsort(-activation[chosen], kind="stable")]


def random_silent_rows(column, firing, activations, rows, n, rng):
    """Random rows on which the neuron is silent."""
    return rng.permutation(rows[activations[rows, column] <= 0])[:n]


def cooccurring_silent_rows(column, firing, activations, rows, n, rng):
    """Silent rows on which neurons fire that often fire together with this one.

    Each row gets the sum of the overlaps of its firing neurons with this neuron. An
    overlap is the cosine of the two sets of rows on which the neurons fire.
    """
    fires = activations[rows] > 0
    size = fires.sum(axis=0)
    together = fires.T @ fires[:, column].astype(float)
    overlap = together / np.sqrt(np.maximum(size * size[column], _OVERLAP_FLOOR))
    silent = rng.permutation(np.flatnonzero(~fires[:, column]))
    weight = fires[silent].astype(float) @ overlap
    return rows[silent[np.argsort(-weight, kind="stable")[:n]]]


def similar_silent_rows(vectors):
    """Return a function that chooses the silent rows nearest to the firing rows.

    `vectors` are the embeddings of all rows, of length 1.
    """

    def choose(column, firing, activations, rows, n, rng):
        silent = rows[activations[rows, column] <= 0]
        if len(firing) == 0 or len(silent) == 0:
            return silent[:n]
        return silent[_nearest(vectors[silent], vectors[firing], n)]

    return choose


def _nearest(vectors, queries, n):
    """Positions of the `n` vectors that are nearest to any of the queries.

    faiss is only faster; both ways are exact.
    """
    n = min(n, len(vectors))
    try:
        import faiss
    except ImportError:
        search = NearestNeighbors(n_neighbors=n, algorithm="brute").fit(vectors)
        distances, neighbours = search.kneighbors(queries)
    else:
        distances, neighbours = faiss.knn(queries, vectors, n)
    order = np.argsort(distances, axis=None, kind="stable")
    return pd.unique(neighbours.ravel()[order])[:n]


def scoring_rows(activations, rows, n_rows, rng):
    """Rows on which all labels are judged: half random, half rows that fire.

    Parameters
    ----------
    activations : ndarray of shape (n_all_rows, n_neurons)
    rows : int ndarray
        The rows to choose from. No prompt has shown any of them.
    n_rows : int
    rng : numpy Generator

    Returns
    -------
    int ndarray, sorted
    """
    if n_rows >= len(rows):
        return np.sort(rows)
    chosen = set(rng.permutation(rows)[: n_rows // 2].tolist())
    queues = [
        rng.permutation(rows[column[rows] > 0]).tolist() for column in activations.T
    ]
    while len(chosen) < n_rows and any(queues):
        for queue in queues:  # in turn, so that rare neurons get as many rows
            if queue and len(chosen) < n_rows:
                chosen.add(queue.pop())
    return np.array(sorted(chosen), dtype=int)
