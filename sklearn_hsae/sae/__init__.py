"""The sparse autoencoder: represents each embedding by a few active neurons of many.

One training step, from the outside in:

1. `MatryoshkaSAETransformer.fit` (`_estimator.py`) checks the data, resolves every
   "auto" (`_settings.py`), and stores the result of `train` as fitted attributes.
2. `train` (`_training/_train.py`) splits the rows and calls `fit` of a skorch net,
   which runs the epochs. `_best_epochs.py` stops early, `_checkpoint.py` saves.
3. `AutoencoderNet._step` (`_training/_net.py`) **is the step**: one batch
   (`_batches.py`), loss, gradients, `AdamW` (`_kernels/_adamw.py`).
4. `TrainingLoss` (`_model/_loss.py`) calls `SparseAutoencoder` (`_model/_network.py`),
   which selects the active neurons and reconstructs the rows from them.
5. `_kernels/` computes it: Numba on CPUs, torch on GPUs; `_torch_products.py` is the
   readable definition.

After the training, `EncodingMixin` (`_encoding.py`) computes activations of any rows.
"""

from sklearn_hsae.sae._estimator import MatryoshkaSAETransformer
from sklearn_hsae.sae._fit_many import fit_many
from sklearn_hsae.sae._settings import suggest_sizes

__all__ = ["MatryoshkaSAETransformer", "fit_many", "suggest_sizes"]
