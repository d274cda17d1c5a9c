"""Activations as a dense matrix: for penalties, which start with many active neurons,
and for GPUs, which multiply whole matrices faster than they gather rows."""

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

    def residuals(self, rows, decoder, bias, prefixes):
        """Row minus reconstruction of each prefix, the smallest first.

        All prefixes share one decoding: each adds its own block of neurons to the
        reconstruction of the one before.
        """
        sizes = np.diff([0, *prefixes]).tolist()
        residual, residuals = rows - bias[:, None], []
        # split, not slices: the gradient of each slice would be as large as the whole.
        for activations, directions in zip(
            self.activations.split(sizes, dim=2),
            decoder.split(sizes, dim=1),
            strict=True,
        ):
            residual = residual - activations @ directions
            residuals.append(residual)
        return residuals

    def prefix_losses(
        self,
        rows,
        decoder,
        bias,
        prefixes,
        prefix_weights,
        block_of_neuron,
        row_weights,
    ):
        residuals = self.residuals(rows, decoder, bias, prefixes)
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
