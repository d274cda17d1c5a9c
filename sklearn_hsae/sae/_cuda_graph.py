"""The whole training step as one CUDA graph.

A step of a small autoencoder is some hundred kernels, each of which takes longer to
launch than to run. Recorded once, they are launched as one.
"""

import torch

_STEPS_BEFORE = 3  # in which libraries choose their kernels and allocate what they keep


class StepGraph:
    """A step that is recorded for each shape of a batch and then replayed.

    Parameters
    ----------
    step : callable
        Takes rows and their target, or None, and returns a tensor. It must do all its
        work on the GPU, read nothing back, and find what changes from step to step in
        tensors that stay where they are.
    device : str
    """

    def __init__(self, step, device):
        self.step = step
        self.device = device
        self.n_steps = 0
        self.stream = torch.cuda.Stream(device)
        self.recorded = {}

    def __call__(self, rows, target):
        if self.n_steps < _STEPS_BEFORE:
            self.n_steps += 1
            return self._step_aside(rows, target)
        if rows.shape not in self.recorded:
            self.recorded[rows.shape] = self._record(rows, target)
        graph, static_rows, static_target, result = self.recorded[rows.shape]
        static_rows.copy_(rows)
        if target is not None:
            static_target.copy_(target)
        graph.replay()
        return result.clone()

    def _step_aside(self, rows, target):
        """A step on a stream of its own, as recordings are."""
        usual = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(usual)
        with torch.cuda.stream(self.stream):
            result = self.step(rows, target)
        usual.wait_stream(self.stream)
        return result

    def _record(self, rows, target):
        """Record a step without taking it."""
        rows = rows.clone()
        target = None if target is None else target.clone()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self.stream):
            result = self.step(rows, target)
        return graph, rows, target, result
