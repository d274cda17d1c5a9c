"""Handle Ctrl-C during a training.

skorch uses KeyboardInterrupt for early stopping, so Ctrl-C would end `fit` normally,
and a pipeline would go on with a half-trained model.
"""

import signal
import threading
from contextlib import contextmanager


class Interrupted(BaseException):
    """Ctrl-C by the user. skorch does not catch this exception."""


@contextmanager
def interrupts_pass():
    """Within this context, Ctrl-C ends the training and raises KeyboardInterrupt."""
    has_usual_handler = _has_usual_handler()
    try:
        if has_usual_handler:
            signal.signal(signal.SIGINT, _interrupt)
        yield
    except Interrupted:
        raise KeyboardInterrupt from None
    finally:
        if has_usual_handler:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _has_usual_handler():
    """Whether to replace the handler: in the main thread, and if it is the default."""
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def _interrupt(*arguments):
    raise Interrupted
