"""One event loop in a background thread, for all calls of a process.

A notebook already runs an event loop, and `asyncio.run` refuses to run inside one. With
a new loop per round of calls, litellm would open its connections again each time.
"""

import asyncio
import os
import threading

_lock = threading.Lock()
_running = {}  # process id -> (thread, loop): a fork does not inherit the thread


def run_in_background(coroutine):
    """Run a coroutine and return its result. An interruption cancels it."""
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
