"""Whether the held-out texts look like the training texts, for the page."""

from sklearn_hsae import _format


def drift_content(drift):
    """The values for the template; None without a comparison.

    Parameters
    ----------
    drift : DataFrame or None
        What ``concept_drift`` returned.
    """
    if drift is None or len(drift) == 0:
        return None
    drifting = drift[drift["drifts"].astype(bool)].sort_values("p_corrected")
    line = "Is each concept as frequent in them as in the training texts?"
    if len(drifting) == 0:
        line += (
            f" None of the {len(drift)} concepts differs significantly"
            if len(drift) > 1
            else " The concept does not differ significantly"
        )
    else:
        line += f" {len(drifting)} of {len(drift)} differ significantly"
    return {
        "line": f"{line} (Fisher's exact test, corrected for the number of concepts).",
        "advice": "Predictions for such texts count on effects that were learnt on "
        "others. The effects in this report are estimated on the held-out texts."
        if len(drifting)
        else "",
        "rows": [
            {
                "concept": _format.printable(str(row.hypothesis)),
                "training": _format.percent(row.training_prevalence),
                "share": _format.percent(row.prevalence),
                "p": _format.p_value(row.p_corrected),
            }
            for row in drifting.itertuples()
        ],
    }
