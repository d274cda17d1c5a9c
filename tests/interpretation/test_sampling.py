import sys

import numpy as np
import pytest

from sklearn_hsae.interpretation._sampling import (
    cooccurring_silent_rows,
    firing_rows,
    random_silent_rows,
    scoring_rows,
    similar_silent_rows,
    split_rows,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_rows_are_split_without_overlap(rng):
    for n_rows in (1, 2, 3, 4, 101):
        naming, choosing, hidden = split_rows(n_rows, rng)
        together = np.concatenate([naming, choosing, hidden])
        assert sorted(together) == list(range(n_rows))
        assert len(naming) >= n_rows / 2


def test_top_draws_from_the_strongest_tenth(rng):
    activation = np.where(np.arange(2000) < 1000, np.arange(2000.0), 0)
    draws = [firing_rows(activation, np.arange(2000), 10, "top", rng) for _ in "ab"]
    for rows in draws:
        assert len(rows) == 10 and rows.min() >= 900
        assert (np.diff(activation[rows]) < 0).all()  # the strongest first
    assert set(draws[0]) != set(draws[1])  # other candidates see other texts


@pytest.mark.parametrize("sampling", ["top", "quantiles", (50, 100)])
def test_rows_that_repeat_others_are_passed_over(sampling, rng):
    # Rows 0 to 59 are strong copies of one text; the oracle takes one of them.
    activation = np.concatenate([np.full(60, 50.0), np.arange(1.0, 41)])

    def first(rows, n, chosen=()):
        found = []
        for row in rows:
            repeats = row < 60 and any(other < 60 for other in [*chosen, *found])
            if len(found) < n and not repeats:
                found.append(row)
        return np.array(found, dtype=int)

    rows = firing_rows(activation, np.arange(100), 10, sampling, rng, first)
    assert np.sum(rows < 60) <= 1
    assert (np.diff(activation[rows]) <= 0).all()
    assert len(rows) == {"top": 10, "quantiles": 5}.get(sampling, 1)


def test_quantiles_reach_from_the_strongest_to_the_weakest(rng):
    activation = np.arange(-100.0, 1000)
    rows = firing_rows(activation, np.arange(1100), 10, "quantiles", rng)
    edges = np.linspace(999, 0, 11)
    for row, high, low in zip(rows, edges[:-1], edges[1:], strict=True):
        assert low <= activation[row] <= high


def test_a_percentile_bin_holds_only_its_part_of_those_that_fire(rng):
    activation = np.concatenate([np.zeros(500), np.arange(1.0, 101)])
    rows = firing_rows(activation, np.arange(600), 10, (80, 90), rng)
    assert len(rows) == 10
    assert (activation[rows] >= 80).all() and (activation[rows] <= 91).all()


@pytest.mark.parametrize("sampling", ["top", "quantiles", (80, 100)])
def test_a_silent_neuron_has_no_firing_rows(sampling, rng):
    # The peer's samplers return every row here, or fail with an IndexError.
    rows = firing_rows(np.zeros(9), np.arange(9), 5, sampling, rng)
    assert len(rows) == 0
    one = firing_rows(np.eye(9)[3], np.arange(9), 5, sampling, rng)
    assert one.tolist() == [3]


def test_negatives_are_silent_and_come_from_the_rows_allowed(rng):
    activations = np.maximum(rng.normal(size=(300, 4)), 0)
    vectors = rng.normal(size=(300, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = rng.permutation(300)[:150]
    firing = rows[activations[rows, 1] > 0][:5]
    for choose in (
        random_silent_rows,
        cooccurring_silent_rows,
        similar_silent_rows(vectors),
    ):
        silent = choose(1, firing, activations, rows, 10, rng)
        assert len(set(silent)) == 10 and set(silent) <= set(rows)
        assert (activations[silent, 1] == 0).all()


@pytest.mark.parametrize("library", ["scikit-learn", "faiss"])
def test_similar_negatives_are_the_nearest_by_brute_force(library, rng, monkeypatch):
    if library == "faiss":
        pytest.importorskip("faiss")
    else:
        monkeypatch.setitem(sys.modules, "faiss", None)  # as if not installed
    vectors = rng.normal(size=(100, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    activations = (np.arange(100) < 20).astype(float)[:, None]
    firing = np.array([3, 7])
    chosen = similar_silent_rows(vectors)(
        0, firing, activations, np.arange(100), 5, rng
    )
    nearness = {
        i: max(float(vectors[i] @ vectors[j]) for j in firing) for i in range(20, 100)
    }
    assert chosen.tolist() == sorted(nearness, key=lambda i: -nearness[i])[:5]
    # More than there are silent rows: all of them.
    every = similar_silent_rows(vectors)(
        0, firing, activations, np.arange(15, 25), 9, rng
    )
    assert sorted(every) == list(range(20, 25))


def test_cooccurring_negatives_have_the_companions_of_the_neuron(rng):
    # Neuron 1 fires whenever 0 does, and on rows of its own; neuron 2 elsewhere.
    activations = np.zeros((90, 3))
    activations[:20, :2] = 1
    activations[20:30, 1] = 1
    activations[30:, 2] = 1
    chosen = cooccurring_silent_rows(0, None, activations, np.arange(90), 10, rng)
    assert sorted(chosen) == list(range(20, 30))


def test_scoring_rows_give_rare_neurons_their_share(rng):
    activations = np.zeros((10_000, 3))
    activations[:5000, 0] = 1
    activations[5000:5030, 1] = 1
    activations[9000:9500, 2] = 1
    rows = scoring_rows(activations, np.arange(10_000), 100, rng)
    assert len(set(rows)) == 100
    assert (activations[rows] > 0).sum(axis=0)[1] >= 15
    assert (activations[rows] == 0).all(axis=1).sum() >= 10  # random ones as well
    assert scoring_rows(activations, np.arange(5), 100, rng).tolist() == [0, 1, 2, 3, 4]
    assert len(scoring_rows(activations, np.arange(5), 0, rng)) == 0
