"""The classes of an outcome, and of two the one that effects point to."""

import numpy as np

from sklearn_hsae._target import read_target


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


def read_labels(y):
    """The label of each row."""
    target = read_target(y, "classification")
    return target.classes[target.values]


def refuse_unknown(labels, classes):
    """Raise a ValueError for labels that fit has not seen, or a single one."""
    unknown = np.setdiff1d(labels, classes).tolist()
    if unknown:
        raise ValueError(
            f"y has the classes {unknown[:10]}, which fit has not seen; it has "
            f"seen {classes.tolist()}."
        )
    refuse_single_class(labels)


def refuse_single_class(labels):
    """Raise a ValueError when all rows are of one class."""
    if (labels == labels[0]).all():
        raise ValueError(
            "HypothesisClassifier needs two classes or more in y; the rows that count "
            f"have one class, {labels[:1].tolist()[0]!r}."
        )


def _listed(classes):
    more = ", ..." if len(classes) > 10 else ""
    return ", ".join(map(repr, classes[:10].tolist())) + more
