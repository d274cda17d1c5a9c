"""How many calls are under way: fewer after a rate limit, slowly more again."""

import asyncio
import math
import time


class Pace:
    """An asynchronous gate whose width follows what the provider allows.

    The width is halved at a rate limit and grows by one for each width of successes,
    as TCP does it: it finds the limit without knowing it. Calls that were under way
    when it was halved do not halve it again.

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
        self._changed = asyncio.Condition()

    async def __aenter__(self):
        async with self._changed:
            await self._changed.wait_for(lambda: self._under_way < int(self.width))
            self._under_way += 1

    async def __aexit__(self, *error):
        async with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def slow_down(self, started):
        """A call that began at `started` (`time.monotonic`) met a rate limit."""
        if started >= self._slowed_down:
            self.width = max(1.0, self.width / 2)
            self._slowed_down = time.monotonic()

    def speed_up(self):
        """A call succeeded."""
        self.width = min(float(self.widest), self.width + 1 / self.width)
