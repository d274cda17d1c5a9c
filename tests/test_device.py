"""Which devices there are, and what a fork leaves of their threads."""

import os

import pytest
import torch
from processes import run

from sklearn_hsae._device import (
    available_devices,
    choose_device,
    has_fast_bfloat16,
    one_thread_when_busy,
)


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "", "xpu", 3, "cpu:3", "meta"])
def test_a_device_that_is_not_here_is_refused(device):
    with pytest.raises(ValueError, match=r"is not available here.* has .*'cpu'"):
        choose_device(device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:7"])
def test_without_a_gpu_none_is_given(device):
    with pytest.raises(ValueError, match=r"This machine has .*'cpu'"):
        choose_device(device)


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="this is a Mac")
def test_apples_gpu_is_on_macs_only():
    with pytest.raises(ValueError, match="device='mps' is not available here"):
        choose_device("mps")


def test_the_best_device_is_the_default():
    assert choose_device() == choose_device(None) == available_devices()[0]
    assert available_devices()[-1] == "cpu"
    assert choose_device("cpu") == "cpu"


def test_each_process_of_a_group_has_its_own_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert available_devices()[0] == choose_device() == "cuda:1"
    assert choose_device("cuda:0") == "cuda:0"
    with pytest.raises(ValueError, match="'cuda:2' is not available"):
        choose_device("cuda:2")


@pytest.mark.parametrize(("capability", "is_fast"), [((7, 5), False), ((8, 0), True)])
def test_bfloat16_is_fast_since_ampere(capability, is_fast, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert has_fast_bfloat16("cuda:0") is is_fast


@pytest.mark.parametrize(("load", "n_threads"), [(2.1, 1), (1.9, 2)])
def test_a_busy_machine_gets_one_thread(load, n_threads, monkeypatch):
    # Threads of torch wait for each other actively, while others need the cores.
    monkeypatch.setattr(os, "getloadavg", lambda: (load * os.cpu_count(), 0, 0))
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread_when_busy():
            assert torch.get_num_threads() == n_threads
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(usual)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
@pytest.mark.parametrize("can_pause", [True, False])
def test_forked_processes_compute_after_their_parent_has(can_pause):
    # OpenMP's threads do not live on in a child, which would wait for them for ever:
    # gunicorn --preload, joblib's backend "multiprocessing". Old versions of OpenMP
    # cannot end their threads before the fork; then one thread has to do.
    printed = run(
        """
        import os, sys, torch
        from sklearn_hsae import _device

        if sys.argv[1] == "False":
            _device._PAUSE = "no_such_function"
        A = torch.ones(600, 600)

        def compute(depth):
            assert float((A @ A).sum()) == 600**3
            n_threads = torch.get_num_threads()
            print("depth", depth, "threads", n_threads, flush=True)
            if depth < 2:
                pid = os.fork()
                if pid == 0:
                    compute(depth + 1)
                    os._exit(0)
                assert os.waitpid(pid, 0)[1] == 0
                (A @ A).sum()  # the parent goes on with its threads

        compute(0)
        """,
        can_pause,
        timeout=100,
        OMP_NUM_THREADS="2",
    )
    n_threads = ["2", "2", "2"] if can_pause else ["2", "1", "1"]
    assert [line.split()[-1] for line in printed.splitlines()] == n_threads
