"""Which neurons of an autoencoder are alike."""

import numpy as np
from sklearn.metrics.pairwise import cosine_similarity

from sklearn_hsae.plot._autoencoder import find_autoencoder
from sklearn_hsae.plot._display import Display, note
from sklearn_hsae.plot._heat_map import draw_heat_map, leaf_order

_MOST_LABELS = 40
_INCHES_PER_LABEL, _FEWEST_INCHES, _INCHES_WITHOUT_LABELS = 0.18, 3.5, 7.0
_INCHES_OF_SCALE = 1.8


class NeuronSimilarityDisplay(Display):
    """Cosines between the directions of neurons, as a heat map.

    Alike neurons stand side by side: the order is that of a hierarchical clustering
    with the best order of leaves. The names are drawn for 40 neurons or fewer.

    Parameters
    ----------
    autoencoder : MatryoshkaSAETransformer
    neurons : array-like of int or None, default=None
        Which neurons; None is all. Those that a pipeline selected are
        ``pipeline["select"].get_support(indices=True)``.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    order_ : ndarray of int of shape (n_neurons,)
        The neurons as they are drawn, as columns of the autoencoder.

    Examples
    --------
    >>> from sklearn_hsae.plot import NeuronSimilarityDisplay
    >>> NeuronSimilarityDisplay.from_estimator(sae)  # doctest: +SKIP
    """

    def __init__(self, autoencoder, *, neurons=None):
        self.autoencoder = autoencoder
        n_neurons = len(autoencoder.components_)
        neurons = np.arange(n_neurons) if neurons is None else np.asarray(neurons)
        if neurons.size == 0 or neurons.min() < 0 or neurons.max() >= n_neurons:
            raise ValueError(
                f"neurons must be some of 0 to {n_neurons - 1}, got "
                f"{neurons.tolist()}. They are columns of the autoencoder's output."
            )
        self._cosines = cosine_similarity(autoencoder.components_[neurons])
        self._leaves = leaf_order(self._cosines)
        self.order_ = neurons[self._leaves]

    @classmethod
    def from_estimator(cls, estimator, *, neurons=None, ax=None):
        """Draw the neurons of an autoencoder.

        Parameters
        ----------
        estimator : MatryoshkaSAETransformer or Pipeline
            Fitted; a pipeline has one autoencoder among its steps.
        neurons : array-like of int or None, default=None
            Which neurons; None is all.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None makes a figure of a suitable size.

        Returns
        -------
        NeuronSimilarityDisplay
            With the attributes `ax_`, `figure_` and `order_`.

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        ValueError
            When there is no autoencoder, or a neuron that it does not have.
        """
        return cls(find_autoencoder(estimator), neurons=neurons).plot(ax=ax)

    def size(self):
        """Width and height of a suitable figure, in inches."""
        n = len(self.order_)
        height = max(_INCHES_PER_LABEL * n + 1, _FEWEST_INCHES)
        if n > _MOST_LABELS:
            height = _INCHES_WITHOUT_LABELS
        return height + _INCHES_OF_SCALE, height

    def _draw(self, ax):
        draw_heat_map(ax, self._cosines, self._leaves, "cosine of directions")
        ax.set_xticks([])
        names = self.autoencoder.get_feature_names_out()[self.order_]
        if len(names) <= _MOST_LABELS:
            ax.set_yticks(range(len(names)), names, fontsize="small")
        else:
            ax.set_yticks([])
        note(ax, f"{len(names)} neurons: which stand for nearly the same?")
