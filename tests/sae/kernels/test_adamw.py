"""The optimiser against torch's AdamW, with and without unit rows, compiled or not."""

import subprocess
import sys

import pytest
import torch

from sklearn_hsae.sae._kernels import AdamW, _adamw

FIT = """
import sys
import numpy as np
from sklearn_hsae import MatryoshkaSAETransformer

X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
sae = MatryoshkaSAETransformer(8, 2, max_epochs=2).fit(X).partial_fit(X)
sae.transform(X)
print("torch._dynamo" in sys.modules)
"""


def parameters():
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 5, 3), (2, 4)]  # the first axis is the model
    return [torch.nn.Parameter(torch.randn(s, generator=generator)) for s in shapes]


def groups(first, second):
    return [{"params": [first], "weight_decay": 0.7}, {"params": [second]}]


@pytest.fixture(params=["compiled", "torch"])
def way(request, monkeypatch):
    # Large parameters on a CPU take the compiled step, all others torch's.
    is_compiled = request.param == "compiled"
    fewest = 0 if is_compiled else 10**9
    monkeypatch.setattr(_adamw, "_ENTRIES_FOR_COMPILED_STEP", fewest)


def test_steps_are_those_of_torch(way):
    ours, torchs = parameters(), parameters()
    settings = {"lr": 0.1, "betas": (0.9, 0.99)}
    optimizer = AdamW(groups(*ours), **settings)
    expected = torch.optim.AdamW(groups(*torchs), weight_decay=0.0, **settings)
    for step in range(5):
        rate = 0.1 / (step + 1)
        optimizer.set_learning_rate(rate)
        for group in expected.param_groups:
            group["lr"] = rate
        for parameter, other in zip(ours, torchs, strict=True):
            parameter.grad = (parameter.detach() - 1).sin()
            other.grad = (other.detach() - 1).sin()
        optimizer.step()
        expected.step()
        for parameter, other in zip(ours, torchs, strict=True):
            torch.testing.assert_close(parameter, other)
    for parameter, other in zip(ours, torchs, strict=True):
        found, state = optimizer.state[parameter], expected.state[other]
        for key in ("step", "exp_avg", "exp_avg_sq"):
            torch.testing.assert_close(found[key], state[key])
    optimizer.zero_grad()
    assert all(parameter.grad is None for parameter in ours)


def test_steps_with_unit_rows(way):
    # What a gradient says about the length of a row must not reach its moments.
    ours, _ = parameters()
    ours.data /= torch.linalg.vector_norm(ours.data, dim=-1, keepdim=True)
    other = torch.nn.Parameter(ours.detach().double())
    settings = {"lr": 0.1, "betas": (0.9, 0.99)}
    optimizer = AdamW([{"params": [ours], "unit_rows": True}], **settings)
    expected = torch.optim.AdamW([other], weight_decay=0.0, **settings)
    for _ in range(5):
        ours.grad, gradient = (ours.detach() - 1).sin(), (other.detach() - 1).sin()
        along = (gradient * other.detach()).sum(dim=-1, keepdim=True)
        other.grad = gradient - along * other.detach()
        optimizer.step()
        expected.step()
        other.data /= other.detach().square().sum(dim=-1, keepdim=True).sqrt()
        torch.testing.assert_close(ours.double(), other, atol=1e-5, rtol=1e-5)


def test_a_parameter_without_a_gradient_stays():
    ours = parameters()
    optimizer = AdamW(groups(*ours), lr=0.1, betas=(0.9, 0.99))
    before = [parameter.detach().clone() for parameter in ours]
    ours[1].grad = torch.ones(2, 4)
    optimizer.step()
    assert torch.equal(ours[0], before[0])
    assert not torch.equal(ours[1], before[1])


@pytest.mark.parametrize("key", ["exp_avg", "exp_avg_sq", "step"])
def test_its_state_can_be_kept_and_loaded(key):
    # skorch's own Checkpoint callback does so.
    ours, others = parameters(), parameters()
    optimizer = AdamW(groups(*ours), lr=0.1, betas=(0.9, 0.99))
    ours[0].grad = torch.ones(2, 5, 3)
    optimizer.step()
    other = AdamW(groups(*others), lr=0.2, betas=(0.9, 0.99))
    other.load_state_dict(optimizer.state_dict())
    torch.testing.assert_close(
        other.state[others[0]][key], optimizer.state[ours[0]][key]
    )


def test_training_does_not_import_the_compiler_of_torch():
    # The import takes longer than a short training.
    run = subprocess.run(
        [sys.executable, "-c", FIT], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["False"]
