"""The selected texts as a table."""

import pandas as pd

from sklearn_hsae._labels import unique_labels


def selection_table(content, rows, shown):
    """Texts with their positions, outcomes, columns and annotations.

    Parameters
    ----------
    content : Content
    rows : int ndarray
    shown : callable
        The label of the name of a hypothesis.

    Returns
    -------
    DataFrame of len(rows) rows
    """
    annotations = content.annotations.reset_index(drop=True).iloc[rows]
    parts = [
        pd.DataFrame(_texts(content, rows), index=rows),
        content.outcome.iloc[rows],
        content.columns.iloc[rows],
        annotations.rename(columns=shown),
    ]
    table = pd.concat(parts, axis=1)
    return table.set_axis(unique_labels([*map(str, table.columns)]), axis=1)


def _texts(content, rows):
    if content.pairs is None:
        return {"text": content.texts[rows]}
    first, second = content.pairs[rows].T
    return {"text": first, "text_b": second}
