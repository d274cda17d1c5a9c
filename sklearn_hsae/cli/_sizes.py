"""The size of the autoencoder that suits a number of texts."""

import math

_SMALLEST, _LARGEST = 32, 1024


def suggest_sizes(n_texts):
    """`n_neurons`, `k` and `prefixes` for a number of texts.

    128 neurons for five thousand texts, and twice as many for eight times the texts,
    to the nearest power of two. That is fewer than HypotheSAEs takes: with the
    supervised head, and labels made of a few phrases, broad neurons are named better
    than narrow ones.
    """
    n_neurons = 128 * (n_texts / 5000) ** (1 / 3)
    n_neurons = min(max(2 ** round(math.log2(n_neurons)), _SMALLEST), _LARGEST)
    return {
        "n_neurons": n_neurons,
        "k": 4 if n_neurons < 64 else 8,
        "prefixes": (n_neurons // 4, n_neurons),
    }
