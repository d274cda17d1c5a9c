"""The arithmetic of a training step: Numba loops for CPUs, or torch.

:func:`products_on` returns the module for a device: torch on other devices than CPUs,
and where Numba is not installed. Both modules have the same functions. The code in
``_torch_products`` is easier to read and is the definition.
"""

from sklearn_hsae.sae._kernels import _compiled_products, _torch_products
from sklearn_hsae.sae._kernels._adamw import AdamW
from sklearn_hsae.sae._kernels._compilation import has_compiled_loops
from sklearn_hsae.sae._kernels._cuda_graph import StepGraph
from sklearn_hsae.sae._kernels._threads import (
    own_threads,
    suitable_threads,
    torch_threads,
)
from sklearn_hsae.sae._kernels._top_k import top_k
from sklearn_hsae.sae._kernels._torch_products import differentiable_scores

__all__ = [
    "AdamW",
    "StepGraph",
    "differentiable_scores",
    "has_compiled_loops",
    "own_threads",
    "products_on",
    "suitable_threads",
    "top_k",
    "torch_threads",
]


def products_on(device):
    """The module that computes the products of sparse activations on a device."""
    return _compiled_products if has_compiled_loops(device) else _torch_products
