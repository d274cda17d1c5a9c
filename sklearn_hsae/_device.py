"""The device on which models compute: CPU or GPU. Also handles forked processes.

torch is imported at the first call, not with this module.
"""

import contextlib
import os
import sys

# Programs per core that want to run, ours among them, as the mean of the last minute.
_BUSY_LOAD_PER_CORE = 2


def choose_device(device=None):
    """Return `device`, or the best device of this machine when it is None.

    Parameters
    ----------
    device : str or None
        A name of torch: "cpu", "cuda", "cuda:1" or "mps". None is this process's CUDA
        GPU when there is one, else Apple's GPU, else the CPU.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        When torch does not know the device, or this machine does not have it.
    """
    available = available_devices()
    if device is None:
        return available[0]
    import torch

    try:
        parsed = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(_refusal(device, available)) from error
    is_known = parsed.type in {torch.device(name).type for name in available}
    if not is_known or (parsed.index or 0) >= _count(parsed.type):
        raise ValueError(_refusal(device, available))
    return device


def available_devices():
    """The devices of this machine, with torch's names, the best one first."""
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
    # AVX512_BF16; processors with AMX have it too.
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


@contextlib.contextmanager
def one_thread_when_busy():
    """Within this context torch uses one thread, if the machine is busy.

    The threads of torch wait for each other actively. When other programs need the
    cores, each waits while the others do not run: on 2 cores with a load of 18, the
    same texts took 50 s with two threads and 22 s with one.
    """
    import torch

    usual = torch.get_num_threads()
    if _is_busy():
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


def _is_busy():
    if not hasattr(os, "getloadavg"):  # Windows
        return False
    return os.getloadavg()[0] > _BUSY_LOAD_PER_CORE * os.cpu_count()


def _stop_idle_threads():
    """End the idle threads of OpenMP before a fork; they start again when needed.

    A forked child inherits the list of these threads, but not the threads. The OpenMP
    of GNU, which torch and scikit-learn use on Linux, would wait for them forever.
    Other implementations of OpenMP detect the fork themselves.
    """
    global _has_stopped_threads
    if "torch" not in sys.modules:
        return
    from threadpoolctl import ThreadpoolController

    _has_stopped_threads = True
    libraries = ThreadpoolController().select(prefix="libgomp").lib_controllers
    for library in libraries:
        pause = getattr(library.dynlib, _PAUSE, None)
        if pause is None or pause(_PAUSE_HARD) != 0:
            _has_stopped_threads = False


def _compute_in_one_thread():
    """Use one thread in a forked child, if the threads could not be ended before."""
    torch = sys.modules.get("torch")
    if torch is not None and not _has_stopped_threads:
        torch.set_num_threads(1)


_PAUSE = "omp_pause_resource_all"  # of OpenMP 5.0, which GCC has since version 9
_PAUSE_HARD = 2  # ends the threads
_has_stopped_threads = False
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_stop_idle_threads, after_in_child=_compute_in_one_thread
    )
