"""Which hypotheses hold for the same texts."""

import numpy as np

from sklearn_hsae._correlations import annotation_correlations
from sklearn_hsae.plot._display import note, wrapped
from sklearn_hsae.plot._evaluation_display import EvaluationDisplay
from sklearn_hsae.plot._heat_map import draw_heat_map, leaf_order

_LABELS_AND_SCALE = 4.25  # inches beside the square


class AgreementDisplay(EvaluationDisplay):
    """Correlations of the annotations of each two hypotheses, as a heat map.

    Hypotheses that agree stand side by side: the order is that of a hierarchical
    clustering with the best order of leaves [1]_. A hypothesis that all texts have, or
    none, has no correlation and is grey.

    Parameters
    ----------
    evaluation : HypothesisEvaluation
    outcome : str, default="the outcome"
        Not drawn; for the same signature as the other displays.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    order_ : ndarray of int of shape (n_hypotheses,)
        Positions of the hypotheses in ``evaluation.annotations``, as they are drawn.

    References
    ----------
    .. [1] Bar-Joseph, Gifford & Jaakkola (2001). Fast optimal leaf ordering for
       hierarchical clustering. Bioinformatics 17.

    Examples
    --------
    >>> from sklearn_hsae.plot import AgreementDisplay
    >>> AgreementDisplay.from_evaluation(evaluation)  # doctest: +SKIP
    """

    def __init__(self, evaluation, *, outcome="the outcome"):
        super().__init__(evaluation, outcome=outcome)
        self._correlation = annotation_correlations(
            evaluation.annotations.to_numpy(dtype=float)
        )
        self.order_ = leaf_order(self._correlation)

    def _labels(self):
        names = np.asarray(self.evaluation.annotations.columns)[self.order_]
        return [f"{wrapped(name)}  {i}" for i, name in enumerate(names, 1)]

    def size(self):
        """Width and height of a suitable figure, in inches."""
        height = max(super().size()[1], 3.0)
        return height + _LABELS_AND_SCALE, height

    def _draw(self, ax):
        draw_heat_map(ax, self._correlation, self.order_, "correlation of annotations")
        ax.set_yticks(range(len(self.order_)), self._labels(), fontsize="small")
        note(ax, "do two hypotheses hold for the same texts?")
