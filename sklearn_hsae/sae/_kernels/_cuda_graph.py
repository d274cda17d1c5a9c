"""The whole training step as one CUDA graph. Experimental: never run on a GPU yet.

A step of a small autoencoder has some hundred kernels, and each takes longer to launch
than to run. A recorded graph launches all kernels at once.
"""

import torch

_STEPS_BEFORE_RECORDING = 3  # in these, libraries choose kernels and allocate buffers


class StepGraph:
    """A step that is recorded once per batch shape, and then replayed.

    Parameters
    ----------
    step : callable
        Takes a tuple of tensors or None, and returns a tensor. It must do all its work
        on the GPU, copy no value to the CPU, and keep its state in tensors that are
        updated in place.
    device : str
    """

    def __init__(self, step, device):
        self.step = step
        self.device = device
        self.n_steps = 0
        self.stream = torch.cuda.Stream(device)
        self.recordings = {}

    def __call__(self, batch):
        if self.n_steps < _STEPS_BEFORE_RECORDING:
            self.n_steps += 1
            return self._step_on_own_stream(batch)
        shape = batch[0].shape
        if shape not in self.recordings:
            self.recordings[shape] = self._record(batch)
        graph, inputs, result = self.recordings[shape]
        for place, tensor in zip(inputs, batch, strict=True):
            if tensor is not None:
                place.copy_(tensor)
        graph.replay()
        return result.clone()

    def _step_on_own_stream(self, batch):
        """Take a step on the stream that recordings use."""
        usual = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(usual)
        with torch.cuda.stream(self.stream):
            result = self.step(batch)
        usual.wait_stream(self.stream)
        return result

    def _record(self, batch):
        """Record a step without running it."""
        copies = [None if tensor is None else tensor.clone() for tensor in batch]
        inputs = type(batch)(*copies)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self.stream):
            result = self.step(inputs)
        return graph, inputs, result
