"""How many hypotheses a number of rows can support."""

_ROWS_PER_HYPOTHESIS = 50
_FEWEST_HYPOTHESES, _MOST_HYPOTHESES = 3, 20


def suggest_n_select(n_rows):
    """Suggest a number of hypotheses.

    Parameters
    ----------
    n_rows : int
        Number of rows for the selection. The test needs about the same number.

    Returns
    -------
    int
        The value of "auto" in :class:`NeuronSelector`.

    Examples
    --------
    >>> from sklearn_hsae.selection import suggest_n_select
    >>> suggest_n_select(400), suggest_n_select(5000)
    (8, 20)
    """
    n = n_rows // _ROWS_PER_HYPOTHESIS
    return min(max(n, _FEWEST_HYPOTHESES), _MOST_HYPOTHESES)
