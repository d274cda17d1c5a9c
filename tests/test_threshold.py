import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef

from sklearn_hsae._threshold import best_threshold


@pytest.mark.parametrize("seed", range(5))
def test_best_of_all_cuts_by_brute_force(seed):
    # Rounded scores: equal scores must fall on the same side of the cut.
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=60).round(1)
    is_on = scores + rng.normal(size=60) > 0.5
    cuts = [c for c in np.unique(scores) if np.mean(scores >= c) <= 0.5]
    expected = max(matthews_corrcoef(is_on, scores >= c) for c in cuts)

    threshold, correlation = best_threshold(scores, is_on)

    assert correlation == pytest.approx(expected)
    assert matthews_corrcoef(is_on, scores >= threshold) == pytest.approx(expected)


def test_never_says_yes_to_more_than_half():
    # A neuron that fires on 80 % of the rows would ask for a cut that low.
    scores = np.arange(100.0)
    threshold, _ = best_threshold(scores, scores >= 20)
    assert np.mean(scores >= threshold) == 0.5


@pytest.mark.parametrize("is_on", [np.zeros(4, bool), np.ones(4, bool)])
def test_a_constant_neuron_is_never_said_yes_to(is_on):
    assert best_threshold(np.arange(4.0), is_on) == (np.inf, 0.0)
