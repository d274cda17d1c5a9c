"""AdamW that does not import torch's compiler, as torch's own does when it is made."""

import torch
from torch.optim.adamw import adamw


class AdamW(torch.optim.Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019), by torch's kernels.

    The methods that torch marks for its compiler are written anew: the import that
    they set off takes longer than many a training.

    Parameters
    ----------
    params : list of dict
        Groups of ``params``, and their ``weight_decay`` when they have one.
    lr : float
    betas : tuple of float
        Memory of the mean of the gradients and of their squares.
    """

    def __init__(self, params, lr, betas):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": 0.0})

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
            states = [self.state[parameter] for parameter in moved]
            adamw(
                moved,
                [parameter.grad for parameter in moved],
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
                eps=1e-8,
            )
