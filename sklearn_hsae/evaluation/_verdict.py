"""The verdict: whether there is a signal, and which step loses most of it."""

from sklearn_hsae import _format
from sklearn_hsae.inference import HEADLINE

_MEASURE = {"r2": "held-out R2", "auc": "held-out AUC"}
_NEGLIGIBLE_LOSS = 0.01
_MANY_DROPPED = 0.03  # of all rows
_TOO_FEW = 50  # held-out texts: below, even a perfect score may be chance
_FEW = 500  # held-out texts: below, more of them are the first thing to try
_NO_FIDELITY = 0.005  # shown as 0.00
_N_NAMED = 3
_REMEDIES = {
    "all neurons": "a larger autoencoder (n_neurons, k) keeps more",
    "selected neurons": "more hypotheses (n_select) or a higher target_weight keep "
    "more",
    "selected neurons, on or off": "how strongly these neurons fire matters, and a "
    "yes or no cannot say that",
    "hypotheses": "the words do not say all that a neuron reacts to, or the judge does "
    "not find them in the texts; try another interpreter or judge",
}


def verdict(task, metrics, ceilings):
    """Describe in a few sentences the result, the ceiling, and what to change.

    Parameters
    ----------
    task : {"regression", "classification"}
    metrics : dict
        With the score and the counts of `HypothesisEvaluation`.
    ceilings : DataFrame or None
        See `ceiling_table`.

    Returns
    -------
    str
    """
    name, chance = HEADLINE[task]
    measure, score = _MEASURE[name], metrics[name]
    n_significant = metrics["n_significant_groups"]
    summary = (
        f"{n_significant} of {metrics['n_groups']} hypotheses "
        f"{_are(n_significant)} significant; all together"
        f"{_with_controls(name, metrics)} reach a {measure} of {_format.number(score)}."
        f"{_below_zero(name, score)}{_beyond_controls(name, metrics)}"
    )
    details = f"{_shared_effects(metrics)}{_left_out(metrics)}"
    if ceilings is None:
        return summary + details
    if len(ceilings) < 2:
        return (
            f"{summary}{details} There are no ceilings to compare this with: the "
            "pipeline has no embeddings or neurons, or reads texts in several branches."
        )
    scores, score = ceilings[name], ceilings[name].iloc[-1]
    # The first stage contains all information of later stages. If every stage were
    # tested against chance, noise would count as a signal too often.
    ceiling = f"a ridge regression on the {ceilings.index[0]}"
    is_better = ceilings[f"{name}_low"] > chance
    if not is_better.iloc[0] and not (n_significant and is_better.iloc[-1]):
        low = _format.number(ceilings[f"{name}_low"].iloc[0])
        reached = f"{measure} {_format.number(scores.iloc[0])}"
        if _format.is_number(ceilings[f"{name}_low"].iloc[0]):
            reached += f", interval from {low}"
        no_signal = _no_signal(n_significant, ceiling, reached, metrics["n"])
        return f"{summary}{details} {no_signal}"
    share = ""
    if is_better.iloc[0]:
        part = max((score - chance) / (scores.iloc[0] - chance), 0.0)
        above = f", counted from {chance}, which is chance" if chance else ""
        share = (
            f" That is {_format.percent(part)} of what {ceiling} reaches "
            f"({_format.number(scores.iloc[0])}){above}."
        )
    return f"{summary}{share}{details}{_few_texts(metrics)} {_largest_loss(scores)}"


def about_labels(fidelity):
    """A warning where the words of a concept do not fit its neuron; "" elsewhere.

    Parameters
    ----------
    fidelity : DataFrame
        `concept` and `f1`, of an interpreter.

    Returns
    -------
    str
    """
    names = fidelity.loc[fidelity["f1"] < _NO_FIDELITY, "concept"].dropna().tolist()
    if not names:
        return ""
    more = ["..."] if len(names) > _N_NAMED else []
    shown = ", ".join([*map(repr, names[:_N_NAMED]), *more])
    subject = "concept do" if len(names) == 1 else "concepts do"
    return (
        f" The words of {len(names)} {subject} not fit the texts in which the neuron "
        f"fires (fidelity F1 0.00): {shown}. What is tested is what these words say, "
        "and not what was found."
    )


