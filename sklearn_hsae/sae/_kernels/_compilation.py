"""Compile loops for CPUs with Numba, where the extra ``fast`` is installed."""

try:
    import numba
except ImportError:
    numba = None

# Sums may be reordered, so that a loop can use vector instructions. NaN and infinity
# stay valid, so that a diverging training is detected.
_ALLOWED_CHANGES = {"reassoc", "contract", "nsz"}


def has_compiled_loops(device):
    """Whether the arithmetic on a device is that of compiled loops, or torch's."""
    return numba is not None and device.type == "cpu"


def compiled(function):
    """Compile a function with Numba at its first call; it runs without the GIL.

    The compiled code is stored on disk for later processes, if a folder is writable.
    Without Numba the function stays as it is, and nothing calls it.
    """
    if numba is None:
        return function
    options = {"nogil": True, "fastmath": _ALLOWED_CHANGES, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # Numba found no folder for its cache
        return numba.njit(**options)(function)


def to_arrays(*tensors):
    """Return tensors as C-contiguous arrays, without copying where possible."""
    return [
        (tensor.detach() if tensor.requires_grad else tensor).contiguous().numpy()
        for tensor in tensors
    ]
