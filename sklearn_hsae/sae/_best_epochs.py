"""Early stopping for several models that are trained side by side."""

import torch
from skorch.callbacks import Callback


class BestEpochs(Callback):
    """Ends the training once no model gains; each gets the weights of its best epoch.

    What one model would have learned after it has run out of patience is not looked
    at, so that the others do not change its result.

    Parameters
    ----------
    patience : int
        Epochs without a lower validation loss after which a model has ended.

    Attributes
    ----------
    n_epochs_ : list of int
        How many epochs each model was trained.
    """

    def __init__(self, patience):
        self.patience = patience

    def on_train_begin(self, net, **kwargs):
        n_models = net.module_.n_models
        self.best_loss_ = [float("inf")] * n_models
        self.best_epoch_ = [0] * n_models
        self.n_epochs_ = [0] * n_models
        self.has_ended_ = [False] * n_models
        self.best_weights_ = [None] * n_models

    def on_epoch_end(self, net, **kwargs):
        epoch = len(net.history)
        for model, loss in enumerate(net.history[-1, "valid_loss"]):
            if self.has_ended_[model]:
                continue
            self.n_epochs_[model] = epoch
            if loss < self.best_loss_[model]:
                self.best_loss_[model] = loss
                self.best_epoch_[model] = epoch
                self.best_weights_[model] = [
                    part.detach().clone() for part in weights_of_model(net, model)
                ]
            elif epoch - self.best_epoch_[model] >= self.patience:
                self.has_ended_[model] = True
        if all(self.has_ended_):
            raise KeyboardInterrupt

    @torch.no_grad()
    def on_train_end(self, net, **kwargs):
        for model, best in enumerate(self.best_weights_):
            if best is None:  # its loss was never a number
                continue
            for part, weights in zip(weights_of_model(net, model), best, strict=True):
                part.copy_(weights)


def weights_of_model(net, model):
    """The parameters of one of the models, as views."""
    n_models = net.module_.n_models
    return [
        parameter.unflatten(0, (n_models, -1))[model]
        for parameter in net.module_.parameters()
    ]
