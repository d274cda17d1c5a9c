"""The threads that share out the compiled loops."""

import multiprocessing
import os
import threading

import pytest
import torch

from sklearn_hsae.sae._kernels import own_threads
from sklearn_hsae.sae._kernels._threads import in_parts


def bounds(start, stop):
    return start, stop


def test_parts_cover_everything_once():
    assert in_parts(bounds, 7) == [(0, 7)]  # one part without own_threads
    with own_threads(3):
        assert in_parts(bounds, 7) == [(0, 2), (2, 4), (4, 7)]
        assert in_parts(bounds, 2) == [(0, 1), (1, 2)]  # never an empty part


def test_torch_computes_in_one_thread_meanwhile():
    # Its idle threads would keep the cores busy that ours are to work on.
    before = torch.get_num_threads()
    with own_threads(2):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_other_threads_are_not_affected():
    # Two fits in two threads must not change how the other works.
    seen = []
    with own_threads(4):
        thread = threading.Thread(target=lambda: seen.append(in_parts(bounds, 8)))
        thread.start()
        thread.join()
    assert seen == [[(0, 8)]]


def test_an_error_in_a_part_is_raised():
    def fail(start, stop):
        if start > 0:
            raise ValueError("in the second part")

    with own_threads(2), pytest.raises(ValueError, match="second part"):
        in_parts(fail, 10)


def share_out(queue):
    with own_threads(2):
        queue.put(in_parts(bounds, 10))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    # It inherits the pool but none of its threads, and would wait for them for ever.
    with own_threads(2):
        in_parts(bounds, 10)
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=share_out, args=(queue,))
    process.start()
    process.join(timeout=60)
    assert process.exitcode == 0
    assert queue.get() == [(0, 5), (5, 10)]
