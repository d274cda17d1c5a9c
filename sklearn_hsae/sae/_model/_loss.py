"""The loss of a training step, as one module that DistributedDataParallel can wrap."""

import torch
from torch import nn
from torch.nn import functional

# Gao et al. 2024, "Scaling and evaluating sparse autoencoders", section A.2.
_AUXILIARY_WEIGHT = 1 / 32
_MULTI_K_WEIGHT = 1 / 8  # Multi-TopK of the same paper


class TrainingLoss(nn.Module):
    """Reconstruction + penalty + prediction of the target + auxiliary loss.

    With `multi_k`, also the reconstruction from that number of active neurons.

    Parameters
    ----------
    network : SparseAutoencoder
    target_kind : {"regression", "binary", "multiclass"} or None
        Which loss the head has.
    target_weights : sequence of float
        Weight of the head's loss, one per model.
    """

    def __init__(self, network, target_kind, target_weights):
        super().__init__()
        self.network = network
        self.target_kind = target_kind
        weights = torch.tensor(target_weights, dtype=torch.float32)
        self.register_buffer("target_weights", weights)

    def forward(self, rows, target, row_weights, dead):
        """Compute the loss of each model, and which neurons fired in the batch.

        Parameters
        ----------
        rows : tensor of shape (n_models, n_rows, n_features)
        target : tensor of shape (n_models, n_rows) or None
        row_weights : tensor of shape (n_models, n_rows)
        dead : sequence of int64 tensors, one per model
            Dead neurons; empty when no model has dead neurons.

        Returns
        -------
        loss : tensor of shape (n_models,)
        fired : bool tensor of shape (n_models, n_neurons)
        """
        network = self.network
        codes = network(rows)
        loss, _, residual = network.reconstruction(rows, codes, row_weights)
        if network.multi_k is not None:
            more = network.multi_k_loss(rows, row_weights)
            loss = loss + _MULTI_K_WEIGHT * more
        if network.penalty is not None:
            loss = loss + network.penalty.loss(codes, rows, row_weights, network)
        if target is not None:
            prediction = network.prediction(codes)
            error = prediction_loss(self.target_kind, prediction, target, row_weights)
            loss = loss + self.target_weights * error
        if dead:
            auxiliary = network.auxiliary_loss(rows, residual, row_weights, dead)
            loss = loss + _AUXILIARY_WEIGHT * auxiliary
        return loss, codes.fired()


def prediction_loss(target_kind, prediction, target, row_weights):
    """Weighted mean loss of the head of each model.

    Parameters
    ----------
    target_kind : {"regression", "binary", "multiclass"}
        Squared error, logistic loss or cross-entropy.
    prediction : tensor of shape (n_models, n_rows, n_outputs)
    target : tensor of shape (n_models, n_rows)
    row_weights : tensor of shape (n_models, n_rows)

    Returns
    -------
    tensor of shape (n_models,)
    """
    if target_kind == "multiclass":
        losses = functional.cross_entropy(prediction.mT, target, reduction="none")
    elif target_kind == "binary":
        losses = functional.binary_cross_entropy_with_logits(
            prediction[..., 0], target, reduction="none"
        )
    else:
        losses = functional.mse_loss(prediction[..., 0], target, reduction="none")
    return (losses * row_weights).mean(dim=1)
