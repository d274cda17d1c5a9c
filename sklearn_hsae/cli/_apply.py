"""``sklearn-hsae apply``: new texts and the model of a run."""

import sys

import numpy as np
import pandas as pd
from sklearn.base import is_classifier

from sklearn_hsae import drop_texts, without_neurons
from sklearn_hsae._files import write_text
from sklearn_hsae._labels import unique_labels
from sklearn_hsae._progress import progress_bar
from sklearn_hsae.cli._columns import with_controls
from sklearn_hsae.cli._history import (
    add_to_history,
    class_columns,
    history_file,
    mean_columns,
)
from sklearn_hsae.cli._judged_file import check_output, output_path, table_writer
from sklearn_hsae.cli._judged_parts import JudgedParts
from sklearn_hsae.cli._new_outcomes import check_outcomes, outcome_kinds, retest
from sklearn_hsae.cli._results_folder import read_results
from sklearn_hsae.cli._results_table import format_drift, format_retest, paragraph
from sklearn_hsae.cli._say import say
from sklearn_hsae.corpora import concept_drift, neuron_drift
from sklearn_hsae.datasets import TextsInPieces
from sklearn_hsae.evaluation import corrected_names, relabel_column

_ROWS_PER_PIECE = 10_000


def apply(arguments):
    """Judge, predict, write, compare with the training texts, and keep a history."""
    results = read_results(arguments.results)
    text = _text_columns(arguments, results)
    output = arguments.output or output_path(arguments.file, results.folder)
    check_output(output, arguments.file)
    model = results.model()
    history_file(results.folder, model)  # of another model: told before the work
    outcomes = outcome_kinds(model, arguments.target, results.record["data"])
    pieces = TextsInPieces(
        arguments.file,
        text=text,
        columns=results.control_kinds | outcomes,
        decimal=arguments.decimal,
        encoding=arguments.encoding,
        drop_missing=arguments.drop_missing,
        n_rows=_ROWS_PER_PIECE,
    )
    if outcomes:
        check_outcomes(model, pieces.values[arguments.target], arguments.target)
    n_texts = pieces.n_texts
    unit = "texts" if isinstance(text, str) else "pairs of texts"
    say(f"{arguments.file}: {n_texts:,} {unit}")
    labels = results.labels()
    parts = _judged_parts(results, model, output, n_texts)
    annotations, activations, means = _judge_all(
        model, parts, pieces, results.control_kinds, output, labels
    )
    drift = concept_drift(model, annotations)
    found = results.evaluation()
    history = add_to_history(
        results.folder, model, arguments.file, n_texts, means, drift
    )
    names = corrected_names(annotations.columns, labels)
    drift = relabel_column(drift, "hypothesis", names)  # the history keeps its names
    neurons = neuron_drift(model["select"], activations, alpha=model[-1].alpha)
    neurons["hypothesis"] = found.neuron_drift["concept"].fillna(neurons["neuron"])
    neurons = relabel_column(neurons, "hypothesis", names)
    _show(results.target, model, n_texts, unit, means, drift, neurons)
    written = [output, history]
    if outcomes:
        again, score = retest(model, annotations, pieces.values, outcomes, found)
        again = relabel_column(again, "hypothesis", names)
        written.append(output.with_name(f"{output.stem}_tested.csv"))
        write_text(written[-1], again.to_csv(index=False))
        lines = format_retest(again, arguments.target, model[-1].alpha)
        sys.stdout.write("\n" + "\n".join([*lines, "", score]) + "\n")
    parts.remove()
    say(f"\nwritten: {', '.join(map(str, written))}")


def _text_columns(arguments, results):
    """The column of the texts, or both columns of pairs, as `load_texts` takes them."""
    data = results.record["data"]
    text = arguments.text or data.get("text column")
    if text is None:
        raise ValueError(
            f"{results.folder} is no run on a file, so the column of the texts is not "
            "known. Name it by --text."
        )
    if "second text column" in data:
        return text, arguments.text_b or data["second text column"]
    if arguments.text_b is not None:
        raise ValueError(
            f"{results.folder} was found in single texts: leave --text-b out."
        )
    return text


