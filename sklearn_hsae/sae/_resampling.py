"""A new start for dead neurons, from the rows that are reconstructed worst."""

import torch
from torch.nn import functional


@torch.no_grad()
def resample(network, optimizer, rows, dead, rng):
    """Point dead neurons at what the reconstruction leaves of some rows.

    After Bricken et al. 2023, "Towards monosemanticity": rows are drawn in proportion
    to their squared error, and the optimiser forgets what it knew of the neurons.
    They get the length of a usual encoder row rather than a fifth of it, because
    among the k largest a short one would never be active.

    Parameters
    ----------
    network : SparseAutoencoder
    optimizer : AdamW
    rows : tensor of shape (n_rows, n_features)
        Where rows are drawn from.
    dead : int64 tensor of shape (n_dead,)
    rng : numpy.random.Generator
    """
    residual = network.reconstruction(rows, network(rows))[2]
    errors = residual.square().sum(dim=1).double().cpu().numpy()
    is_scarce = len(dead) > len(rows)
    chosen = rng.choice(len(rows), len(dead), is_scarce, errors / errors.sum())
    directions = functional.normalize(residual[torch.as_tensor(chosen)], dim=1)
    usual_length = torch.linalg.vector_norm(network.encoder, dim=1).mean()
    network.decoder[dead] = directions
    network.encoder[dead] = usual_length * directions
    network.encoder_bias[dead] = 0.0
    network.head[dead[dead < len(network.head)]] = 0.0
    for parameter in (network.decoder, network.encoder, network.encoder_bias):
        for name, moments in optimizer.state[parameter].items():
            if name != "step":
                moments[dead] = 0.0
