"""Ctrl-C during a training: skorch takes it for the end, as callbacks mean it by the
same exception, and a pipeline would go on with half a training."""

import signal
import threading
from contextlib import contextmanager


class Interrupted(BaseException):
    """An interrupt by the user, which skorch lets pass."""


@contextmanager
def interrupts_pass():
    """Within, an interrupt by the user ends the training and what called it."""
    is_usual = _is_usual()
    try:
        if is_usual:
            signal.signal(signal.SIGINT, _interrupt)
        yield
    except Interrupted:
        raise KeyboardInterrupt from None
    finally:
        if is_usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_usual():
    """Handlers are the main thread's, and one that somebody has set is theirs."""
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def _interrupt(*arguments):
    raise Interrupted
