"""Other labels for the hypotheses of an evaluation, as a reader has corrected them."""

from dataclasses import replace

from sklearn_hsae._labels import unique_labels
from sklearn_hsae.evaluation._groups import joined_label


def corrected_names(names, labels):
    """The label of each name; two hypotheses never get one label.

    Parameters
    ----------
    names : sequence of str
    labels : dict of str to str
        The corrected labels. A name that is not among them stays.

    Returns
    -------
    dict of str to str
    """
    names = [str(name) for name in names]
    corrected = unique_labels([labels.get(name, name) for name in names])
    return dict(zip(names, corrected, strict=True))


def relabel(evaluation, labels):
    """An evaluation with corrected labels in all of its tables.

    Parameters
    ----------
    evaluation : HypothesisEvaluation
    labels : dict of str to str

    Returns
    -------
    HypothesisEvaluation
    """
    names = corrected_names(evaluation.annotations.columns, labels)
    groups = evaluation.groups
    members = [[names.get(name, name) for name in part] for part in groups["members"]]
    labels_of_groups = [joined_label(part) for part in members]
    return replace(
        evaluation,
        table=relabel_column(evaluation.table, "hypothesis", names),
        groups=groups.assign(hypothesis=labels_of_groups, members=members),
        annotations=evaluation.annotations.rename(columns=names),
        fidelity=relabel_column(evaluation.fidelity, "concept", names),
        stability=relabel_column(evaluation.stability, "hypothesis", names),
        drift=relabel_column(evaluation.drift, "hypothesis", names),
        neuron_drift=relabel_column(evaluation.neuron_drift, "concept", names),
    )


def relabel_column(table, column, names):
    """A table with corrected labels in one column; None stays None."""
    if table is None:
        return None
    return table.assign(**{column: [names.get(n, n) for n in table[column]]})
