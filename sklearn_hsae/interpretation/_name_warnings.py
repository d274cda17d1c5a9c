"""Labels that say who writes or is written to, and not what is written."""

import warnings

from sklearn_hsae.judges import handle_words, name_words

_MANY_HANDLES = 0.2  # share of labels with a handle that causes a warning
# Other names are often a topic: of a label, half of the phrases must hold one.
_MANY_NAMES = 0.3


def warn_of_names(phrases_of_labels, texts):
    """Warn when many labels are made of names, which say who and not what.

    Parameters
    ----------
    phrases_of_labels : list of list of str
        The phrases of each neuron; none for a neuron without a label.
    texts : sequence of str
        The texts that the neurons are named by.
    """
    labels = [phrases for phrases in phrases_of_labels if phrases]
    handles = handle_words(texts)
    n_labels, shown = _labels_with(handles, labels, 0.0)
    if n_labels >= max(_MANY_HANDLES * len(labels), 1):
        shown = ", ".join(f"@{word}" for word in shown)
        warnings.warn(
            f"{n_labels} of {len(labels)} labels contain handles such as {shown}: "
            "they say who writes or is written to. Pass ignore=['@*'] to leave handles "
            "out of the labels, or clean=['handles'] to remove them from the texts.",
            UserWarning,
            stacklevel=4,
        )
        return
    n_labels, shown = _labels_with(handles | name_words(texts), labels, 0.5)
    if n_labels >= max(_MANY_NAMES * len(labels), 2):
        warnings.warn(
            f"{n_labels} of {len(labels)} labels are made of names: words that the "
            f"texts write with a capital, such as {', '.join(map(repr, shown))}. If "
            "they say who writes or is written to, and not what is written, pass "
            f"ignore={shown!r} to leave them out of the labels.",
            UserWarning,
            stacklevel=4,
        )


def _labels_with(words, labels, least_share):
    """How many labels have such a word in enough of their phrases, and such words.

    Enough is one phrase, and `least_share` of the phrases of a label.
    """
    named = [
        phrases
        for phrases in labels
        if sum(not words.isdisjoint(phrase.split()) for phrase in phrases)
        >= max(least_share * len(phrases), 1)
    ]
    found = {word for phrases in named for p in phrases for word in p.split()}
    return len(named), sorted(found & words)[:5]
