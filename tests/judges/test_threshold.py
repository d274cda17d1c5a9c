import numpy as np
import pytest

from sklearn_hsae.judges._threshold import best_threshold


@pytest.mark.parametrize("seed", range(5))
def test_best_of_all_cuts_by_brute_force(seed):
    # Rounded scores: equal scores must fall on the same side of the cut.
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=60).round(1)
    activations = np.maximum(scores + rng.normal(size=60), 0)

    def agreement(cut):
        return np.corrcoef(scores >= cut, np.sqrt(activations))[0, 1]

    cuts = [c for c in np.unique(scores) if np.mean(scores >= c) <= 0.5]
    threshold = best_threshold(scores, activations)
    assert threshold in cuts
    assert agreement(threshold) == pytest.approx(max(map(agreement, cuts)))


def test_never_says_yes_to_more_than_half_for_a_rarer_neuron():
    # It fires on 45 of 100 rows; the best of all cuts would say yes to 65.
    scores = np.arange(100.0)
    activations = ((scores >= 90) | (scores >= 35) & (scores < 70)).astype(float)
    threshold = best_threshold(scores, activations)
    assert np.mean(scores >= threshold) <= 0.5


def test_says_yes_as_often_as_the_neuron_fires():
    scores = np.arange(100.0)
    assert best_threshold(scores, (scores >= 20).astype(float)) == 20


@pytest.mark.parametrize("activation", [0.0, 1.0])
def test_a_constant_neuron_is_never_said_yes_to(activation):
    assert best_threshold(np.arange(4.0), np.full(4, activation)) == np.inf


def test_no_cut_when_all_scores_are_equal():
    # Rows are on one side of every cut: the answer to all of them would be yes.
    assert best_threshold(np.zeros(4), np.array([0.0, 0, 1, 1])) == np.inf
