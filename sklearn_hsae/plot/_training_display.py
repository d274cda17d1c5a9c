"""How an autoencoder learned, epoch by epoch."""

import numpy as np
import pandas as pd

from sklearn_hsae.plot._autoencoder import find_autoencoder
from sklearn_hsae.plot._display import OTHER, Display, note


class TrainingDisplay(Display):
    """Losses of the training, and the FVU of each prefix, per epoch.

    FVU is the fraction of variance unexplained on the validation rows. The dotted line
    is at the epoch whose weights were kept.

    Parameters
    ----------
    autoencoder : MatryoshkaSAETransformer
        Trained by `fit`.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Examples
    --------
    >>> from sklearn_hsae.plot import TrainingDisplay
    >>> TrainingDisplay.from_estimator(sae)  # doctest: +SKIP
    """

    def __init__(self, autoencoder):
        if not hasattr(autoencoder, "history_"):
            raise ValueError(
                "This autoencoder has no history_: partial_fit keeps none. Train it "
                "with fit."
            )
        self.autoencoder = autoencoder

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Draw the training of an autoencoder.

        Parameters
        ----------
        estimator : MatryoshkaSAETransformer or Pipeline
            Fitted; a pipeline has one autoencoder among its steps.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw. None makes a figure of a suitable size.

        Returns
        -------
        TrainingDisplay
            With the attributes `ax_` and `figure_`.

        Raises
        ------
        ImportError
            When matplotlib is not installed.
        ValueError
            When there is no autoencoder, or it was trained by `partial_fit`.
        """
        return cls(find_autoencoder(estimator)).plot(ax=ax)

    def size(self):
        """Width and height of a suitable figure, in inches."""
        return 8.5, 4.0

    def _draw(self, ax):
        from matplotlib import colormaps
        from matplotlib.ticker import MaxNLocator

        history = pd.DataFrame(self.autoencoder.history_)
        epochs = history["epoch"]
        prefixes = self.autoencoder.prefixes_
        fvu = np.array(history["valid_prefix_fvu"].tolist())
        colors = colormaps["viridis"](np.linspace(0.8, 0.2, len(prefixes)))
        for prefix, color, values in zip(prefixes, colors, fvu.T, strict=True):
            few = "first " if prefix < prefixes[-1] else ""
            label = f"FVU, {few}{prefix} neurons"
            ax.plot(epochs, values, color=color, label=label)
        ax.plot(epochs, history["train_loss"], "--", color=OTHER, label="training loss")
        if "valid_prediction_loss" in history:
            label = "validation loss, with the head's"
            ax.plot(epochs, history["valid_loss"], color="black", label=label)
        best = epochs[history["valid_loss"].idxmin()]
        ax.axvline(best, color="black", linewidth=0.8, linestyle=":")
        ax.set_ylim(bottom=0)
        ax.set_xlabel("epoch")
        ax.set_ylabel("loss")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.spines[["top", "right"]].set_visible(False)
        note(ax, f"FVU: fraction of variance unexplained; kept: epoch {best}")
        ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
