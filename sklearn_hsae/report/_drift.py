"""Whether the held-out texts look like the training texts, for the page."""

from sklearn_hsae import _format


def drift_content(evaluation):
    """The values for the template; None where nothing could be compared."""
    tables = [
        _table(evaluation.drift, "concept", "hypothesis"),
        _table(evaluation.neuron_drift, "neuron", "neuron"),
    ]
    tables = [table for table in tables if table is not None]
    if not tables:
        return None
    any_drifts = any(table["rows"] for table in tables)
    return {
        "tables": tables,
        "advice": "Predictions for such texts count on effects that were learnt on "
        "others. The effects in this report are estimated on the held-out texts."
        if any_drifts
        else "",
    }


def _table(drift, kind, name):
    """What is said of the concepts or the neurons, and the rows of those that drift."""
    if drift is None or len(drift) == 0:
        return None
    drifting = drift[drift["drifts"].astype(bool)].sort_values("p_corrected")
    line = {
        "concept": "Is each concept as frequent in them as in the training texts?",
        "neuron": "Does each selected neuron fire as often on them? Its words may miss "
        "what has changed.",
    }[kind]
    if len(drifting) == 0:
        line += (
            f" None of the {len(drift)} {kind}s differs significantly"
            if len(drift) > 1
            else f" The {kind} does not differ significantly"
        )
    else:
        line += f" {len(drifting)} of {len(drift)} differ significantly"
    return {
        "kind": kind,
        "line": f"{line} (Fisher's exact test, corrected for the number of {kind}s).",
        "rows": [
            {
                "name": _format.printable(str(row[name])),
                "concept": _concept(row),
                "training": _format.percent(row["training_prevalence"]),
                "share": _format.percent(row["prevalence"]),
                "p": _format.p_value(row["p_corrected"]),
            }
            for _, row in drifting.iterrows()
        ],
    }


def _concept(row):
    """The words of a neuron; None for a neuron without words, and for a concept."""
    words = row.get("concept")
    return _format.printable(words) if isinstance(words, str) else None
