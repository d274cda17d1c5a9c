"""The texts to test on, where no file with them is named."""

from textwrap import shorten

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, train_test_split

_ENOUGH_TO_TEST = 1000  # texts, for about twenty hypotheses
_MIN_TEXTS = 50  # for half to be enough for three hypotheses


def split_off(texts, y, task, seed, groups=None):
    """Draw the texts to test on; every class keeps its share.

    Half of the texts up to a thousand: few texts cannot tell hypotheses apart. A fifth
    where that is more. The texts of a group are in one part.

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
    if groups is not None:
        rows, new_rows = _split_groups(y, groups, n_new, task, seed)
        return texts[rows], texts[new_rows], y[rows], y[new_rows]
    return train_test_split(
        texts,
        y,
        test_size=n_new,
        random_state=seed,
        stratify=y if task == "classification" else None,
    )


def _split_groups(y, groups, n_new, task, seed):
    """Positions of the rows of both parts; the second has about `n_new`."""
    n_parts = min(round(len(y) / n_new), len(np.unique(groups)))
    is_class = task == "classification"
    splitter = StratifiedGroupKFold if is_class else GroupKFold
    splitter = splitter(n_parts, shuffle=True, random_state=seed)
    rows, new_rows = next(splitter.split(y, y, groups))
    if is_class and set(y[rows].tolist()) != set(y[new_rows].tolist()):
        (lone, *_) = set(y[rows].tolist()) ^ set(y[new_rows].tolist())
        raise ValueError(
            f"the class {shorten(str(lone), 60)!r} is in too few groups for both "
            "parts. A class needs texts of several groups: leave the class out, pass "
            "--holdout, or leave --groups out."
        )
    return rows, new_rows


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
