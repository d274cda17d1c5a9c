"""A thread pool for the compiled loops, separate from the threads of torch.

Idle threads of torch keep their core busy for a while, in case more work comes. The
threads of this pool sleep, so that other processes and the next part of a step can use
the core.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise

import torch

# With fewer multiplications per encoding, a second thread gains nothing: waking it
# takes as long as its work. A second thread of torch would cost much more when another
# process needs the core, because torch's threads wait for each other actively.
_MULTIPLICATIONS_FOR_THREADS = 2**26
_n_threads = ContextVar("n_threads", default=1)
_pool = None


def suitable_threads(n_multiplications):
    """Number of threads for a step, from the number of multiplications to encode."""
    is_small = n_multiplications < _MULTIPLICATIONS_FOR_THREADS
    return 1 if is_small else torch.get_num_threads()


@contextmanager
def torch_threads(n_threads):
    """Within this context torch uses `n_threads`. Yields its usual number."""
    usual = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield usual
    finally:
        torch.set_num_threads(usual)


@contextmanager
def own_threads(n_threads):
    """Within this context, :func:`in_parts` uses `n_threads`, and torch one thread."""
    token = _n_threads.set(n_threads)
    try:
        with torch_threads(1):
            yield
    finally:
        _n_threads.reset(token)


def in_parts(function, n_items, *arguments):
    """Call ``function(*arguments, start, stop)`` for parts of ``range(n_items)``.

    The number of parts is that of :func:`own_threads`; outside this context it is 1.

    Returns
    -------
    list
        What `function` returned for each part.
    """
    n_parts = min(_n_threads.get(), n_items)
    bounds = [n_items * part // n_parts for part in range(n_parts + 1)]
    first, *others = pairwise(bounds)
    running = [_threads().submit(function, *arguments, *part) for part in others]
    return [function(*arguments, *first), *(part.result() for part in running)]


def _threads():
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="sklearn_hsae")
    return _pool


def _forget_threads():
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):  # a forked process has none of the threads
    os.register_at_fork(after_in_child=_forget_threads)
