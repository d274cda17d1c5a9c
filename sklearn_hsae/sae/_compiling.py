"""How the loops of the autoencoder are compiled for processors."""

from functools import partial

import numba

# Sums may be taken in another order, which lets a loop use vector instructions.
# Infinities and what is no number keep their meaning: a training that diverges shows.
_REORDERED = {"reassoc", "contract", "nsz"}
_compile = partial(numba.njit, nogil=True, fastmath=_REORDERED, error_model="numpy")


def compiled(function):
    """Numba's compilation of a function, at its first call, without Python's lock.

    It is kept on disk for later processes, unless there is no place to write to.
    """
    try:
        return _compile(cache=True)(function)
    except RuntimeError:  # Numba found no folder for its cache
        return _compile()(function)


def to_arrays(*tensors):
    """Tensors as compiled functions take them: C-contiguous arrays, without copies."""
    return [
        (tensor.detach() if tensor.requires_grad else tensor).contiguous().numpy()
        for tensor in tensors
    ]
