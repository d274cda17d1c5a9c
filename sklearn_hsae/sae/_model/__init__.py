"""The network and its loss for training, and the encoder for `transform`."""

from sklearn_hsae.sae._model._decoder_output import DecoderOutput
from sklearn_hsae.sae._model._encoder import Encoder, calibrate_threshold, standardize
from sklearn_hsae.sae._model._loss import TrainingLoss, prediction_loss
from sklearn_hsae.sae._model._network import SparseAutoencoder

__all__ = [
    "DecoderOutput",
    "Encoder",
    "SparseAutoencoder",
    "TrainingLoss",
    "calibrate_threshold",
    "prediction_loss",
    "standardize",
]
