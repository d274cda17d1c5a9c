"""AdamW that can keep the rows of a parameter at unit length."""

from typing import NamedTuple

import numpy as np
import torch
from torch.optim.adamw import adamw

from sklearn_hsae.sae._kernels._compilation import (
    compiled,
    has_compiled_loops,
    to_arrays,
)
from sklearn_hsae.sae._kernels._threads import in_parts

_EPSILON = 1e-8
# For smaller parameters, one call of torch for all is faster than one loop for each.
_ENTRIES_FOR_COMPILED_STEP = 2**16


class AdamW(torch.optim.Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019), and unit rows.

    With ``unit_rows`` the radial part of the gradient is removed before the step, and
    the rows (the last axis) are scaled back to length 1 after it.

    On a CPU with Numba, a compiled loop does the whole step row by row, so that each
    number is read and written once. Otherwise, and for small parameters, torch's fused
    kernel is used. `zero_grad` and `add_param_group` are overridden because torch's
    versions import torch's compiler, which takes longer than a short training.

    Parameters
    ----------
    params : list of dict
        Groups with the keys ``params`` and, where they differ from the default,
        ``weight_decay`` (0) and ``unit_rows`` (False).
    lr : float
    betas : tuple of float
        Decay rates of the running means of gradients and squared gradients.
    """

    def __init__(self, params, lr, betas):
        defaults = {"lr": lr, "betas": betas, "weight_decay": 0.0, "unit_rows": False}
        super().__init__(params, defaults)

    def add_param_group(self, param_group):
        group = self.defaults | param_group
        device = group["params"][0].device
        if device.type == "cuda":  # a recorded CUDA graph reads the rate from a tensor
            group["lr"] = torch.tensor(group["lr"], device=device)
        self.param_groups.append(group)
        for parameter in group["params"]:
            self.state[parameter] = {
                "step": torch.zeros((), device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }

    def set_learning_rate(self, rate):
        """Use `rate` from the next step on."""
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
            trained = [value for value in group["params"] if value.grad is not None]
            for parameter in filter(_has_compiled_step, trained):
                _compiled_step(parameter, self.state[parameter], group)
            others = [value for value in trained if not _has_compiled_step(value)]
            if others:
                _torch_step(others, [self.state[value] for value in others], group)


def _has_compiled_step(parameter):
    is_large = parameter.numel() >= _ENTRIES_FOR_COMPILED_STEP
    return is_large and has_compiled_loops(parameter.device)


class _Rates(NamedTuple):
    """The numbers of one step."""

    beta1: float
    beta2: float
    kept: float  # 1 - learning rate * weight decay
    rate: float  # learning rate / (1 - beta1^t), the bias correction of the mean
    correction: float  # (1 - beta2^t)^-1/2, the bias correction of the root


def _compiled_step(parameter, state, group):
    state["step"] += 1
    step = state["step"].item()
    tensors = parameter, parameter.grad, state["exp_avg"], state["exp_avg_sq"]
    n_rows = parameter.numel() // parameter.shape[-1]
    arrays = [array.reshape(n_rows, -1) for array in to_arrays(*tensors)]
    beta1, beta2 = group["betas"]
    rates = _Rates(
        beta1=beta1,
        beta2=beta2,
        kept=1 - group["lr"] * group["weight_decay"],
        rate=group["lr"] / (1 - beta1**step),
        correction=(1 - beta2**step) ** -0.5,
    )
    in_parts(_step_of_rows, n_rows, *arrays, rates, group["unit_rows"])


@compiled
def _step_of_rows(values, gradients, means, squares, rates, unit_rows, start, stop):
    """One step at time t for the rows w of a parameter, with gradient g::

    g <- g - <g, w> w                             if unit_rows
    m <- beta1 m + (1 - beta1) g
    s <- beta2 s + (1 - beta2) g^2
    w <- kept w - rate m / (sqrt(s) correction + epsilon)
    w <- w / |w|                                  if unit_rows
    """
    number = values.dtype.type
    rest1, rest2 = number(1 - rates.beta1), number(1 - rates.beta2)
    beta1, beta2 = number(rates.beta1), number(rates.beta2)
    kept, rate = number(rates.kept), number(rates.rate)
    correction = number(rates.correction)
    epsilon, zero, one = number(_EPSILON), number(0), number(1)
    for row in range(start, stop):
        value, gradient = values[row], gradients[row]
        mean, square = means[row], squares[row]
        radial = zero
        if unit_rows:
            for i in range(len(value)):
                radial += gradient[i] * value[i]
        norm = zero
        for i in range(len(value)):
            slope = gradient[i] - radial * value[i]
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
            radial = torch.linalg.vecdot(gradient, parameter)
            gradient.addcmul_(parameter, radial[..., None], value=-1)
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
            norms = torch.linalg.vector_norm(parameter, dim=-1, keepdim=True)
            parameter.div_(norms.clamp_min(1e-12))
