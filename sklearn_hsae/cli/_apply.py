"""``sklearn-hsae apply``: new texts and the model of a run."""

import sys

import numpy as np
import pandas as pd
from sklearn.base import is_classifier

from sklearn_hsae import load_texts
from sklearn_hsae._labels import unique_labels
from sklearn_hsae.cli._columns import with_controls
from sklearn_hsae.cli._fit_and_evaluate import say
from sklearn_hsae.cli._history import (
    add_to_history,
    class_columns,
    history_file,
    mean_columns,
)
from sklearn_hsae.cli._judged_file import check_output, output_path, write_table
from sklearn_hsae.cli._results_folder import read_results
from sklearn_hsae.cli._results_table import format_drift, paragraph
from sklearn_hsae.corpora import concept_drift
from sklearn_hsae.datasets import read_file
from sklearn_hsae.evaluation import corrected_names, relabel_column


def apply(arguments):
    """Judge, predict, write, compare with the training texts, and keep a history."""
    results = read_results(arguments.results)
    text = _text_columns(arguments, results)
    output = arguments.output or output_path(arguments.file, results.folder)
    check_output(output, arguments.file)
    rows, texts = _read(arguments, text, results.control_kinds)
    model = results.model()
    history_file(results.folder, model)  # of another model: told before the work
    unit = "texts" if isinstance(text, str) else "pairs of texts"
    say(f"{arguments.file}: {len(texts):,} {unit}")
    annotations = model[:-1].transform(texts)
    predicted = _predictions(model, annotations)
    names = corrected_names(annotations.columns, results.labels())
    judged = annotations.rename(columns=names)
    write_table(output, _judged(rows, judged, predicted))
    drift = concept_drift(model, annotations)
    means = predicted[mean_columns(model)].mean()
    history = add_to_history(
        results.folder, model, arguments.file, len(texts), means, drift
    )
    drift = relabel_column(drift, "hypothesis", names)  # the history keeps its names
    _show(results.target, model, len(texts), unit, means, drift)
    say(f"\nwritten: {output}, {history}")


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


def _read(arguments, text, control_kinds):
    """The rows of a file as they are written there, and their texts or pairs."""
    path, encoding = arguments.file, arguments.encoding
    of_texts = [text] if isinstance(text, str) else list(text)
    table = read_file(path, (*of_texts, *control_kinds), encoding, as_written=True)
    rows = table.frame.set_axis(table.numbers)
    if len(rows) == 0:
        _check_named(path, rows, [*of_texts, *control_kinds])
        nothing = pd.DataFrame(columns=[*of_texts, *control_kinds], dtype=object)
        no_texts = nothing[text if isinstance(text, str) else of_texts].to_numpy()
        return rows, with_controls(no_texts, nothing, control_kinds)
    texts, _, frame = load_texts(
        path,
        text=text,
        decimal=arguments.decimal,
        encoding=encoding,
        drop_missing=arguments.drop_missing,
        columns=control_kinds,
    )
    return rows.loc[frame.index], with_controls(texts, frame, control_kinds)


def _check_named(path, rows, needed):
    """Refuse a table of no rows with other columns; a JSON file of no row has none."""
    for name in needed:
        if len(rows.columns) and name not in rows:
            raise ValueError(
                f"{path} has no column {name!r}. Its columns are: "
                f"{', '.join(map(repr, rows.columns))}."
            )


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


def _show(target, model, n_texts, unit, means, drift):
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
        lines += ["", *paragraph(verdict)]
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
