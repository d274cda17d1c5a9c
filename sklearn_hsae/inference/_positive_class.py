"""Of two classes, the one that effects point to."""

import numpy as np


def find_positive(classes, positive):
    """The class that effects point to; None with more than two classes.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
    positive : class label or None
        None is the class that sorts last.

    Raises
    ------
    ValueError
        When `positive` is not one of two classes.
    """
    if positive is None:
        return classes[-1] if len(classes) == 2 else None
    positive = positive.item() if isinstance(positive, np.generic) else positive
    if len(classes) > 2:
        raise ValueError(
            f"positive={positive!r} is for two classes, and there are {len(classes)}: "
            f"{_listed(classes)}. With more than two, each class has effects of its "
            "own. Leave it out; or, for one class against all others, make an outcome "
            f"that says whether it is {positive!r}."
        )
    found = [label for label in classes if label == positive]
    if not found:
        raise ValueError(
            f"positive={positive!r} is not one of the classes, which are "
            f"{_listed(classes)}."
        )
    return found[0]


def _listed(classes):
    more = ", ..." if len(classes) > 10 else ""
    return ", ".join(map(repr, classes[:10].tolist())) + more
