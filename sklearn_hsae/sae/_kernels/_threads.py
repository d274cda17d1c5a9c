"""Threads of our own, beside those of torch.

Idle threads of torch keep their core busy for a while, in case more work comes. Ours
sleep, so that neither other processes nor the next part of a step wait for them.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise

import torch

# Multiplications of one encoding below which a second thread gains nothing: waking it
# takes as long as its work. A second thread of torch would cost far more as soon as
# another process wants the core, because torch's threads wait for each other actively.
_MULTIPLICATIONS_FOR_THREADS = 2**26
_n_threads = ContextVar("n_threads", default=1)
_pool = None


def suitable_threads(n_multiplications):
    """How many threads should share a step, by the multiplications of its encoding."""
    is_small = n_multiplications < _MULTIPLICATIONS_FOR_THREADS
    return 1 if is_small else torch.get_num_threads()


@contextmanager
def torch_threads(n_threads):
    """Let torch use `n_threads` within; yields its usual number of threads."""
    usual = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield usual
    finally:
        torch.set_num_threads(usual)


@contextmanager
def own_threads(n_threads):
    """Let :func:`in_parts` use `n_threads` within, and torch a single one."""
    token = _n_threads.set(n_threads)
    try:
        with torch_threads(1):
            yield
    finally:
        _n_threads.reset(token)


def in_parts(function, n_items, *arguments):
    """Call ``function(*arguments, start, stop)`` for parts of ``range(n_items)``.

    There are as many parts as :func:`own_threads` says, and one outside of it.

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
