"""Activations as a dense matrix: for training while many neurons are still active, and
for GPUs, which multiply whole matrices faster than they gather rows."""

import numpy as np
import torch


class DenseCodes:
    """Activations of a batch, of shape (n_rows, n_neurons).

    Offers what :class:`SparseCodes` offers, for one model; gradients are autograd's
    own.
    """

    def __init__(self, activations):
        self.activations = activations

    def residuals(self, rows, decoder, bias, prefixes):
        """Row minus reconstruction for each prefix, the smallest first.

        The prefixes share one decoding: each adds its own block of neurons to what
        the one before has reconstructed.
        """
        sizes = np.diff([0, *prefixes]).tolist()
        residual, found = rows - bias, []
        # split, not slices: the gradient of each slice would be as large as the whole.
        for activations, directions in zip(
            self.activations.split(sizes, dim=1), decoder.split(sizes), strict=True
        ):
            residual = residual - activations @ directions
            found.append(residual)
        return found

    def prefix_losses(
        self, rows, decoder, bias, prefixes, prefix_weights, block_of_neuron
    ):
        """Mean squared error, in all and for each prefix; the residual of the last."""
        residuals = self.residuals(rows, decoder, bias, prefixes)
        losses = [residual.square().sum() / len(rows) for residual in residuals]
        losses = torch.stack(losses)[None]
        return losses @ prefix_weights, losses.detach(), residuals[-1].detach()

    def predict(self, head, head_row_of_neuron):
        """Linear prediction from the first ``len(head)`` neurons."""
        return self.activations[:, : len(head)] @ head

    def fired(self):
        """Whether each neuron is positive in any row."""
        return (self.activations > 0).any(dim=0)
