"""Early stopping, for one model or for several models."""

import numpy as np
import torch
from skorch.callbacks import Callback


class BestEpochs(Callback):
    """Stop when no model improves; each model gets the weights of its best epoch.

    A model that has reached its patience is never updated again, so that the other
    models have no effect on its result.

    Parameters
    ----------
    patience : int or None
        A model ends after this number of epochs without a lower validation loss. None
        trains all models to the last epoch.

    Attributes
    ----------
    n_epochs_ : int array of shape (n_models,)
        Number of epochs until each model ended.
    best_epochs_ : int array of shape (n_models,)
    best_losses_ : float array of shape (n_models,)
    best_weights_ : dict of tensors
        Parameters of the network by name, with the models as first axis.
    """

    def __init__(self, patience):
        self.patience = patience

    def on_train_begin(self, net, **kwargs):
        n_models = net.module_.n_models
        self.n_epochs_ = np.zeros(n_models, dtype=int)
        self.best_epochs_ = np.zeros(n_models, dtype=int)
        self.best_losses_ = np.full(n_models, np.inf)
        self.best_weights_ = {
            name: parameter.detach().clone()
            for name, parameter in net.module_.named_parameters()
        }

    def on_epoch_end(self, net, **kwargs):
        epoch = len(net.history)
        losses = np.array(net.history[-1, "valid_loss"])
        is_training = ~self._has_ended()
        is_better = is_training & (losses < self.best_losses_)
        self.n_epochs_[is_training] = epoch
        self.best_epochs_[is_better] = epoch
        self.best_losses_[is_better] = losses[is_better]
        for name, parameter in net.module_.named_parameters():
            for model in np.flatnonzero(is_better):
                self.best_weights_[name][model].copy_(parameter[model].detach())
        if self._has_ended().all():
            raise KeyboardInterrupt  # this is how a callback ends a training in skorch

    def _has_ended(self):
        if self.patience is None:
            return np.zeros(len(self.n_epochs_), dtype=bool)
        return self.n_epochs_ - self.best_epochs_ >= self.patience

    @torch.no_grad()
    def on_train_end(self, net, **kwargs):
        for name, parameter in net.module_.named_parameters():
            parameter.copy_(self.best_weights_[name])

    def state(self):
        """State for :meth:`restore` as values for JSON, without the best weights."""
        return {
            "n_epochs": self.n_epochs_.tolist(),
            "best_epochs": self.best_epochs_.tolist(),
            "best_losses": self.best_losses_.tolist(),
        }

    def restore(self, state, best_weights):
        """Continue from the state of another object of this class."""
        self.n_epochs_ = np.array(state["n_epochs"])
        self.best_epochs_ = np.array(state["best_epochs"])
        self.best_losses_ = np.array(state["best_losses"])
        self.best_weights_ = best_weights
