"""Sizes, prefixes, batches and learning rates: what every "auto" means."""

import numpy as np
import pytest

from sklearn_hsae.sae._settings import (
    choose_batch_size,
    choose_epochs,
    one_cycle,
    resolve_prefixes,
    resolve_sizes,
    suggest_sizes,
)


@pytest.mark.parametrize(
    "prefixes, sizes",
    [
        (None, (64,)),
        ((), (64,)),
        ((8,), (8, 64)),
        ((0.125, 1.0), (8, 64)),
        ([16, 0.5, 64], (16, 32, 64)),
        ((0.001,), (1, 64)),
    ],
)
def test_prefixes(prefixes, sizes):
    assert resolve_prefixes(prefixes, 64) == sizes


@pytest.mark.parametrize(
    "prefixes", [(8, 8), (16, 8), (65,), (0,), (-1,), (1.5,), (0.0,), ("8",), (True,)]
)
def test_prefixes_that_cannot_be(prefixes):
    with pytest.raises(ValueError, match="refix"):
        resolve_prefixes(prefixes, 64)


@pytest.mark.parametrize("prefix", [np.int64(8), np.float32(0.125), np.float64(0.125)])
def test_numbers_of_numpy_are_prefixes_too(prefix):
    assert resolve_prefixes((prefix,), 64) == (8, 64)


@pytest.mark.parametrize(
    "n_neurons, k, prefixes",
    [(96, 8, (32, 96)), (33, 8, (32, 33)), (32, 4, (32,)), (3, 3, (3,))],
)
def test_auto_sizes(n_neurons, k, prefixes):
    assert resolve_sizes(n_neurons, "auto", "auto") == (k, prefixes)


@pytest.mark.parametrize(
    "n_rows, n_neurons, k",
    [
        (1, 32, 4),
        (30, 32, 4),
        (1000, 64, 8),
        (5000, 96, 8),
        (10_000, 128, 8),
        (40_000, 192, 8),
        (100_000, 256, 8),
        (10**7, 1024, 8),
        (10**9, 1024, 8),
    ],
)
def test_suggested_sizes_follow_the_rules_of_thumb(n_rows, n_neurons, k):
    sizes = suggest_sizes(n_rows)
    assert (sizes["n_neurons"], sizes["k"]) == (n_neurons, k)
    assert sizes["prefixes"] == ((32, n_neurons) if n_neurons > 32 else None)
    assert resolve_sizes(**sizes) == resolve_sizes(n_neurons, "auto", "auto")


def test_batches_and_epochs_make_about_two_thousand_steps():
    # 32 steps per epoch as long as batches can have 64 to 512 rows.
    assert [choose_batch_size(n) for n in (10, 2048, 4096, 10**6)] == [64, 64, 128, 512]
    assert [choose_epochs(n, 64) for n in (64, 2048, 10**6)] == [50, 50, 10]
    assert choose_epochs(10_000, 64) * 157 == pytest.approx(2000, rel=0.05)


@pytest.mark.parametrize("n_steps", [1, 2, 9, 10, 500])
def test_the_rate_rises_and_falls_whatever_the_number_of_steps(n_steps):
    rates = [one_cycle(step, n_steps) for step in range(n_steps)]
    assert max(rates) == pytest.approx(1.0) and min(rates) >= 0
    assert rates[-1] <= rates[int(np.argmax(rates))]
