"""Groups of hypotheses that say the same; each group is tested as one."""

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from sklearn_hsae._correlations import annotation_correlations
from sklearn_hsae._labels import plain_label, same_label
from sklearn_hsae.inference import corrected

# Every two hypotheses of a group have at least this correlation. At 0.5 about three
# quarters of the rows that have a rare concept have the other one as well.
_LEAST_CORRELATION = 0.5


def agreeing_groups(annotations, names):
    """Assign each hypothesis to a group, by complete linkage.

    Every two hypotheses of a group agree in their annotations, or have the same words.
    Similar words are not enough: to an embedding model, "praises the staff" and
    "complains about the staff" are nearer to each other than many paraphrases are.

    Parameters
    ----------
    annotations : ndarray of shape (n_rows, n_hypotheses)
        1, 0 or NaN. Rows with a NaN do not count.
    names : sequence of str of length n_hypotheses

    Returns
    -------
    ndarray of int of shape (n_hypotheses,)
        Numbers of the groups from 1, in the order of their first hypotheses.
    """
    n_hypotheses = annotations.shape[1]
    if n_hypotheses == 1:
        return np.array([1])
    correlation = np.nan_to_num(annotation_correlations(annotations))
    words = _words(names)
    correlation[words[:, None] == words] = 1.0
    distance = squareform(1 - correlation, checks=False)
    clusters = fcluster(
        linkage(distance, "complete"), 1 - _LEAST_CORRELATION, criterion="distance"
    )
    return pd.factorize(clusters)[0] + 1


def _words(names):
    """The words of each name, without a count that made the name unique."""
    names = [str(name) for name in names]
    plain = [plain_label(name) for name in names]
    words = [
        same_label(short if short in names else name)
        for name, short in zip(names, plain, strict=True)
    ]
    return np.array(words, dtype=object)


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
        As `summary_`, with `members`, the list of the names, before the estimates; and
        `wald_p`, the test that no member has an effect beside all other hypotheses, and
        `wald_p_corrected`.
    """
    names = np.asarray(annotations.columns, dtype=object)
    values = annotations.to_numpy(dtype=np.float64)
    groups = [numbers == number for number in np.unique(numbers)]
    members = [names[group].tolist() for group in groups]
    labels = [joined_label(concepts) for concepts in members]
    wald_p = _wald_p(last_step, table, annotations, y, groups, controls, clusters)
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
    table["wald_p"] = wald_p
    table["wald_p_corrected"] = corrected(wald_p, last_step.correction)
    position = table.columns.get_loc("hypothesis") + 1
    table.insert(position, "members", table["hypothesis"].map(by_label))
    return table


def _wald_p(last_step, table, annotations, y, groups, controls, clusters):
    """p of each group (by class): of its member, or that no member has an effect."""
    first = [int(np.argmax(group)) for group in groups]
    p = table["p"].to_numpy().reshape(-1, len(annotations.columns))[:, first]
    several = [j for j, group in enumerate(groups) if group.sum() > 1]
    if several:
        X = pd.concat([annotations, controls], axis=1)
        members = [np.flatnonzero(groups[j]) for j in several]
        tests = last_step._joint_p(X, y, clusters, list(controls.columns), members)
        p[:, several] = tests.reshape(-1, len(several))
    return p.ravel()


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
