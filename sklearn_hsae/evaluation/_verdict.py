"""An evaluation in two sentences: is there a signal, and where is it lost?"""

from sklearn_hsae.inference import HEADLINE

_MEASURE = {"r2": "held-out R2", "auc": "held-out AUC"}
_SMALL = 0.01
_CURES = {
    "all neurons": "a larger autoencoder (n_neurons, k) keeps more",
    "selected neurons": "more hypotheses (n_select) or a target_weight keep more",
    "selected neurons, on or off": "neurons say less as yes and no than as amounts",
    "hypotheses": "labels or judgements miss what the neurons say; try another "
    "interpreter or judge",
}


def verdict(task, metrics, ceilings):
    """Tell what was found, what could have been, and what to change.

    Parameters
    ----------
    task : {"regression", "classification"}
    metrics : dict
    ceilings : DataFrame or None

    Returns
    -------
    str
    """
    name, chance = HEADLINE[task]
    measure, score = _MEASURE[name], metrics[name]
    found = (
        f"{metrics['n_significant']} of {metrics['n_hypotheses']} hypotheses are "
        f"significant; together they reach a {measure} of {score:.2f}."
    )
    if ceilings is None or len(ceilings) < 2:
        return found
    scores = ceilings[name]
    # The first stage holds all that the later ones can hold. To look at each of them
    # for a score that is better than chance would find one in noise too often.
    ceiling = f"a ridge regression on the {ceilings.index[0]}"
    is_better = ceilings[f"{name}_low"] > chance
    if not is_better.iloc[0] and not (metrics["n_significant"] and is_better.iloc[-1]):
        reached = f"{measure} {scores.iloc[0]:.2f}"
        return f"{found} {_no_signal(metrics['n_significant'], ceiling, reached)}"
    share = ""
    if is_better.iloc[0]:
        part = max((score - chance) / (scores.iloc[0] - chance), 0.0)
        share = f" That is {part:.0%} of what {ceiling} reaches ({scores.iloc[0]:.2f})."
    return f"{found}{share} {_largest_loss(scores)}"


def _no_signal(n_significant, ceiling, reached):
    if n_significant:
        return (
            f"They say little about a single text: even {ceiling} predicts no better "
            f"than chance ({reached})."
        )
    return (
        f"There is no signal to find here: even {ceiling} does no better than chance "
        f"({reached}). More texts, another embedding model or another outcome may "
        "help; other settings of the pipeline will not."
    )


def _largest_loss(scores):
    # What a later stage still has was not lost: raw neurons as hypotheses are amounts
    # again, whatever they are worth as yes and no.
    held = scores[::-1].cummax()[::-1]
    losses = -held.diff().dropna()
    stage = losses.idxmax()
    if losses[stage] <= _SMALL:
        return "No step loses much of it."
    return f"Most is lost at the step to {stage!r}: {_CURES[stage]}."
