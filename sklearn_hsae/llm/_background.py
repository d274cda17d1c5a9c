"""One event loop in a thread of its own, for all calls of a process.

A notebook has a loop already, and `asyncio.run` refuses to run inside it. A loop for
each round of calls would make litellm open its connections anew each time.
"""

import asyncio
import os
import threading

_lock = threading.Lock()
_running = {}  # by process, since a thread does not live on in a fork: thread, loop


def run_in_background(coroutine):
    """Return what the coroutine returns; an interruption cancels it."""
    future = asyncio.run_coroutine_threadsafe(coroutine, _loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def _loop():
    with _lock:
        thread, loop = _running.get(os.getpid(), (None, None))
        if thread is None or not thread.is_alive():
            loop = asyncio.new_event_loop()
            thread = threading.Thread(
                target=loop.run_forever, name="sklearn_hsae-llm", daemon=True
            )
            thread.start()
            _running[os.getpid()] = thread, loop
        return loop
