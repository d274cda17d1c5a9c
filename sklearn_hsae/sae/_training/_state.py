"""The state of a training as arrays, which is needed to continue it exactly."""

import torch


def training_state(net):
    """The state of the optimiser and the counters, without the weights.

    Returns
    -------
    dict
        `moments` of the optimiser per parameter, `rows_since_fired`, and
        `penalty_weight`, which is None without a penalty.
    """
    names = {id(value): name for name, value in net.module_.named_parameters()}
    moments = {
        names[id(parameter)]: {key: to_numpy(value) for key, value in state.items()}
        for parameter, state in net.optimizer_.state.items()
    }
    penalty = net.module_.penalty
    return {
        "moments": moments,
        "rows_since_fired": to_numpy(net.rows_since_fired_),
        "penalty_weight": None if penalty is None else float(penalty.weight),
    }


def restore_training_state(net, state):
    """Load the :func:`training_state` of another net into an initialised net."""
    for name, parameter in net.module_.named_parameters():
        if name in state["moments"]:
            net.optimizer_.state[parameter] = {
                key: torch.tensor(value, device=net.device)
                for key, value in state["moments"][name].items()
            }
    if net.module_.penalty is not None:
        net.module_.penalty.weight.fill_(float(state["penalty_weight"]))
    net.rows_since_fired_ = torch.tensor(state["rows_since_fired"], device=net.device)


def to_numpy(tensor):
    """A copy of a tensor as an array."""
    return tensor.detach().cpu().numpy().copy()
