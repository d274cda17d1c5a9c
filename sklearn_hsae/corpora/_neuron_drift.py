"""Whether neurons fire as often on new texts as on the training texts."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_hsae.corpora._concept_drift import drift_table
from sklearn_hsae.selection import as_columns, count_active


def neuron_drift(selector, activations, *, alpha=0.05):
    """Compare how often each selected neuron fires on new and on training texts.

    It is cheaper than :func:`concept_drift`, because it needs no judge: the new texts
    are embedded and encoded. It also finds changes that the names of the neurons miss.

    Parameters
    ----------
    selector : NeuronSelector
        Fitted.
    activations : {array-like, sparse matrix} of shape (n_texts, n_selected)
        What `selector` returned for the new texts, such as
        ``pipe[:3].transform(texts)``. It may have no row.
    alpha : float, default=0.05
        Level of significance after correction.

    Returns
    -------
    DataFrame of n_selected rows
        `neuron`, the name of the column, and the other columns of
        :func:`concept_drift`.

    Raises
    ------
    ValueError
        When `activations` has another number of columns.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_hsae import NeuronSelector
    >>> from sklearn_hsae.corpora import neuron_drift
    >>> X = np.eye(4)[np.arange(100) % 4]
    >>> select = NeuronSelector(columns=[0, 2]).fit(X)
    >>> new = select.transform(np.eye(4)[[0, 1, 2, 0, 0, 0, 0, 0, 0, 0]])
    >>> neuron_drift(select, new)[["neuron", "training_prevalence", "prevalence"]]
      neuron  training_prevalence  prevalence
    0     x0                 0.25         0.8
    1     x2                 0.25         0.1
    """
    check_is_fitted(selector)
    names = selector.get_feature_names_out()
    n_texts, n_columns = np.shape(activations)
    if n_columns != len(names):
        raise ValueError(
            f"activations has {n_columns} columns, and {len(names)} neurons are "
            "selected. Pass what the selector returned: pipe[:3].transform(texts)."
        )
    n_before = np.full(n_columns, selector.n_samples_fit_)
    count = count_active(as_columns(activations))
    n = np.full(n_columns, n_texts)
    table = drift_table(selector.prevalence_, n_before, count, n, alpha)
    table.insert(0, "neuron", names)
    return table
