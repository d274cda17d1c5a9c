"""Loops compiled by Numba, and torch in their place where Numba is not installed."""

import importlib.util
import sys

import numba
import numpy as np
import pytest
import torch

from sklearn_hsae import MatryoshkaSAETransformer
from sklearn_hsae.sae._kernels import _compilation


def test_functions_are_compiled_where_nothing_can_be_written(monkeypatch):
    # In a container that is read-only, Numba refuses to keep what it compiled.
    njit = numba.njit

    def without_a_place(*, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**options)

    monkeypatch.setattr(numba, "njit", without_a_place)
    assert _compilation.compiled(lambda x: 2 * x)(21) == 42


def test_without_numba_nothing_is_compiled(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    spec = importlib.util.find_spec(_compilation.__name__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert not module.has_compiled_loops(torch.device("cpu"))
    assert module.compiled(len) is len


@pytest.mark.parametrize("activation", ["topk", "batch_topk"])
@pytest.mark.parametrize("has_mkl", [True, False])
def test_without_numba_the_same_is_learned(activation, has_mkl, monkeypatch):
    # The sums have another order, so that weights differ in their last digits.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 10)).astype(np.float32)
    sae = MatryoshkaSAETransformer(
        24, k=3, prefixes=(8, 24), activation=activation, max_epochs=2, random_state=0
    )
    compiled = sae.fit(X, X[:, 0]).transform(X)
    monkeypatch.setattr(_compilation, "numba", None)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: has_mkl)
    np.testing.assert_allclose(
        sae.fit(X, X[:, 0]).transform(X), compiled, rtol=1e-3, atol=1e-5
    )
