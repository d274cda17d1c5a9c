"""The columns of a file beside its texts and its outcome: controls and groups."""

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from sklearn_hsae._format import shorten
from sklearn_hsae.inference import LEAST_ROWS_PER_GROUP

_TEXTS_PER_LEVEL = 10  # of a category that is a control
_FEW_GROUPS = 10  # to test on: below, tests that allow for groups find little


def needed_columns(arguments):
    """The further columns that each row needs, and how `load_texts` reads them."""
    for option, names in _named(arguments).items():
        for name in names:
            if name in (arguments.text, arguments.text_b, arguments.target):
                role = "outcome" if name == arguments.target else "texts"
                raise ValueError(
                    f"--{option} names {name!r}, which is the column of the {role}. "
                    f"Name another column, or leave --{option} out."
                )
    columns = {} if arguments.id is None else {arguments.id: "text"}
    columns |= arguments.controls or {}
    labels = (arguments.groups, arguments.by)
    return columns | {name: "classification" for name in labels if name is not None}


def _named(arguments):
    """The names of columns by option."""
    named = {"groups": arguments.groups, "by": arguments.by, "id": arguments.id}
    return {"controls": list(arguments.controls or {})} | {
        option: [name] for option, name in named.items() if name is not None
    }


def check_columns(frame, arguments, n_texts):
    """Refuse a control that is constant or a name of each text, and lone groups."""
    for name, kind in (arguments.controls or {}).items():
        values = frame[name]
        _refuse_constant(values, name, "controls", "nothing to hold equal")
        n_levels = values.nunique()
        is_category = kind == "classification" or not is_numeric_dtype(values)
        if is_category and n_levels > n_texts / _TEXTS_PER_LEVEL:
            raise ValueError(
                f"--controls {name} has {n_levels:,} different values, such as "
                f"{_shown(values)}, for {n_texts:,} texts. A category needs "
                f"{_TEXTS_PER_LEVEL} texts or more per value: merge rare values, write "
                "a quantity as numbers, or leave the column out."
            )
    if arguments.by is not None:
        values = frame[arguments.by]
        _refuse_constant(values, arguments.by, "by", "nothing to compare")
        n_large = (values.value_counts() >= 2 * LEAST_ROWS_PER_GROUP).sum()
        if n_large < 2:
            raise ValueError(
                f"--by {arguments.by} has {values.nunique():,} different values, and "
                f"{n_large} of them {'has' if n_large == 1 else 'have'} "
                f"{2 * LEAST_ROWS_PER_GROUP} texts or more. Two are needed to compare "
                "effects: merge values, or name another column."
            )
    if arguments.groups is not None:
        values, name = frame[arguments.groups], arguments.groups
        _refuse_constant(values, name, "groups", "only one group")
        if values.nunique() == len(values):
            raise ValueError(
                f"--groups {name} has another value in each row, such as "
                f"{_shown(values)}: no two texts go together. Name the column of the "
                "author or the shop, or leave --groups out."
            )


def _refuse_constant(values, name, option, reason):
    if values.nunique() < 2:
        raise ValueError(
            f"--{option} {name} is {_shown(values)} in every row: there is {reason}. "
            "Name another column, or leave this one out."
        )


def _shown(values):
    value = values.iloc[0]
    return repr(shorten(value, 40)) if isinstance(value, str) else f"{value}"


def with_controls(texts, frame, controls):
    """The texts with the controls in their index, where they reach the last step.

    Parameters
    ----------
    texts : ndarray of str of shape (n_rows,), or (n_rows, 2) for pairs
    frame : DataFrame of n_rows rows
    controls : dict of str to str, or None
        Names of columns; "classification" for categories.

    Returns
    -------
    Series, or DataFrame for pairs, or the texts themselves without controls
    """
    if not controls:
        return texts
    columns = {
        name: frame[name].astype(str) if kind == "classification" else frame[name]
        for name, kind in controls.items()
    }
    index = pd.MultiIndex.from_frame(pd.DataFrame(columns))
    kind = pd.Series if texts.ndim == 1 else pd.DataFrame
    return kind(texts, index=index, dtype=object)


def describe_groups(split, name):
    """Warnings about the groups to test on, one line each."""
    groups, new_groups = np.unique(split.groups), np.unique(split.new_groups)
    lines = []
    n_known = np.isin(new_groups, groups).sum()
    if n_known:
        lines.append(
            f"{n_known:,} of {len(new_groups):,} values of {name!r} to test on are "
            "also among the texts to learn from. Those texts are no independent test. "
            "Leave --holdout out, and each group is put in one part."
        )
    if len(new_groups) < _FEW_GROUPS:
        lines.append(
            f"the texts to test on have {len(new_groups)} values of {name!r} only. "
            f"With fewer than {_FEW_GROUPS} groups the tests find little."
        )
    return lines
