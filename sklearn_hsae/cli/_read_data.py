"""The texts and outcomes of one call, checked before anything slow begins."""

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from sklearn_hsae._files import check_unchanged, file_hash, fingerprint
from sklearn_hsae._sklearn_compat import safe_indexing
from sklearn_hsae._target import read_target
from sklearn_hsae.cli._columns import check_columns, needed_columns, with_controls
from sklearn_hsae.cli._split_off import split_off
from sklearn_hsae.datasets import load_texts
from sklearn_hsae.inference import find_positive


@dataclass
class Split:
    """Texts to find hypotheses on, and texts to test them on.

    With controls, the texts are a Series with these in its index.
    """

    texts: np.ndarray | pd.Series
    y: np.ndarray
    new_texts: np.ndarray | pd.Series
    new_y: np.ndarray
    task: str
    source: dict
    positive: object = None
    groups: np.ndarray | None = None
    new_groups: np.ndarray | None = None
    new_by: pd.Series | None = None
    new_names: pd.DataFrame | None = None  # their `row` in the file, and their `id`


class _Rows(NamedTuple):
    """What one file says; `groups` and `by` may be None."""

    texts: np.ndarray | pd.Series
    y: np.ndarray
    groups: np.ndarray | None
    by: pd.Series | None
    names: pd.DataFrame
    task: str

    def at(self, positions):
        """Some of the rows."""
        return _Rows(
            safe_indexing(self.texts, positions),
            self.y[positions],
            None if self.groups is None else self.groups[positions],
            None if self.by is None else self.by.iloc[positions],
            self.names.iloc[positions],
            self.task,
        )


def read_split(arguments):
    """Read the file or the two files that the command line names."""
    paths = [path for path in (arguments.file, arguments.holdout) if path]
    known = {path: fingerprint(path) for path in paths}
    rows = _read(arguments.file, arguments, arguments.task)
    if arguments.holdout is None:
        positions, new_positions, *_ = split_off(
            np.arange(len(rows.y)), rows.y, rows.task, arguments.seed, rows.groups
        )
        rows, new = rows.at(positions), rows.at(new_positions)
    else:
        new = _read(arguments.holdout, arguments, rows.task)
    source = _source(arguments)
    for path, state in known.items():  # the hashes are those of what was read
        check_unchanged(path, state)
    split = Split(
        rows.texts,
        rows.y,
        new.texts,
        new.y,
        rows.task,
        source,
        _positive_class(arguments, rows),
        rows.groups,
        new.groups,
        new.by,
        new.names,
    )
    _check_new_classes(split)
    return split


def _source(arguments):
    """Where the texts come from, for the record of the run."""
    source = {
        "file": str(arguments.file),
        "sha256": file_hash(arguments.file),
        "text column": arguments.text,
        **({"second text column": arguments.text_b} if arguments.text_b else {}),
        "target": arguments.target,
    }
    if arguments.controls:
        source["controls"] = list(arguments.controls)
    for name in ("groups", "by", "id"):
        if getattr(arguments, name) is not None:
            source[name] = getattr(arguments, name)
    if arguments.holdout is not None:
        source["holdout"] = str(arguments.holdout)
        source["holdout sha256"] = file_hash(arguments.holdout)
    return source


def _positive_class(arguments, rows):
    """The class that effects point to, as it was written; None for the default."""
    positive = _read_positive(arguments.positive, rows.y, rows.task)
    if arguments.text_b is not None and positive is None:
        positive = _first_text_wins(arguments, rows.y, rows.task)
    return positive.item() if isinstance(positive, np.generic) else positive


def _text_columns(arguments):
    if arguments.text == arguments.target:
        raise ValueError(
            f"--target {arguments.target} is also the column of --text. Name the "
            "column of the outcome."
        )
    if arguments.text_b is None:
        return arguments.text
    if arguments.baselines:
        raise ValueError(
            "--baselines are methods for single texts. Leave --baselines or --text-b "
            "out."
        )
    if arguments.text_b in (arguments.text, arguments.target):
        raise ValueError(
            f"--text-b {arguments.text_b} is also the column of "
            f"{'--text' if arguments.text_b == arguments.text else '--target'}. Name "
            "the column of the second text."
        )
    return arguments.text, arguments.text_b


def _read(path, arguments, task):
    """The rows of a file, and the task that their outcome makes."""
    texts, y, frame = load_texts(
        path,
        text=_text_columns(arguments),
        target=arguments.target,
        task=task,
        decimal=arguments.decimal,
        encoding=arguments.encoding,
        drop_missing=arguments.drop_missing,
        columns=needed_columns(arguments),
        max_rows=arguments.max_texts,
        random_state=arguments.seed,
    )
    _tell_of_sample(path, arguments.max_texts, frame.attrs["n_rows_in_file"])
    if path == arguments.file and len(pd.unique(y)) < 2:
        raise ValueError(
            f"the column {arguments.target!r} is {y[:1].tolist()[0]!r} in every row to "
            "learn from: there is nothing to explain. Name another --target, or add "
            "other rows."
        )
    if path == arguments.file:
        check_columns(frame, arguments, len(texts))
    texts = with_controls(texts, frame, arguments.controls)
    groups = None
    if arguments.groups is not None:
        groups = frame[arguments.groups].astype(str).to_numpy()
    by = None if arguments.by is None else frame[arguments.by].astype(str)
    names = pd.DataFrame({"row": frame.index})
    if arguments.id is not None:
        names["id"] = frame[arguments.id].to_numpy()
    target = read_target(y, task, name=f"the column {arguments.target!r}")
    if target.is_classification:
        classes = target.classes[target.values.astype(int)]
        return _Rows(texts, classes, groups, by, names, "classification")
    return _Rows(texts, target.values, groups, by, names, "regression")


def _tell_of_sample(path, max_texts, n_rows):
    if n_rows > max_texts:
        warnings.warn(
            f"{max_texts:,} of the {n_rows:,} rows of {path} are used, drawn at "
            "random. --max-texts sets this number; more rows take more memory.",
            stacklevel=2,
        )


def _read_positive(written, y, task):
    """The class that was written on the command line, as it is in `y`."""
    if written is None:
        return None
    if task == "regression":
        raise ValueError(
            f"--positive {written} names a class, but the outcome is a quantity. Leave "
            "--positive out, or name a --target that holds classes."
        )
    classes = np.unique(y)
    by_name = {str(label): label for label in classes}
    return find_positive(classes, by_name.get(written, written))


def _first_text_wins(arguments, y, task):
    """The class which says that the first text was better; None for numbers.

    Of two numbers or true and false it is the larger one. A word must say it by its
    name: that of the column, or its end, as "a" for the column headline_a.
    """
    classes = np.unique(y)
    if task == "regression" or len(classes) != 2 or classes.dtype.kind not in "OUS":
        return None
    for label, other in (classes, classes[::-1]):
        if _ends(arguments.text, label) and _ends(arguments.text_b, other):
            return label
    raise ValueError(
        f"{arguments.target!r} is {str(classes[0])!r} or {str(classes[1])!r}: which "
        f"one says that the text of {arguments.text!r} was better? Pass it by "
        "--positive."
    )


def _ends(column, label):
    return column.lower().endswith(str(label).lower())


def _check_new_classes(split):
    if split.task == "classification":
        unknown = sorted(set(split.new_y.tolist()) - set(split.y.tolist()), key=str)
        if unknown:
            raise ValueError(
                f"the holdout has the class {unknown[0]!r}, which FILE has not. Leave "
                "its rows out, or add such rows to FILE."
            )
