"""The texts that the report shows under a hypothesis."""

import numpy as np

from sklearn_hsae import _format
from sklearn_hsae.report._hypothesis_rows import concept_rows, hypothesis_rows

_SEED = 0  # one evaluation always gives the same page
_SHOWN_CHARACTERS = 600  # of a long text, until a reader asks for the rest
_MAX_CHARACTERS = 20_000


def draw_examples(evaluation, n_examples):
    """Draw texts that have each concept, and texts that do not.

    The draw is random, because the best examples of a concept would make all
    annotations look right.

    Parameters
    ----------
    evaluation : HypothesisEvaluation
    n_examples : int
        How many texts of each kind, at most.

    Returns
    -------
    dict
        For each hypothesis, in the order of the report: the positions of the texts
        that have its concept, and of those that do not; or of the pairs of which only
        the first text has it, and only the second.
    """
    rng = np.random.default_rng(_SEED)
    drawn = {}
    rows = concept_rows(hypothesis_rows(evaluation))
    for name in dict.fromkeys(row.name for row in rows):  # one row per class
        annotations = evaluation.annotations[name].to_numpy()
        values = (1, -1) if evaluation.settings.get("pairs") else (1, 0)
        drawn[name] = tuple(
            rng.permutation(np.flatnonzero(annotations == value))[:n_examples]
            for value in values
        )
    return drawn


def examples(drawn, texts, y, target):
    """The drawn texts, or pairs of texts, of one hypothesis for the page."""
    kinds = (("has", "With it"), ("has-not", "Without it"))
    if not isinstance(texts[0], str):
        kinds = (("has", "Only A has it"), ("has-not", "Only B has it"))
    return [
        {
            "kind": kind,
            "heading": heading,
            "texts": [_example(row, texts, y, target) for row in rows],
        }
        for (kind, heading), rows in zip(kinds, drawn, strict=True)
        if len(rows)
    ]


def rows_of(texts):
    """A list of texts, or of pairs; a frame of pairs is no list of its columns."""
    return texts.to_numpy().tolist() if hasattr(texts, "columns") else list(texts)


def _example(row, texts, y, target):
    text = texts[row]
    if not isinstance(text, str):
        text = "\n".join(map("{}: {}".format, "AB", text))
    footer = [] if y is None else [f"{target}: {_label(y[row])}"]
    if len(text) > _MAX_CHARACTERS:
        footer.append(f"the first of {len(text):,} characters")
    shown = _format.shorten(text, _SHOWN_CHARACTERS)
    return {
        "text": shown,
        "whole": _format.shorten(text, _MAX_CHARACTERS)
        if len(text) > _SHOWN_CHARACTERS
        else "",
        "footer": ", ".join(footer),
    }


def _label(value):
    if isinstance(value, float | np.floating):
        return f"{value:.4g}".replace("-", _format.MINUS)
    return _format.shorten(str(value), 60)
