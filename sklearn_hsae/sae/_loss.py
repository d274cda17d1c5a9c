"""What training minimises, as one module that a wrapper for several processes can
hold."""

import torch
from torch import nn
from torch.nn import functional


class TrainingLoss(nn.Module):
    """Reconstruction, sparsity, prediction of the target and revival of the dead.

    Parameters
    ----------
    network : SparseAutoencoder
    prediction : {"regression", "binary", "multiclass"} or None
        Which loss the head has.
    target_weights : sequence of float
        Weight of that loss in each model.
    aux_weight : float
        Weight of the loss that revives dead neurons.
    """

    def __init__(self, network, prediction, target_weights, aux_weight):
        super().__init__()
        self.network = network
        self.prediction = prediction
        weights = torch.tensor(target_weights, dtype=torch.float32)
        self.register_buffer("target_weights", weights)
        self.aux_weight = aux_weight

    def forward(self, rows, target, dead):
        """The loss of each model in a batch, and which neurons fired in it."""
        network = self.network
        codes = network(rows)
        loss, _, residual = network.reconstruction(rows, codes)
        if network.penalty is not None:
            loss = loss + network.penalty.loss(codes, rows, network)
        if target is not None:
            error = prediction_loss(self.prediction, network.prediction(codes), target)
            loss = loss + self.target_weights * error
        if self.aux_weight > 0 and len(dead) > 0:
            auxiliary = network.auxiliary_loss(rows, residual, dead)
            loss = loss + self.aux_weight * auxiliary
        return loss, codes.fired()


def prediction_loss(kind, prediction, target):
    """Mean loss of each model's output.

    Parameters
    ----------
    kind : {"regression", "binary", "multiclass"}
    prediction : tensor of shape (n_models, n_rows, n_outputs)
    target : tensor of shape (n_models * n_rows,)

    Returns
    -------
    tensor of shape (n_models,)
    """
    target = target.view(prediction.shape[:2])
    if kind == "multiclass":
        losses = functional.cross_entropy(prediction.mT, target, reduction="none")
    elif kind == "binary":
        losses = functional.binary_cross_entropy_with_logits(
            prediction[..., 0], target, reduction="none"
        )
    else:
        losses = functional.mse_loss(prediction[..., 0], target, reduction="none")
    return losses.mean(dim=1)
