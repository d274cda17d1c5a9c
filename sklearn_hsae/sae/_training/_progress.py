"""What is told after each epoch: a progress bar, and a function of the user."""

import numpy as np
from skorch.callbacks import Callback

from sklearn_hsae._progress import progress_bar


def epoch_of_model(epoch, model):
    """The figures of one model in an epoch of skorch, without its records of batches.

    Parameters
    ----------
    epoch : dict
        Some values are lists with one item per model.
    model : int

    Returns
    -------
    dict
    """
    return {
        key: value[model] if isinstance(value, list) else value
        for key, value in epoch.items()
        if key != "batches"
    }


class EpochReport(Callback):
    """Calls a function with the figures of the epoch, for the training of one model."""

    def __init__(self, function):
        self.function = function

    def on_epoch_end(self, net, **kwargs):
        self.function(epoch_of_model(net.history[-1], 0))


class EpochProgress(Callback):
    """Shows the epochs and the last validation loss, the mean over the models."""

    def __init__(self, disable):
        self.disable = disable

    def on_train_begin(self, net, **kwargs):
        self.bar_ = progress_bar(
            total=net.max_epochs,
            initial=len(net.history),
            desc="Training the autoencoder",
            unit="epoch",
            disable=self.disable,
        )

    def on_epoch_end(self, net, **kwargs):
        loss = net.history[-1].get("valid_loss", net.history[-1, "train_loss"])
        self.bar_.set_postfix(loss=f"{np.mean(loss):.3f}", refresh=False)
        self.bar_.update()

    def on_train_end(self, net, **kwargs):
        # Early stopping: the bar ends full, not at a part of the epochs.
        self.bar_.total = self.bar_.n
        self.bar_.close()
