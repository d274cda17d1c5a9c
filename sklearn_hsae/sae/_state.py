"""The state of a training as arrays: what must be kept to go on exactly."""

import torch


def training_state(net):
    """What the optimiser and the counters remember, beside the weights.

    Returns
    -------
    dict
        `moments` of the optimiser for each parameter, `rows_since_fired` and, where
        activations have a price, `price`.
    """
    names = {id(value): name for name, value in net.module_.named_parameters()}
    moments = {
        names[id(parameter)]: {key: to_numpy(value) for key, value in found.items()}
        for parameter, found in net.optimizer_.state.items()
    }
    penalty = net.module_.penalty
    return {
        "moments": moments,
        "rows_since_fired": to_numpy(net.rows_since_fired_),
        "price": None if penalty is None else float(penalty.price),
    }


def restore_training_state(net, state):
    """Put into an initialised net what :func:`training_state` took from another."""
    for name, parameter in net.module_.named_parameters():
        if name in state["moments"]:
            net.optimizer_.state[parameter] = {
                key: torch.tensor(value, device=net.device)
                for key, value in state["moments"][name].items()
            }
    if net.module_.penalty is not None:
        net.module_.penalty.price.fill_(float(state["price"]))
    net.rows_since_fired_ = torch.tensor(state["rows_since_fired"], device=net.device)


def to_numpy(tensor):
    return tensor.detach().cpu().numpy().copy()
