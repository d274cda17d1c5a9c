"""The texts that the report shows under a hypothesis."""

import numpy as np

from sklearn_hsae import _format

N_EXAMPLES = 3
_MAX_CHARACTERS = 600


def examples(annotations, texts, y, target, rng):
    """Random texts that have a concept, and random texts that do not.

    The draw is random, because the best examples of a concept would make all
    annotations look right.
    """
    sides = []
    for kind, heading, annotation in (
        ("has", "With it", 1),
        ("has-not", "Without it", 0),
    ):
        rows = np.flatnonzero(annotations == annotation)
        rows = rng.permutation(rows)[:N_EXAMPLES]
        if len(rows):
            shown = [_example(row, texts, y, target) for row in rows]
            sides.append({"kind": kind, "heading": heading, "texts": shown})
    return sides


def _example(row, texts, y, target):
    text = str(texts[row])
    footer = [] if y is None else [f"{target}: {_label(y[row])}"]
    if len(text) > _MAX_CHARACTERS:
        footer.append(f"the first of {len(text):,} characters")
    return {
        "text": _format.shorten(text, _MAX_CHARACTERS),
        "footer": ", ".join(footer),
    }


def _label(value):
    if isinstance(value, float | np.floating):
        return f"{value:.4g}".replace("-", _format.MINUS)
    return _format.shorten(str(value), 60)
