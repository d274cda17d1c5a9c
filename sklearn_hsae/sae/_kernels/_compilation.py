"""Compile loops for CPUs with Numba."""

from functools import partial

import numba

# Sums may be reordered, so that a loop can use vector instructions. NaN and infinity
# stay valid, so that a diverging training is detected.
_ALLOWED_CHANGES = {"reassoc", "contract", "nsz"}
_compile = partial(
    numba.njit, nogil=True, fastmath=_ALLOWED_CHANGES, error_model="numpy"
)


def compiled(function):
    """Compile a function with Numba at its first call; it runs without the GIL.

    The compiled code is stored on disk for later processes, if a folder is writable.
    """
    try:
        return _compile(cache=True)(function)
    except RuntimeError:  # Numba found no folder for its cache
        return _compile()(function)


def to_arrays(*tensors):
    """Return tensors as C-contiguous arrays, without copying where possible."""
    return [
        (tensor.detach() if tensor.requires_grad else tensor).contiguous().numpy()
        for tensor in tensors
    ]
