"""Training of one autoencoder in several processes.

Usually there is one process. Several processes are experimental: they were run on CPUs,
never on GPUs.
"""

import os

from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from sklearn_hsae._device import choose_device
from sklearn_hsae._extras import import_extra


class Processes:
    """This process, and its place among those of `accelerate launch` or `torchrun`.

    All processes read all rows in the same order. Each process takes its part of a
    batch. The gradients are averaged, so the result is that of the whole batch.

    Parameters
    ----------
    state : accelerate.PartialState or None
        None when there is only this process.
    """

    def __init__(self, state=None):
        self.state = state
        self.n_processes = 1 if state is None else state.num_processes
        self.index = 0 if state is None else state.process_index

    def part_of(self, tensor):
        """The rows of a tensor (n_models, n_rows, ...) for this process."""
        if tensor is None or self.n_processes == 1:
            return tensor
        return tensor[:, self.index :: self.n_processes]

    def wrap(self, module):
        """Wrap `module` so that its gradients are averaged over the processes."""
        return module if self.n_processes == 1 else DistributedDataParallel(module)

    def sum(self, tensor):
        """Sum over the processes, in place."""
        return self._reduce(tensor, distributed.ReduceOp.SUM)

    def minimum(self, tensor):
        """Smallest value of each entry over the processes, in place."""
        return self._reduce(tensor, distributed.ReduceOp.MIN)

    def _reduce(self, tensor, operation):
        if self.n_processes > 1:
            distributed.all_reduce(tensor, operation)
        return tensor


def join_processes(device):
    """The :class:`Processes` that this one belongs to.

    Parameters
    ----------
    device : str
        Device of this process.

    Raises
    ------
    ImportError
        When there are several processes and accelerate is not installed.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes()
    accelerate = import_extra(
        "accelerate", extra="distributed", use="several training processes"
    )
    return Processes(accelerate.PartialState(cpu=device == "cpu"))


def training_device(device):
    """The device to compute on: `device` if given, else this process's GPU or the CPU.

    torch has no sampled products and no weighted `embedding_bag` on Apple's GPUs, so
    None means the CPU there.
    """
    available = choose_device(device)
    return "cpu" if device is None and available == "mps" else available