def _judged_parts(results, model, output, n_texts):
    """What judges; of a file in pieces with what an interrupted call has left."""
    finding = model[: list(model.named_steps).index("select") + 1]
    judging = without_neurons(model)[:-1]
    folder = None
    if n_texts > _ROWS_PER_PIECE:
        folder = output.with_name(f"{output.name}.parts")
    parts = JudgedParts(judging, finding, folder, results.model_hash)
    if parts.n_kept:
        say(
            f"an interrupted call has judged {parts.n_kept:,} texts; those that are "
            "the same are not judged again"
        )
    return parts


def _judge_all(model, parts, pieces, control_kinds, output, labels):
    """Write the copy; return annotations, activations, and means of predictions."""
    annotations, activations, predictions = [], [], []
    n_texts = pieces.n_texts
    bar = progress_bar(
        total=n_texts, desc="Judging", unit="text", disable=n_texts <= _ROWS_PER_PIECE
    )
    with table_writer(output, pieces.rows) as write, bar:
        for position, (rows, texts, controls) in enumerate(pieces):
            texts = with_controls(texts, controls, control_kinds)
            judged, fired = parts.judge(position, texts)
            predicted = _predictions(model, judged)
            names = corrected_names(judged.columns, labels)
            write(_judged(rows, judged.rename(columns=names), predicted))
            annotations.append(drop_texts(judged))  # else all texts stay
            activations.append(fired.to_numpy())
            predictions.append(predicted[mean_columns(model)])
            bar.update(len(rows))
    means = pd.concat(predictions).mean()
    return pd.concat(annotations), np.concatenate(activations), means


def _predictions(model, annotations):
    """A frame with the prediction and, for classes, their probabilities."""
    last = model[-1]
    predicted = pd.DataFrame({"prediction": last.predict(annotations)})
    if is_classifier(last):
        shares = pd.DataFrame(last.predict_proba(annotations), columns=last.classes_)
        for name, label in class_columns(last).items():
            predicted[name] = shares[label]
    return predicted


def _judged(rows, annotations, predicted):
    """The rows of the file with the new columns, under names that the file has not."""
    added = pd.concat(
        [annotations.reset_index(drop=True).astype("Int64"), predicted], axis=1
    )
    names = unique_labels([*map(str, rows.columns), *map(str, added.columns)])
    added.columns = names[len(rows.columns) :]
    return pd.concat([rows.reset_index(drop=True), added], axis=1)


def _show(target, model, n_texts, unit, means, drift, neurons):
    lines = [f"{n_texts:,} {unit}"]
    if n_texts:
        lines += [f"{target}: mean {name} {m:.3g}" for name, m in means.items()]
    n_drifting = int(np.sum(drift["drifts"]))
    lines += ["", *format_drift(drift)]
    if n_texts:
        verdict = (
            f"* {n_drifting} of {len(drift)} concepts are more or less frequent than "
            f"in the training texts, at {100 * model[-1].alpha:g} % after correction "
            "for the number of concepts."
        )
        if n_drifting:
            verdict += (
                " Predictions count on effects of the training texts: test them on "
                "new outcomes."
            )
        lines += ["", *paragraph(verdict), *_neuron_lines(neurons)]
    sys.stdout.write("\n" + "\n".join(lines) + "\n")


def _neuron_lines(neurons):
    """The neurons that drift, which is more than their words may show."""
    drifting = neurons[neurons["drifts"].astype(bool)]
    line = f"{len(drifting)} of the {len(neurons)} neurons behind these concepts fire "
    line += "more or less often than on the training texts"
    if len(drifting) == 0:
        return ["", *paragraph(f"{line}.")]
    return ["", *paragraph(f"{line}:"), "", *format_drift(drifting)]
