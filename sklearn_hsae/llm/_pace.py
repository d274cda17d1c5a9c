"""The number of simultaneous calls: halved at a rate limit, then slowly raised."""

import asyncio
import math
import time

_MOST_TIME_OUTS = 4.0  # longest time for a server to finish its calls, in time-outs
_SECONDS_PER_CHECK = 1.0  # how often waiting calls check whether the pause is over


class Pace:
    """An asynchronous gate that limits the number of simultaneous calls.

    As in TCP, this number, the width, is halved at a rate limit, and grows by one after
    as many successes as the width. So it finds the limit of the provider. Calls that
    were running when the width was halved do not halve it again. After a time-out the
    width becomes half the number of calls that succeeded in that time.

    Parameters
    ----------
    widest : int
        Largest number of simultaneous calls.
    """

    def __init__(self, widest):
        self.widest = widest
        self.width = float(widest)
        self._under_way = 0
        self._slowed_down = -math.inf
        self._opens = -math.inf
        self._is_busy_until = -math.inf
        self._successes = []  # times at which calls succeeded
        self._changed = asyncio.Condition()

    async def __aenter__(self):
        async with self._changed:
            await self._changed.wait_for(lambda: self._under_way < int(self.width))
            self._under_way += 1
        while (left := self._opens - time.monotonic()) > 0:
            await asyncio.sleep(min(left, _SECONDS_PER_CHECK))

    async def __aexit__(self, *error):
        async with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def slow_down(self, started):
        """Narrow the gate after a rate limit of a call that began at `started`.

        Times are those of `time.monotonic`.
        """
        if started >= self._slowed_down:
            self._narrow(self.width / 2)

    def slow_down_after_time_out(self, started):
        """Narrow the gate after a time-out of a call that began at `started`.

        Returns
        -------
        float
            Seconds for which the provider may still be busy with the other running
            calls. Some servers go on with calls whose client has gone.
        """
        now = time.monotonic()
        if started >= self._slowed_down:
            n_replies = sum(moment >= started for moment in self._successes)
            n_time_outs = self._under_way / n_replies if n_replies else 1.0
            n_time_outs = min(n_time_outs, _MOST_TIME_OUTS)
            self._is_busy_until = now + n_time_outs * (now - started)
            self._narrow(min(self.width, n_replies) / 2)
        return max(self._is_busy_until - now, 0.0)

    def pause(self, seconds):
        """Start no call for this number of seconds."""
        self._opens = max(self._opens, time.monotonic() + seconds)

    def open(self):
        """End the pause."""
        self._opens = -math.inf

    def speed_up(self):
        """Widen the gate after a call that succeeded."""
        self.width = min(float(self.widest), self.width + 1 / self.width)
        self._successes = [*self._successes[-self.widest * 8 :], time.monotonic()]

    def _narrow(self, width):
        self.width = max(1.0, width)
        self._slowed_down = time.monotonic()
