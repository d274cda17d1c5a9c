"""The texts and outcomes of one call, checked before anything slow begins."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from sklearn_hsae._target import read_target
from sklearn_hsae.datasets import load_texts
from sklearn_hsae.inference import find_positive

_ENOUGH_TO_TEST = 1000  # texts, for about twenty hypotheses
_MIN_TEXTS = 50  # for half to be enough for three hypotheses


@dataclass
class Split:
    """Texts to find hypotheses on, and texts to test them on."""

    texts: np.ndarray
    y: np.ndarray
    new_texts: np.ndarray
    new_y: np.ndarray
    task: str
    source: dict
    positive: object = None


def read_split(arguments):
    """Read the file or the two files that the command line names."""
    texts, y, task = _read(arguments.file, arguments, arguments.task)
    source = {
        "file": str(arguments.file),
        "sha256": file_hash(arguments.file),
        "text column": arguments.text,
        "target": arguments.target,
    }
    if arguments.holdout is None:
        texts, new_texts, y, new_y = split_off(texts, y, task, arguments.seed)
    else:
        source["holdout"] = str(arguments.holdout)
        source["holdout sha256"] = file_hash(arguments.holdout)
        new_texts, new_y, _ = _read(arguments.holdout, arguments, task)
    positive = _read_positive(arguments.positive, y, task)
    split = Split(texts, y, new_texts, new_y, task, source, positive)
    _check_new_classes(split)
    return split


def split_off(texts, y, task, seed):
    """Draw the texts to test on; every class keeps its share.

    Half of the texts up to a thousand: few texts cannot tell hypotheses apart. A fifth
    where that is more.

    Returns
    -------
    texts, new_texts, y, new_y : ndarrays
    """
    n_new = round(max(min(len(texts) / 2, _ENOUGH_TO_TEST), len(texts) / 5))
    if len(texts) < _MIN_TEXTS:
        raise ValueError(
            f"{len(texts)} texts are too few to split off some for testing: at "
            f"least {_MIN_TEXTS} are needed, or pass --holdout."
        )
    if task == "classification":
        _check_class_sizes(y, n_new)
    return train_test_split(
        texts,
        y,
        test_size=n_new,
        random_state=seed,
        stratify=y if task == "classification" else None,
    )


def file_hash(path):
    """SHA-256 of a file, as ``sha256sum`` prints it."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path, arguments, task):
    """The texts of a file, its numbers or classes, and what the task is."""
    texts, y, _ = load_texts(
        path,
        text=arguments.text,
        target=arguments.target,
        task=task,
        decimal=arguments.decimal,
        encoding=arguments.encoding,
        drop_missing=arguments.drop_missing,
    )
    if path == arguments.file and len(pd.unique(y)) < 2:
        raise ValueError(
            f"the column {arguments.target!r} is {y[:1].tolist()[0]!r} in every row to "
            "learn from: there is nothing to explain. Name another --target, or add "
            "other rows."
        )
    target = read_target(y, task, name=f"the column {arguments.target!r}")
    if target.is_classification:
        return texts, target.classes[target.values.astype(int)], "classification"
    return texts, target.values, "regression"


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


def _check_class_sizes(y, n_new):
    sizes = pd.Series(y).value_counts()
    rare = shorten(str(sizes.index[-1]), 60)
    if sizes.iloc[-1] < 2:
        hint = " Pass --task regression for numbers." if y.dtype.kind in "iuf" else ""
        raise ValueError(
            f"the class {rare!r} has one text only. A class needs two or more, one to "
            f"learn from and one to test on: leave it out, or pass --holdout.{hint}"
        )
    if len(sizes) > n_new:
        raise ValueError(
            f"{len(sizes)} classes are too many for {n_new} texts to test on. Merge "
            f"rare classes such as {rare!r}, or pass --holdout."
        )


def _check_new_classes(split):
    if split.task == "classification":
        unknown = sorted(set(split.new_y.tolist()) - set(split.y.tolist()), key=str)
        if unknown:
            raise ValueError(
                f"the holdout has the class {unknown[0]!r}, which FILE has not. Leave "
                "its rows out, or add such rows to FILE."
            )
