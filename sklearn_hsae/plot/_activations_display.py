"""The texts on which one neuron is active, from the strongest to the weakest."""

import numpy as np
from scipy import sparse

from sklearn_hsae import _format
from sklearn_hsae._texts import get_texts
from sklearn_hsae.plot._display import (
    OTHER,
    SIGNIFICANT,
    Display,
    list_labels,
    note,
    wrapped,
)

_CHARACTERS_PER_LINE = 72


class ActivationsDisplay(Display):
    """Texts with the activations of one neuron, ranked.

    The first half are the strongest. The others stand at equal steps of rank down to
    the weakest text on which the neuron is active: where do they stop to mean the same?

    Parameters
    ----------
    activations : array-like of shape (n_texts,)
        Of one neuron.
    texts : sequence of str of length n_texts
    name : str
        Of the neuron.
    n_texts : int, default=12
        How many texts are drawn.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    ranks_ : ndarray of int
        Ranks of the drawn texts; 1 is the strongest.
    rows_ : ndarray of int
        Their positions in `texts`.

    Examples
    --------
    >>> from sklearn_hsae.plot import ActivationsDisplay
    >>> ActivationsDisplay.from_estimator(pipe[:2], texts, 17)  # doctest: +SKIP
    """

    def __init__(self, activations, texts, name, *, n_texts=12):
        self.activations = np.asarray(activations, dtype=float)
        self.texts = texts
        self.name = name
        order = np.argsort(-self.activations, kind="stable")
        self._n_active = int((self.activations > 0).sum())
        if self._n_active == 0:
            raise ValueError(
                f"{name} is active on none of {len(order)} texts. Choose another "
                "neuron, or pass more texts."
            )
        n_drawn = min(n_texts, self._n_active)
        n_strongest = (n_drawn + 1) // 2
        weaker = np.linspace(
            n_strongest, self._n_active - 1, n_drawn - n_strongest, dtype=int
        )
        self.ranks_ = np.concatenate([np.arange(n_strongest), weaker]) + 1
        self.rows_ = order[self.ranks_ - 1]

    @classmethod
    def from_estimator(cls, estimator, X, neuron, *, texts=None, n_texts=12, ax=None):
        """Compute the activations of a neuron, and draw them.

        Parameters
        ----------
        estimator : transformer
            Fitted, with neurons as columns of its output: an autoencoder, a
            ReaderSAETransformer, or the first steps of a pipeline, as in ``pipe[:2]``.
        X : sequence of str, or array-like of shape (n_texts, n_features)
            Its input. Frames carry their texts in the row index.
        neuron : int or str
            Column of the output, or its name.
        texts : sequence of str or None, default=None
            For input that is no text and carries none.
        n_texts : int, default=12
            How many texts are drawn.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None makes a figure of a suitable size.

        Returns
        -------
        ActivationsDisplay
            With the attributes `ax_`, `figure_`, `ranks_` and `rows_`.

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        ValueError
            When the neuron does not exist or is active on no text, or there are no
            texts.
        """
        if texts is None and getattr(X, "ndim", 1) == 1:
            texts = X
        texts = get_texts(X, texts, cls, allow_empty=True)
        names = [str(name) for name in estimator.get_feature_names_out()]
        column = _column(names, neuron)
        activations = estimator.transform(X)
        if hasattr(activations, "iloc"):
            of_neuron = activations.iloc[:, column].to_numpy()
        elif sparse.issparse(activations):
            of_neuron = activations.tocsc()[:, [column]].toarray().ravel()
        else:
            of_neuron = activations[:, column]
        return cls(of_neuron, texts, names[column], n_texts=n_texts).plot(ax=ax)

    def _labels(self):
        labels = []
        for rank, row in zip(self.ranks_, self.rows_, strict=True):
            text = " ".join(str(self.texts[row]).split())
            labels.append(wrapped(f"{rank}. {text}", _CHARACTERS_PER_LINE))
        return labels

    def size(self):
        """Width and height of a suitable figure, in inches."""
        return 10.0, super().size()[1]

    def _draw(self, ax):
        n_drawn = len(self.ranks_)
        is_strongest = self.ranks_ == np.arange(1, n_drawn + 1)
        ax.barh(
            range(n_drawn),
            self.activations[self.rows_],
            color=np.where(is_strongest, SIGNIFICANT, OTHER),
            height=0.62,
        )
        list_labels(ax, self._labels())
        ax.set_xlabel(f"activation of {self.name}")
        n_active, n_all = map(_format.count, (self._n_active, len(self.activations)))
        note(ax, f"active on {n_active} of {n_all} texts; numbers are ranks")


def _column(names, neuron):
    if isinstance(neuron, str) and neuron in names:
        return names.index(neuron)
    if not isinstance(neuron, str) and 0 <= neuron < len(names):
        return int(neuron)
    raise ValueError(
        f"There is no neuron {neuron!r}: the columns are 0 to {len(names) - 1}, named "
        f"{names[0]} to {names[-1]}."
    )
