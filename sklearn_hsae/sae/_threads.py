"""Threads of our own, beside those of torch.

Threads of torch that have nothing to do keep their processor busy for a while, in case
more work comes. Ours sleep, so that nobody has to wait for them: neither other
processes nor the next part of a step.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise

import torch

_n_threads = ContextVar("n_threads", default=1)
_pool = None


@contextmanager
def torch_threads(n_threads):
    """Within, torch computes in so many threads; yields how many there were before."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield before
    finally:
        torch.set_num_threads(before)


@contextmanager
def own_threads(n_threads):
    """Within, :func:`in_parts` uses so many threads, and torch a single one."""
    token = _n_threads.set(n_threads)
    try:
        with torch_threads(1):
            yield
    finally:
        _n_threads.reset(token)


def in_parts(function, n_items, *arguments):
    """Call ``function(*arguments, start, stop)`` for parts of ``range(n_items)``.

    As many parts as there are threads within :func:`own_threads`, elsewhere one.

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
