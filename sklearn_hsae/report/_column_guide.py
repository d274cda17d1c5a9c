"""The words of the page that explain its columns."""


def column_guide(effect, evaluation):
    """What each column of the page means.

    Parameters
    ----------
    effect : str
        What an effect measures, as the start of a sentence.
    evaluation : HypothesisEvaluation

    Returns
    -------
    list of tuple
        A heading and its explanation.
    """
    task, alpha = evaluation.task, evaluation.alpha
    outcome = "the outcome" if task == "regression" else "the class (0 or 1)"
    odds = " 0.7 doubles the odds." if task == "classification" else ""
    return [
        (
            "Effect",
            f"{effect} between a text that has the concept and one that does not, all "
            f"other concepts in the table held equal.{odds} The line is the "
            f"confidence interval{_together(evaluation)}; an arrow means that it "
            "continues outside the plot.",
        ),
        *_points_guide(task),
        (
            "Alone",
            f"The plain difference: the mean of {outcome} in texts with the concept "
            "minus the mean in all others, other concepts ignored, and its corrected "
            "p-value.",
        ),
        (
            "p, corrected",
            "The probability of a difference at least as large if the concept had no "
            "effect, corrected for the number of hypotheses. A hypothesis below "
            f"{alpha:g} counts as significant. It is tested on texts that were not "
            "used to find it.",
        ),
        (
            "Share of texts",
            "The share of the held-out pairs of which one text has the concept."
            if evaluation.settings.get("pairs")
            else "The share of the held-out texts that have the concept.",
        ),
        (
            "Fidelity (F1)",
            "How well the words describe the neuron they were written for: 1 when the "
            "texts that have the concept are those on which the neuron fires, measured "
            "on texts that were not used for naming.",
        ),
        *_returned_guide(evaluation),
        (
            "Literally",
            "For a label of key phrases: of the texts judged to have the concept, the "
            "share that contain one of its phrases word for word. Where it is low, "
            "texts are like the phrases in meaning and do not contain them.",
        ),
        (
            "Texts with and without it",
            "Drawn at random, not chosen: read some of them before you trust a row.",
        ),
    ]


def _points_guide(task):
    if task == "regression":
        return []
    return [
        (
            "Points",
            "The same effect as a difference of the probability, in percentage points: "
            "the mean over the texts of the probability with the concept minus that "
            "without it (average marginal effect).",
        )
    ]


def _returned_guide(evaluation):
    if "n_returned" not in evaluation.table:
        return []
    return [
        (
            "Returned",
            "In how many of the repeats, with other seeds, a hypothesis was found that "
            "holds for nearly the same texts, whatever its words are. One that did not "
            "return may be true, but another search would have told another story.",
        )
    ]


def _together(evaluation):
    """What simultaneous intervals mean; "" for others."""
    if evaluation.settings["intervals"] != "simultaneous":
        return ""
    return f"; all of them together hold with {100 * (1 - evaluation.alpha):g} %"
