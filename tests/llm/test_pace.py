import asyncio
import time

from sklearn_hsae.llm._pace import Pace


def test_one_burst_of_rate_limits_halves_the_width_once():
    # Sixteen calls under way all meet the limit: that is one message, not sixteen.
    async def run():
        pace, started = Pace(16), time.monotonic()
        for _ in range(16):
            pace.slow_down(started)
        after_one = pace.width
        pace.slow_down(time.monotonic())
        return after_one, pace.width

    assert asyncio.run(run()) == (8, 4)


def test_the_width_comes_back_by_one_for_each_width_of_successes():
    async def run():
        pace = Pace(16)
        pace.slow_down(time.monotonic())
        for _ in range(9):
            pace.speed_up()
        after_nine = pace.width
        for _ in range(1000):
            pace.speed_up()
        return after_nine, pace.width

    after_nine, at_last = asyncio.run(run())
    assert 9 <= after_nine < 9.2 and at_last == 16


def test_no_more_pass_than_the_width_and_one_always_does():
    async def run():
        pace, under_way, most = Pace(8), 0, []

        async def call():
            nonlocal under_way
            async with pace:
                under_way += 1
                most.append(under_way)
                await asyncio.sleep(0.001)
                under_way -= 1

        await asyncio.gather(*(call() for _ in range(30)))
        for _ in range(9):
            pace.slow_down(time.monotonic())
        before, width = max(most), pace.width
        most.clear()
        await asyncio.gather(*(call() for _ in range(5)))
        return before, width, max(most)

    assert asyncio.run(run()) == (8, 1, 1)
