"""Groups of hypotheses with similar annotations; each group is tested as one."""

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from sklearn_hsae._correlations import annotation_correlations

# Every two hypotheses of a group have at least this correlation. At 0.5 about three
# quarters of the rows that have a rare concept have the other one as well.
_LEAST_CORRELATION = 0.5


def agreeing_groups(annotations):
    """Assign each hypothesis to a group, by complete linkage.

    Parameters
    ----------
    annotations : ndarray of shape (n_rows, n_hypotheses)
        1, 0 or NaN. Rows with a NaN do not count.

    Returns
    -------
    ndarray of int of shape (n_hypotheses,)
        Numbers of the groups from 1, in the order of their first hypotheses.
    """
    n_hypotheses = annotations.shape[1]
    if n_hypotheses == 1:
        return np.array([1])
    correlation = np.nan_to_num(annotation_correlations(annotations))
    np.fill_diagonal(correlation, 1.0)
    distance = squareform(1 - correlation, checks=False)
    clusters = fcluster(
        linkage(distance, "complete"), 1 - _LEAST_CORRELATION, criterion="distance"
    )
    return pd.factorize(clusters)[0] + 1


def group_table(last_step, table, annotations, y, numbers, controls, clusters=None):
    """Test each group as one hypothesis: a text has any of its concepts.

    For pairs: one of the texts has more of its concepts.

    Parameters
    ----------
    last_step : HypothesisRegressor or HypothesisClassifier
        Its settings and classes are used; its coefficients are not.
    table : DataFrame
        That of the hypotheses, each beside the others.
    annotations : DataFrame of shape (n_rows, n_hypotheses)
    y : ndarray of shape (n_rows,)
    numbers : ndarray of int of shape (n_hypotheses,)
        The group of each hypothesis.
    controls : DataFrame of shape (n_rows, n_controls)
        The columns that are no hypotheses.
    clusters : array-like of shape (n_rows,), default=None
        The argument `groups` of the last step.

    Returns
    -------
    DataFrame
        As `summary_`, with `members`, the list of the names, before the estimates.
    """
    names = np.asarray(annotations.columns, dtype=object)
    values = annotations.to_numpy(dtype=np.float64)
    groups = [numbers == number for number in np.unique(numbers)]
    members = [names[group].tolist() for group in groups]
    labels = [joined_label(concepts) for concepts in members]
    if len(labels) < len(names) or not _are_annotations(values):
        joined = _more if last_step.pairs else _any
        any_of = np.empty((len(values), len(groups)))
        for j, group in enumerate(groups):
            any_of[:, j] = joined(values[:, group])
        frame = pd.DataFrame(any_of, controls.index, labels, copy=False)
        if len(controls.columns):
            frame = pd.concat([frame, controls], axis=1)
        table = last_step._table_of(frame, y, clusters, list(controls.columns))
    by_label = dict(zip(labels, members, strict=True))
    table = table.copy()
    position = table.columns.get_loc("hypothesis") + 1
    table.insert(position, "members", table["hypothesis"].map(by_label))
    return table


def joined_label(concepts):
    """The words of a hypothesis that is any of several concepts."""
    return " or ".join(concepts)


def one_row_per_group(table, groups):
    """The table of groups, with what the table of concepts says beside the estimates.

    Parameters
    ----------
    table : DataFrame
        One row per concept (and class).
    groups : DataFrame
        What `group_table` returned, of the same concepts.

    Returns
    -------
    DataFrame
        `groups` with `group`, the number, and the other columns of `table`, such as the
        fidelity. These are missing where a group has several members.
    """
    keys = ["class", "hypothesis"] if "class" in table else ["hypothesis"]
    others = [name for name in table if name not in groups or name in keys]
    others.remove("group")
    numbers = table.drop_duplicates("hypothesis").set_index("hypothesis")["group"]
    number = [numbers[members[0]] for members in groups["members"]]
    return groups.assign(group=number).merge(table[others], on=keys, how="left")


def _are_annotations(values):
    """Whether a group of one hypothesis has the same values as this one."""
    return ((values == 0) | (np.abs(values) == 1) | np.isnan(values)).all()


def _more(annotations):
    """1 where the first text has more of the concepts, -1 where the second has."""
    return np.sign(annotations.sum(axis=1))


def _any(annotations):
    """1 where any annotation is 1, else NaN where any is missing, else 0."""
    is_missing = np.isnan(annotations)
    has_some = ((annotations != 0) & ~is_missing).any(axis=1)
    return np.where(is_missing.any(axis=1) & ~has_some, np.nan, has_some)
