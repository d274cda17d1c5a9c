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
LONGEST_LIMIT = 3600.0  # seconds that one request waits for rate limits in total
_FIRST_WAIT = 0.5  # seconds
_LONGEST_GUESS = 60.0  # seconds
_BUSY = (503, 529)  # statuses that mean a rate limit when they come with a delay
_MOST_SHORT_DELAYS = 3  # delays below a second that we believe in a row
# Own generator: random.seed in user code must not synchronise the retries.
_jitter = random.Random()


@dataclass
class Tries:
    """Counts the errors of one request and decides about the next call.

    A temporary error is retried until `MAX_ATTEMPTS` calls have failed. A rate limit
    does not count as an attempt, because the call will succeed later; only the total
    waiting time is limited. After a time-out, and after a response that cannot be read,
    there is one more call only, because both are paid for.

    Attributes
    ----------
    errors, limits, time_outs, unreadable : int
        Number of other temporary errors, rate limits, time-outs and unreadable
        responses.
    seconds_limited : float
        Waiting time for rate limits so far.
    """

    errors: int = 0
    limits: int = 0
    seconds_limited: float = 0.0
    time_outs: int = 0
    unreadable: int = 0

    def seconds_to_next(self, error):
        """Seconds to wait before the next call; None when the request has failed."""
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
        else:  # up to 10 % more, at random: otherwise all calls return at once
            seconds = asked * _jitter.uniform(1.0, 1.1)
            if asked < 1.0 and self.limits >= _MOST_SHORT_DELAYS:  # it has not helped
                seconds = max(seconds, _guess(self.limits - _MOST_SHORT_DELAYS))
        self.limits += 1
        self.seconds_limited += seconds
        return seconds if self.seconds_limited <= LONGEST_LIMIT else None


def _guess(n_before):
    """Seconds of exponential back-off with jitter, after `n_before` other errors."""
    ceiling = min(_FIRST_WAIT * 2**n_before, _LONGEST_GUESS)
    return _jitter.uniform(ceiling / 2, ceiling)


def with_retries(call):
    """Return ``call()``; repeat the call after temporary errors, see :class:`Tries`."""
    tries = Tries()
    while True:
        try:
            return call()
        except Exception as error:
            seconds = tries.seconds_to_next(error)
            if seconds is None:
                raise
        time.sleep(seconds)
