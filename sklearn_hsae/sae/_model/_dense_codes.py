"""Activations as a dense matrix.

Used with penalties, which start with many active neurons. Also used on GPUs, which
multiply dense matrices faster than they gather rows.
"""

import numpy as np
import torch


class DenseCodes:
    """Activations of a batch; autograd finds the gradients.

    The methods are those of :class:`SparseCodes`, which describes them.

    Parameters
    ----------
    activations : tensor of shape (n_models, n_rows, n_neurons)
    """

    def __init__(self, activations):
        self.activations = activations

    def reconstructions(self, decoder, bias, prefixes):
        """What the decoder makes of each prefix, the smallest prefix first.

        The reconstruction of a prefix is that of the previous prefix plus its own block
        of neurons, so each neuron is decoded once.
        """
        sizes = np.diff([0, *prefixes]).tolist()
        reconstruction, reconstructions = bias[:, None], []
        # split instead of slices: the gradient of a slice is as large as the whole
        # tensor.
        for activations, directions in zip(
            self.activations.split(sizes, dim=2),
            decoder.split(sizes, dim=1),
            strict=True,
        ):
            reconstruction = reconstruction + activations @ directions
            reconstructions.append(reconstruction)
        return reconstructions

    def prefix_losses(
        self,
        rows,
        decoder,
        bias,
        prefixes,
        prefix_weights,
        block_of_neuron,
        row_weights,
        output=None,
    ):
        reconstructions = self.reconstructions(decoder, bias, prefixes)
        if output is not None:
            reconstructions = map(output, reconstructions)
        residuals = [rows - reconstruction for reconstruction in reconstructions]
        losses = [
            (torch.linalg.vecdot(residual, residual) * row_weights).mean(dim=1)
            for residual in residuals
        ]
        losses = torch.stack(losses, dim=1)
        return losses @ prefix_weights, losses.detach(), residuals[-1].detach()

    def predict(self, head):
        return self.activations[:, :, : head.shape[1]] @ head

    def fired(self):
        return (self.activations > 0).any(dim=1)
