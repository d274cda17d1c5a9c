"""A progress bar over the epochs."""

import numpy as np
from skorch.callbacks import Callback

from sklearn_hsae._progress import progress_bar


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
