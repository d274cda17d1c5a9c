"""The size of the autoencoder that suits a number of texts."""

import math

_SMALLEST, _LARGEST = 32, 1024


def suggest_sizes(n_texts):
    """`n_neurons`, `k` and `prefixes` for a number of texts.

    They follow the rules of thumb of HypotheSAEs (64 neurons with 4 active for a
    thousand texts, 256 with 8 for ten thousand, 1024 with 8 for a hundred thousand),
    which grow with the power 0.6 of the number of texts, to the nearest power of two.
    """
    n_neurons = 64 * (n_texts / 1000) ** 0.6
    n_neurons = min(max(2 ** round(math.log2(n_neurons)), _SMALLEST), _LARGEST)
    return {
        "n_neurons": n_neurons,
        "k": 4 if n_neurons <= 64 else 8,
        "prefixes": (n_neurons // 8, n_neurons),
    }
