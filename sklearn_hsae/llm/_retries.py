"""Whether and when to call again after an error."""

import random
import time
from dataclasses import dataclass

from sklearn_hsae.llm._delays import asked_delay
from sklearn_hsae.llm._errors import (
    is_rate_limit,
    is_temporary,
    is_time_out,
    is_unreadable,
    status_of,
)

MAX_ATTEMPTS = 6
LONGEST_LIMIT = 3600.0  # seconds that a call waits for rate limits, all in all
_FIRST_WAIT = 0.5  # seconds
_LONGEST_GUESS = 60.0
_BUSY = (503, 529)  # statuses that mean a rate limit when they come with a delay
_MOST_AT_ONCE = 3  # calls at once, or nearly, that a provider may ask for in a row
_jitter = random.Random()  # of its own: no seed of the user decides when we call again


@dataclass
class Tries:
    """Errors that the calls for one request have met, and what follows from them.

    What passes by itself is tried `MAX_ATTEMPTS` times. A rate limit uses up no
    attempts, only time: it says that the call will succeed later. After a time-out, and
    after a response that could not be read, one more call is made: both were paid.
    """

    errors: int = 0
    limits: int = 0
    seconds_limited: float = 0.0
    time_outs: int = 0
    unreadable: int = 0

    def seconds_to_next(self, error):
        """Seconds to wait before the next call; None when there shall be none."""
        if not is_temporary(error):
            return None
        asked = asked_delay(error)
        is_busy = asked is not None and status_of(error) in _BUSY
        if is_busy or is_rate_limit(error):
            return self._after_limit(asked)
        if is_time_out(error):
            self.time_outs += 1
            return 0.0 if self.time_outs == 1 else None
        if is_unreadable(error):
            self.unreadable += 1
            return 0.0 if self.unreadable == 1 else None
        self.errors += 1
        if self.errors == MAX_ATTEMPTS:
            return None
        return _guess(self.errors - 1) if asked is None else asked

    def _after_limit(self, asked):
        if asked is None:
            seconds = _guess(self.limits)
        else:  # a little more, and not the same for all, or all come back at once
            seconds = asked * _jitter.uniform(1.0, 1.1)
            if asked < 1.0 and self.limits >= _MOST_AT_ONCE:  # it has not helped
                seconds = max(seconds, _guess(self.limits - _MOST_AT_ONCE))
        self.limits += 1
        self.seconds_limited += seconds
        return seconds if self.seconds_limited <= LONGEST_LIMIT else None


def _guess(n_before):
    """Exponential back-off with jitter, in seconds."""
    ceiling = min(_FIRST_WAIT * 2**n_before, _LONGEST_GUESS)
    return _jitter.uniform(ceiling / 2, ceiling)


def with_retries(call):
    """Return ``call()``; after an error that passes call again, as `Tries` says."""
    tries = Tries()
    while True:
        try:
            return call()
        except Exception as error:
            seconds = tries.seconds_to_next(error)
            if seconds is None:
                raise
        time.sleep(seconds)
