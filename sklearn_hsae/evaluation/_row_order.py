"""Frames that are compared row by row have their rows in one order."""


def check_same_order(first, second, name):
    """Refuse a frame that has the row labels of another one, but in another order.

    Labels that differ altogether are fine: rows are compared by their position.
    """
    labels, others = first.index, second.index
    if labels.equals(others) or labels.nlevels != others.nlevels:
        return
    if labels.is_unique and others.is_unique and labels.isin(others).all():
        raise ValueError(
            f"The rows of {name} are in another order than those of the annotations. "
            "Pass them by .loc[annotations.index]."
        )
