"""The network, its loss, and the encoder that is left of it after training."""

from sklearn_hsae.sae._model._encoder import Encoder, calibrate_threshold, standardize
from sklearn_hsae.sae._model._loss import TrainingLoss, prediction_loss
from sklearn_hsae.sae._model._network import SparseAutoencoder

__all__ = [
    "Encoder",
    "SparseAutoencoder",
    "TrainingLoss",
    "calibrate_threshold",
    "prediction_loss",
    "standardize",
]
