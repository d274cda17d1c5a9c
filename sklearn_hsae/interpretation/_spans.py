"""Which sentences of a text make a neuron fire, found by leaving each one out."""

import numpy as np

from sklearn_hsae.judges import sentences

OPENS, CLOSES = "[[", "]]"


def telling_sentences(texts, column, activate):
    """For each text, the number of the sentence whose removal lowers a neuron most.

    Parameters
    ----------
    texts : list of str
    column : int
        Of the neuron, in what `activate` returns.
    activate : callable
        Takes a list of texts, returns activations of shape (n_texts, n_neurons).

    Returns
    -------
    list of int or None
        None where a text has one sentence only, or where no removal lowers it.
    """
    parts = [sentences(text) for text in texts]
    shorter = [
        " ".join(part[:i] + part[i + 1 :])
        for part in parts
        if len(part) > 1
        for i in range(len(part))
    ]
    if not shorter:
        return [None] * len(texts)
    # One batch: the embedder works best on many texts at once.
    values = np.asarray(activate([*texts, *shorter]))[:, column]
    whole, left = values[: len(texts)], iter(values[len(texts) :])
    found = []
    for part, activation in zip(parts, whole, strict=True):
        if len(part) < 2:
            found.append(None)
            continue
        drops = activation - np.array([next(left) for _ in part])
        found.append(int(np.argmax(drops)) if drops.max() > 0 else None)
    return found


def marked(text, number):
    """The text with one of its sentences between the marks."""
    parts = [s.replace(OPENS, "[ [").replace(CLOSES, "] ]") for s in sentences(text)]
    parts[number] = f"{OPENS}{parts[number]}{CLOSES}"
    return " ".join(parts)
