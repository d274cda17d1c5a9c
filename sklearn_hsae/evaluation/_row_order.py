"""Frames that are compared row by row have their rows in one order."""


def check_same_order(first, second, name):
    """Refuse a frame that has the row labels of another one, but in another order.

    Labels that differ altogether are fine: rows are compared by their position.
    """
    if first.index.equals(second.index) or not second.index.is_unique:
        return
    if first.index.isin(second.index).all():
        raise ValueError(
            f"The rows of {name} are in another order than those of the first frame. "
            "Pass them by .loc[first.index]."
        )
