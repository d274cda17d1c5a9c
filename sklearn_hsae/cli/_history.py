"""history.csv: one line per call of ``sklearn-hsae apply``."""

import csv
import io
from datetime import UTC, datetime

import numpy as np
from sklearn.base import is_classifier

from sklearn_hsae._files import write_text

_FILE = "history.csv"


def history_file(folder, model):
    """The path of the history, and the lines that it has.

    Raises
    ------
    ValueError
        When the file belongs to another model.
    """
    path = folder / _FILE
    if not path.exists():
        return path, []
    lines = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    if not lines or lines[0] != _header(model):
        raise ValueError(
            f"{path} has other columns than this model has concepts: another run wrote "
            "it. Rename it to keep it, and call again."
        )
    return path, lines


def class_columns(last_step):
    """The classes whose probabilities are written, by the names of the columns."""
    positive = last_step.positive_
    classes = last_step.classes_ if positive is None else [positive]
    return {f"probability of {label}": label for label in classes}


def mean_columns(model):
    """The names of the predicted numbers whose means are kept."""
    last = model[-1]
    return list(class_columns(last)) if is_classifier(last) else ["prediction"]


def add_to_history(folder, model, file, n_texts, means, drift):
    """Add a line to the history of a folder; return its path.

    Parameters
    ----------
    folder : pathlib.Path
    model : Pipeline
    file : path
        The file of the new texts.
    n_texts : int
    means : Series
        Means of the new texts in `mean_columns`.
    drift : DataFrame
        What `concept_drift` returned.
    """
    path, lines = history_file(folder, model)
    line = [datetime.now(UTC).isoformat(timespec="seconds"), str(file), str(n_texts)]
    line += [*map(_written, means), str(int(drift["drifts"].sum()))]
    for concept in drift.itertuples():
        line += [_written(concept.prevalence), _written(concept.p_corrected)]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([*(lines or [_header(model)]), line])
    write_text(path, buffer.getvalue())
    return path


def _header(model):
    names = model[-1].summary_["hypothesis"].unique()
    means = [f"mean {name}" for name in mean_columns(model)]
    concepts = [part for name in names for part in (f"share: {name}", f"p: {name}")]
    return ["date", "file", "rows", *means, "drifting concepts", *concepts]


def _written(value):
    return "" if np.isnan(value) else f"{value:.4g}"