def _are(count):
    return "is" if count == 1 else "are"


def _below_zero(name, score):
    """What a negative R2 means."""
    if name != "r2" or score >= -0.005:  # shown as -0.00
        return ""
    return (
        " A negative R2 means that the mean of the held-out texts predicts better: the "
        "effects found on the other texts do not hold on these."
    )


def _with_controls(name, metrics):
    return " with the controls" if f"delta_{name}" in metrics else ""


def _beyond_controls(name, metrics):
    """What the texts say that the controls do not."""
    if f"delta_{name}" not in metrics:
        return ""
    gain = metrics[f"delta_{name}"]
    p = _format.p_in_words(metrics[f"delta_{name}_p"])
    added = _format.number(gain, 3) if gain > 0 else "nothing"
    controls, hypotheses = (
        _format.number(metrics[f"{name}_{part}"]) for part in ("controls", "hypotheses")
    )
    return (
        f" The controls alone reach {controls}, so the texts add {added} "
        f"({p}). The hypotheses alone reach "
        f"{hypotheses}."
    )


def _left_out(metrics):
    """A warning where many rows could not take part."""
    n_rows = metrics["n"] + metrics["n_dropped"]
    if metrics["n_dropped"] <= _MANY_DROPPED * n_rows:
        return ""
    share = _format.percent(metrics["n_dropped"] / n_rows)
    return (
        f" {share} of the texts were left out, since an annotation or a control is "
        "missing. If that has to do with the outcome, effects are biased."
    )


def _shared_effects(metrics):
    """Sentences about concepts that share an effect; "" when there are none."""
    n_groups, n_concepts = metrics["n_groups"], metrics["n_hypotheses"]
    sentences = ""
    if n_groups < n_concepts:
        sentences = (
            f" Of {n_concepts} concepts, some fit nearly the same texts or have the "
            "same words; these are tested as one hypothesis."
        )
    n_alone = metrics["n_significant_alone"]
    if n_alone > metrics["n_significant_groups"]:
        sentences += (
            f" Taken one by one, {n_alone} hypotheses are (separation_p_corrected, in "
            "the report 'alone'). Beside the others fewer are, since one text has "
            "several of them: fewer hypotheses (n_select) or more held-out texts help."
        )
    return sentences


def _few_texts(metrics):
    """What to change first where nothing at all is significant."""
    counts = ("n_significant_alone", "n_significant_groups")
    if any(metrics[name] for name in counts) or metrics["n"] >= _FEW:
        return ""
    return (
        f" With {metrics['n']} held-out texts only large effects can be significant: "
        "more texts help first."
    )


def _no_signal(n_significant, ceiling, reached, n):
    if n_significant:
        return (
            f"They say little about a single text: even {ceiling} is not clearly "
            f"better than chance ({reached})."
        )
    if n < _TOO_FEW:
        return (
            f"{n} held-out texts are too few to see a signal: even {ceiling} is not "
            f"clearly better than chance ({reached}). Test on {_TOO_FEW} texts or more."
        )
    return (
        f"There is no clear signal here: even {ceiling} is not clearly better than "
        f"chance ({reached}). More texts, another embedding model or another "
        "outcome may help; other settings of the pipeline will not."
    )


def _largest_loss(scores):
    # A loss counts only when no later stage reaches the score again. With neurons as
    # hypotheses, the last stage has strengths again, which "on or off" has not.
    kept = scores[::-1].cummax()[::-1]
    losses = -kept.diff().dropna()
    stage = losses.idxmax()
    if losses[stage] <= _NEGLIGIBLE_LOSS:
        return "No step loses much of it."
    return f"Most is lost at the step to {stage!r}: {_REMEDIES[stage]}."
