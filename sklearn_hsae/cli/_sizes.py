"""The size of the autoencoder that suits a number of texts."""

_STEP, _LARGEST = 32, 1024


def suggest_sizes(n_texts):
    """`n_neurons`, `k` and `prefixes` for a number of texts.

    96 neurons for five thousand texts, and twice as many for eight times the texts, to
    the nearest multiple of 32. That is fewer than HypotheSAEs takes: with the
    supervised head, and labels made of a few phrases, broad neurons are named better
    than narrow ones. The head sits on the first 32, of which 20 are to be selected.
    """
    n_steps = round(3 * (n_texts / 5000) ** (1 / 3))
    n_neurons = min(max(n_steps, 1) * _STEP, _LARGEST)
    return {
        "n_neurons": n_neurons,
        "k": 8 if n_neurons > _STEP else 4,
        "prefixes": (_STEP, n_neurons) if n_neurons > _STEP else None,
    }
