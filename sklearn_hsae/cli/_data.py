"""The texts and outcomes of one call, checked before anything slow begins."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from sklearn_hsae.datasets import load_texts

HOLDOUT_SHARE = 0.2
_MIN_HOLDOUT = 10


@dataclass
class Split:
    """Texts to find hypotheses on, and texts to test them on."""

    texts: np.ndarray
    y: np.ndarray
    new_texts: np.ndarray
    new_y: np.ndarray
    task: str
    source: dict


def read_split(arguments):
    """Read the file or the two files that the command line names."""
    texts, y = _read(arguments.file, arguments)
    task = find_task(y) if arguments.task == "auto" else arguments.task
    source = {
        "file": str(arguments.file),
        "sha256": file_hash(arguments.file),
        "text column": arguments.text,
        "target": arguments.target,
    }
    if arguments.holdout is None:
        parts = split_off(texts, y, task, HOLDOUT_SHARE, arguments.seed)
    else:
        source["holdout"] = str(arguments.holdout)
        source["holdout sha256"] = file_hash(arguments.holdout)
        parts = (texts, y, *_read(arguments.holdout, arguments))
    parts = [np.asarray(part) for part in parts]
    if task == "regression":
        parts[1::2] = [_as_numbers(part, arguments.target) for part in parts[1::2]]
    split = Split(*parts, task, source)
    _check(split, arguments.target)
    return split


def find_task(y):
    """Classification for words, true/false and two distinct values."""
    y = pd.Series(y)
    if not pd.api.types.is_numeric_dtype(y) or pd.api.types.is_bool_dtype(y):
        return "classification"
    return "classification" if y.nunique() <= 2 else "regression"


def split_off(texts, y, task, share, seed):
    """Draw the texts to test on; every class keeps its share."""
    if len(texts) * share < _MIN_HOLDOUT:
        raise ValueError(
            f"{len(texts)} texts are too few to split off a fifth for testing: at "
            f"least {round(_MIN_HOLDOUT / share)} are needed, or pass --holdout."
        )
    stratify = y if task == "classification" else None
    if stratify is not None and pd.Series(y).value_counts().min() < 2:
        rare = str(pd.Series(y).value_counts().index[-1])
        raise ValueError(
            f"the class {shorten(rare, 60)!r} has one text only. A class needs two or "
            "more, one to learn from and one to test on: leave it out, or pass "
            "--holdout. Numbers are explained with --task regression."
        )
    texts, new_texts, y, new_y = train_test_split(
        np.asarray(texts, dtype=object),
        np.asarray(y),
        test_size=share,
        random_state=seed,
        stratify=stratify,
    )
    return texts, y, new_texts, new_y


def file_hash(path):
    """SHA-256 of a file, as ``sha256sum`` prints it."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _read(path, arguments):
    texts, y, _ = load_texts(path, text=arguments.text, target=arguments.target)
    return np.asarray(texts, dtype=object), np.asarray(y)


def _as_numbers(y, target):
    try:
        return y.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"regression needs numbers, and the column {target!r} holds "
            f"{next(v for v in y if not _is_numeric(v))!r}. Pass --task classification "
            "for labels."
        ) from None


def _is_numeric(value):
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _check(split, target):
    if len(np.unique(split.y)) < 2:
        (value,) = split.y[:1].tolist()
        raise ValueError(
            f"the column {target!r} is {value!r} in every row to learn from: there is "
            "nothing to explain. Name another --target, or add other rows."
        )
    if split.task == "classification":
        unknown = sorted(set(split.new_y.tolist()) - set(split.y.tolist()), key=str)
        if unknown:
            raise ValueError(
                f"the holdout has the class {unknown[0]!r}, which FILE has not. Leave "
                "its rows out, or add such rows to FILE."
            )
