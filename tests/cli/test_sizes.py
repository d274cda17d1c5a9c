"""The suggested sizes."""

import pytest

from sklearn_hsae.cli._sizes import suggest_sizes


@pytest.mark.parametrize(
    ("n_texts", "n_neurons", "k"),
    [
        (30, 32, 4),
        (1000, 64, 8),
        (5000, 96, 8),
        (10_000, 128, 8),
        (100_000, 256, 8),
        (10**7, 1024, 8),
    ],
)
def test_sizes_follow_the_rules_of_thumb(n_texts, n_neurons, k):
    sizes = suggest_sizes(n_texts)
    assert (sizes["n_neurons"], sizes["k"]) == (n_neurons, k)
    assert sizes["prefixes"] == ((32, n_neurons) if n_neurons > 32 else None)
