"""The training loop: skorch runs the epochs, :class:`AutoencoderNet` the steps."""

from sklearn_hsae.sae._training._checkpoint import checkpoint_path
from sklearn_hsae.sae._training._processes import join_processes, training_device
from sklearn_hsae.sae._training._train import LearnedWeights, train, train_further

__all__ = [
    "LearnedWeights",
    "checkpoint_path",
    "join_processes",
    "train",
    "train_further",
    "training_device",
]
