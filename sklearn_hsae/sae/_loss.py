"""What training minimises, as one module that a wrapper for several processes can
hold."""

from torch import nn
from torch.nn import functional


class TrainingLoss(nn.Module):
    """Reconstruction, sparsity, prediction of the target and revival of the dead.

    Parameters
    ----------
    network : SparseAutoencoder
    prediction : {"regression", "binary", "multiclass"} or None
        Which loss the head has.
    target_weight : float
        Weight of that loss.
    aux_weight : float
        Weight of the loss that revives dead neurons.
    """

    def __init__(self, network, prediction, target_weight, aux_weight):
        super().__init__()
        self.network = network
        self.prediction = prediction
        self.target_weight = target_weight
        self.aux_weight = aux_weight

    def forward(self, rows, target, dead):
        """The loss of a batch, and which neurons fired in it."""
        network = self.network
        codes = network(rows)
        fvu, residual = network.reconstruction(rows, codes)
        loss = fvu @ network.prefix_weights + network.penalty_loss(rows, codes)
        if target is not None:
            error = prediction_loss(self.prediction, network.prediction(codes), target)
            loss = loss + self.target_weight * error
        if self.aux_weight > 0 and len(dead) > 0:
            auxiliary = network.auxiliary_loss(rows, residual, dead)
            loss = loss + self.aux_weight * auxiliary
        return loss, codes.fired()


def prediction_loss(kind, prediction, target):
    """Mean loss of the head's output of shape (n_rows, n_outputs)."""
    if kind == "multiclass":
        return functional.cross_entropy(prediction, target)
    if kind == "binary":
        return functional.binary_cross_entropy_with_logits(prediction[:, 0], target)
    return functional.mse_loss(prediction[:, 0], target)
