"""How many calls are under way: fewer after a rate limit, slowly more again."""

import asyncio
import math
import time

_LONGEST_SHARE = 4.0  # of the time-out, for a server to finish what it has begun
_LOOK = 1.0  # seconds after which those who wait look whether they still have to


class Pace:
    """An asynchronous gate whose width follows what the provider allows.

    The width is halved at a rate limit and grows by one for each width of successes,
    as TCP does it: it finds the limit without knowing it. Calls that were under way
    when it was halved do not halve it again. After a time-out it is what the provider
    could answer in that time.

    Parameters
    ----------
    widest : int
        Calls under way at most.
    """

    def __init__(self, widest):
        self.widest = widest
        self.width = float(widest)
        self._under_way = 0
        self._slowed_down = -math.inf
        self._opens = -math.inf
        self._is_busy_until = -math.inf
        self._successes = []  # when calls succeeded
        self._changed = asyncio.Condition()

    async def __aenter__(self):
        async with self._changed:
            await self._changed.wait_for(lambda: self._under_way < int(self.width))
            self._under_way += 1
        while (left := self._opens - time.monotonic()) > 0:
            await asyncio.sleep(min(left, _LOOK))

    async def __aexit__(self, *error):
        async with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def slow_down(self, started):
        """A call that began at `started` (`time.monotonic`) met a rate limit."""
        if started >= self._slowed_down:
            self._narrow(self.width / 2)

    def slow_down_to_what_is_answered(self, started):
        """A call that began at `started` was not answered in time.

        Returns
        -------
        float
            Seconds for which the provider may still be busy with the calls that were
            under way. Some servers go on with them though nobody listens.
        """
        now = time.monotonic()
        if started >= self._slowed_down:
            n_answered = sum(moment >= started for moment in self._successes)
            share = self._under_way / n_answered if n_answered else 1.0
            self._is_busy_until = now + min(share, _LONGEST_SHARE) * (now - started)
            self._narrow(min(self.width, n_answered) / 2)
        return max(self._is_busy_until - now, 0.0)

    def pause(self, seconds):
        """No call begins before so many seconds have passed."""
        self._opens = max(self._opens, time.monotonic() + seconds)

    def open(self):
        """End the pause."""
        self._opens = -math.inf

    def speed_up(self):
        """A call succeeded."""
        self.width = min(float(self.widest), self.width + 1 / self.width)
        self._successes = [*self._successes[-self.widest * 8 :], time.monotonic()]

    def _narrow(self, width):
        self.width = max(1.0, width)
        self._slowed_down = time.monotonic()
