"""Find the sentence of a text that makes a neuron fire: leave each one out."""

import numpy as np

from sklearn_hsae.judges import sentences

OPENS, CLOSES = "[[", "]]"


def telling_sentences(texts, column, activate):
    """For each text, the sentence whose removal lowers the activation most.

    Parameters
    ----------
    texts : list of str
    column : int
        Column of the neuron in the activations that `activate` returns.
    activate : callable
        Takes a list of texts, returns activations of shape (n_texts, n_neurons).

    Returns
    -------
    list of int or None
        Number of the sentence. None when a text has one sentence only, or when no
        removal lowers the activation.
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
    # One call, because the embedder works best on many texts at once.
    values = np.asarray(activate([*texts, *shorter]))[:, column]
    whole, left = values[: len(texts)], iter(values[len(texts) :])
    numbers = []
    for part, activation in zip(parts, whole, strict=True):
        if len(part) < 2:
            numbers.append(None)
            continue
        drops = activation - np.array([next(left) for _ in part])
        numbers.append(int(np.argmax(drops)) if drops.max() > 0 else None)
    return numbers


def marked(text, number):
    """The text with sentence `number` in double brackets."""
    parts = [s.replace(OPENS, "[ [").replace(CLOSES, "] ]") for s in sentences(text)]
    parts[number] = f"{OPENS}{parts[number]}{CLOSES}"
    return " ".join(parts)
