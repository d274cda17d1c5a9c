"""Where models compute. torch is imported at the first call, not with this module."""

import os


def choose_device(device=None):
    """Return `device`, or the best one of this machine when it is None.

    Parameters
    ----------
    device : str or None
        As torch names it: "cpu", "cuda", "cuda:1" or "mps". None takes this process's
        CUDA GPU when there is one, else Apple's GPU, else the CPU.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        When torch knows no such device, or this machine does not have it.
    """
    available = available_devices()
    if device is None:
        return available[0]
    import torch

    try:
        parsed = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(_refusal(device, available)) from error
    is_here = parsed.type in {torch.device(name).type for name in available}
    is_meta = parsed.type == "meta"  # torch's device without memory, used in tests
    if not is_meta and not (is_here and (parsed.index or 0) < _count(parsed.type)):
        raise ValueError(_refusal(device, available))
    return device


def available_devices():
    """Devices of this machine as torch names them, the best one first."""
    import torch

    devices = ["cpu"]
    if torch.backends.mps.is_available():
        devices.insert(0, "mps")
    if torch.cuda.is_available():
        devices.insert(0, f"cuda:{os.environ.get('LOCAL_RANK', '0')}")
    return devices


def has_fast_bfloat16(device):
    """Whether a device multiplies bfloat16 matrices natively."""
    import torch

    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # AVX512_BF16, which the processors with AMX have as well.
    is_supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return device.type == "cpu" and is_supported()


def _count(device_type):
    import torch

    return torch.cuda.device_count() if device_type == "cuda" else 1


def _refusal(device, available):
    return (
        f"device={device!r} is not available here. This machine has "
        f"{', '.join(map(repr, available))}. Pass one of them, or device=None for "
        f"{available[0]!r}."
    )
