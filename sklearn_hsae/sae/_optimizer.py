"""AdamW for a network of which some weights have rows of unit length."""

import numpy as np
import torch
from torch.optim.adamw import adamw

from sklearn_hsae.sae._compiling import compiled, to_arrays
from sklearn_hsae.sae._threads import in_parts

_EPSILON = 1e-8
_SMALL = 2**16  # so few numbers that one call for several parameters is faster


class AdamW(torch.optim.Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019), on a sphere or not.

    Where rows have unit length, a step leaves out what would only change it, and
    scales them back to it.

    On processors a compiled loop takes a row through the whole step, which reads and
    writes each number once. Elsewhere it is torch's fused kernel. The methods that
    torch marks for its compiler are written anew: the import that they set off takes
    longer than many a training.

    Parameters
    ----------
    params : list of dict
        Groups of ``params``, with their ``weight_decay`` and whether they have
        ``unit_rows`` where they have any.
    lr : float
    betas : tuple of float
        Memory of the mean of the gradients and of their squares.
    """

    def __init__(self, params, lr, betas):
        defaults = {"lr": lr, "betas": betas, "weight_decay": 0.0, "unit_rows": False}
        super().__init__(params, defaults)

    def add_param_group(self, param_group):
        group = self.defaults | param_group
        device = group["params"][0].device
        if device.type == "cuda":  # where a recorded step finds it
            group["lr"] = torch.tensor(group["lr"], device=device)
        self.param_groups.append(group)
        for parameter in group["params"]:
            self.state[parameter] = {
                "step": torch.zeros((), device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }

    def set_learning_rate(self, rate):
        for group in self.param_groups:
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def zero_grad(self, set_to_none=True):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            moved = [one for one in group["params"] if one.grad is not None]
            large = [one for one in moved if _is_large(one)]
            for parameter in large:
                _compiled_step(parameter, self.state[parameter], group)
            others = [one for one in moved if not _is_large(one)]
            if others:
                _torch_step(others, [self.state[one] for one in others], group)


def _is_large(parameter):
    return parameter.device.type == "cpu" and parameter.numel() >= _SMALL


def _compiled_step(parameter, state, group):
    state["step"] += 1
    step = state["step"].item()
    tensors = parameter, parameter.grad, state["exp_avg"], state["exp_avg_sq"]
    arrays = [array.reshape(len(array), -1) for array in to_arrays(*tensors)]
    beta1, beta2 = group["betas"]
    kept = 1 - group["lr"] * group["weight_decay"]
    rate = group["lr"] / (1 - beta1**step)
    correction = (1 - beta2**step) ** -0.5
    arguments = *arrays, beta1, beta2, kept, rate, correction, group["unit_rows"]
    in_parts(_step_of_rows, len(parameter), *arguments)


@compiled
def _step_of_rows(
    values,
    gradients,
    means,
    squares,
    beta1,
    beta2,
    kept,
    rate,
    correction,
    unit_rows,
    start,
    stop,
):
    number = values.dtype.type
    rest1, rest2 = number(1 - beta1), number(1 - beta2)
    beta1, beta2 = number(beta1), number(beta2)
    kept, rate, correction = number(kept), number(rate), number(correction)
    epsilon, zero, one = number(_EPSILON), number(0), number(1)
    for row in range(start, stop):
        value, gradient = values[row], gradients[row]
        mean, square = means[row], squares[row]
        along = zero
        if unit_rows:
            for i in range(len(value)):
                along += gradient[i] * value[i]
        norm = zero
        for i in range(len(value)):
            slope = gradient[i] - along * value[i]
            mean[i] = beta1 * mean[i] + rest1 * slope
            square[i] = beta2 * square[i] + rest2 * slope * slope
            length = np.sqrt(square[i]) * correction + epsilon
            value[i] = kept * value[i] - rate * mean[i] / length
            norm += value[i] * value[i]
        if unit_rows:
            scale = one / max(np.sqrt(norm), number(1e-12))
            for i in range(len(value)):
                value[i] *= scale


def _torch_step(parameters, states, group):
    gradients = [parameter.grad for parameter in parameters]
    if group["unit_rows"]:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            along = torch.linalg.vecdot(gradient, parameter)
            gradient.addcmul_(parameter, along[:, None], value=-1)
    adamw(
        parameters,
        gradients,
        [state["exp_avg"] for state in states],
        [state["exp_avg_sq"] for state in states],
        [],
        [state["step"] for state in states],
        fused=True,
        amsgrad=False,
        maximize=False,
        beta1=group["betas"][0],
        beta2=group["betas"][1],
        lr=group["lr"],
        weight_decay=group["weight_decay"],
        eps=_EPSILON,
    )
    if group["unit_rows"]:
        for parameter in parameters:
            norms = torch.linalg.vector_norm(parameter, dim=1, keepdim=True)
            parameter.div_(norms.clamp_min(1e-12))
