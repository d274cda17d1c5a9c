"""The processes that train one autoencoder together; usually there is one."""

import os

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel


class Processes:
    """This process among those that `accelerate launch` or `torchrun` has started.

    All see all rows in the same order. Of each batch a process takes its share, and
    the gradients are averaged, so that the result is that of the whole batch.

    Parameters
    ----------
    state : accelerate.PartialState or None
        None when there is only this process.
    """

    def __init__(self, state=None):
        self.state = state
        self.number = 1 if state is None else state.num_processes
        self.index = 0 if state is None else state.process_index

    def share(self, batch):
        """The rows of a batch that this process takes."""
        return batch[self.index :: self.number]

    def wrap(self, module):
        """`module`, with gradients that are means over the processes."""
        return module if self.number == 1 else DistributedDataParallel(module)

    def sum(self, tensor):
        """Sum over the processes, in place."""
        return self._reduce(tensor, distributed.ReduceOp.SUM)

    def minimum(self, tensor):
        """Smallest value of each entry over the processes, in place."""
        return self._reduce(tensor, distributed.ReduceOp.MIN)

    def _reduce(self, tensor, operation):
        if self.number > 1:
            distributed.all_reduce(tensor, operation)
        return tensor


def join_processes(device):
    """The :class:`Processes` that this one belongs to.

    Parameters
    ----------
    device : str
        Where this one computes.

    Raises
    ------
    ImportError
        When there are several and accelerate is not installed.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes()
    try:
        from accelerate import PartialState
    except ImportError as error:
        raise ImportError(
            "Training in several processes needs accelerate: "
            "pip install 'sklearn-hsae[distributed]'"
        ) from error
    return Processes(PartialState(cpu=device == "cpu"))


def choose_device(device):
    """The device asked for; else this process's GPU, when there is one."""
    if device is not None:
        return device
    if not torch.cuda.is_available():
        return "cpu"
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
