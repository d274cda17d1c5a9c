"""One table of all hypotheses and neurons; the texts of a neuron by quantile."""

import numpy as np
import pandas as pd

_QUARTERS = ("the weakest quarter", "second quarter", "third quarter", "top quarter")
STRONGEST, SILENT = "strongest", "silent"
_N_STRONGEST = 20
_NEURONS_PER_BLOCK = 500  # by all phrases, dense
_MIN_PHI = 0.1  # a weaker phrase says nothing about a neuron


def overview(shared):
    """All hypotheses and neurons.

    Parameters
    ----------
    shared : SharedContent

    Returns
    -------
    DataFrame
        One row per hypothesis and neuron: `kind`, `name`, `share` of the texts in
        percent (of pairs: of which one text has it), `outcome`: the mean outcome (or
        share of the class that effects point to, in percentage points) of texts with it
        minus that of texts without it, NaN for three or more classes; and, of
        hypotheses, `effect`, `p` and `f1`. With three or more classes `effect` and `p`
        are those of the class with the smallest `p`.
    """
    tables = [_overview_of(shared.content, shared.hypotheses)]
    tables[0] = tables[0].join(_tests(shared.content.evaluation), on="name")
    tables.append(_overview_of(shared.content, shared.neurons))
    return pd.concat(tables, ignore_index=True)


def _overview_of(content, features):
    everyone = np.ones(len(content.texts), dtype=bool)
    n_with, n_judged = features.counts(everyone)
    if content.pairs is None:
        with np.errstate(invalid="ignore", divide="ignore"):
            share = 100 * n_with / n_judged
    else:
        share = 100 * n_judged / len(content.texts)
    return pd.DataFrame(
        {
            "kind": features.kind,
            "name": features.names,
            "share": share,
            "outcome": _differences(content, features, n_with, n_judged),
        }
    )


def _differences(content, features, n_with, n_judged):
    """The mean outcome with each feature minus that without it."""
    target = content.target
    if target is None:
        return np.full(len(features.names), np.nan)
    sum_with = features.presence.T @ target
    total = (
        np.full(len(n_with), target.sum())
        if features.judged is None
        else features.judged.T @ target
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = sum_with / n_with - (total - sum_with) / (n_judged - n_with)
    return difference if content.is_numeric else 100 * difference


def _tests(evaluation):
    table = evaluation.table.sort_values("p_corrected", kind="stable")
    table = table.drop_duplicates("hypothesis").set_index("hypothesis")
    names = {"coefficient": "effect", "p_corrected": "p", "f1": "f1"}
    return table[[name for name in names if name in table]].rename(columns=names)


def quantile_texts(activations):
    """Texts of a neuron by how active it is.

    Parameters
    ----------
    activations : ndarray of shape (n_texts,)

    Returns
    -------
    dict
        "strongest": positions of the 20 texts with the largest activations, in this
        order (of pairs, activations may be negative: more in the second text). Then the
        quarters of the texts on which it is active, from the top one to the weakest,
        and "silent": those on which it is not, each in random order.
    """
    rng = np.random.default_rng(0)
    active = np.flatnonzero(activations)
    order = active[np.argsort(-activations[active], kind="stable")]
    found = {STRONGEST: order[:_N_STRONGEST]}
    for name, rows in zip(_QUARTERS[::-1], np.array_split(order, 4), strict=True):
        found[name] = rng.permutation(rows)
    found[SILENT] = rng.permutation(np.flatnonzero(activations == 0))
    return found


def neuron_phrases(features, phrases, most=3):
    """The phrases that go with each neuron, as words for neurons without a label.

    Parameters
    ----------
    features : Features
        Neurons.
    phrases : Features
    most : int, default=3

    Returns
    -------
    dict of str to list of str
        By the name of the neuron: the phrases with the largest correlation (phi) of
        their presence with that of the neuron, above 0.1.
    """
    if len(phrases.names) == 0:
        return {}
    rows = slice(None) if phrases.rows is None else phrases.rows
    active = features.presence.tocsr()[rows].tocsc()
    n_texts = active.shape[0]
    n_active = np.asarray(active.sum(axis=0)).ravel()
    n_with = np.asarray(phrases.presence.sum(axis=0)).ravel()
    spread = np.sqrt(n_with * (n_texts - n_with))
    found = {}
    for start in range(0, active.shape[1], _NEURONS_PER_BLOCK):
        block = slice(start, start + _NEURONS_PER_BLOCK)
        both = (active[:, block].T @ phrases.presence).toarray()
        a = n_active[block, None]
        scale = np.sqrt(a * (n_texts - a)) * spread
        with np.errstate(invalid="ignore", divide="ignore"):
            phi = np.nan_to_num((n_texts * both - a * n_with) / scale, posinf=0)
        best = np.argsort(-phi, axis=1, kind="stable")[:, :most]
        for i, columns in enumerate(best):
            chosen = [phrases.names[j] for j in columns if phi[i, j] > _MIN_PHI]
            found[features.names[start + i]] = chosen
    return found
