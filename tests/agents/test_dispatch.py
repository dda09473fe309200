"""Lanes: so many at a time, each again after an exception, none lost."""

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.agents.dispatch import Failure, Lane


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 4))
def test_each_item_is_tried_until_it_succeeds_or_is_given_up(raises: list[int], concurrency: int) -> None:
    """Item n raises `raises[n]` times; with two tries after the first, three are one too many."""

    async def main() -> None:
        tries: Counter[int] = Counter()
        failures: list[Failure] = []
        settled: list[int] = []
        given_up: list[int] = []
        running = 0

        async def handle(number: int) -> None:
            nonlocal running
            running += 1
            assert running <= concurrency
            tries[number] += 1
            await asyncio.sleep(0)
            running -= 1
            if tries[number] <= raises[number]:
                raise ValueError(number)
            settled.append(number)

        async def give_up(number: int) -> None:
            given_up.append(number)
            raise RuntimeError("must not end the lane")

        lane = Lane("test", concurrency, handle, failures.append, retry_seconds=(0, 0), given_up=give_up)
        lane.start()
        for number in range(len(raises)):
            lane.put(number, number)
            lane.put(number, number)
        async with asyncio.timeout(20):
            while len(settled) + len(given_up) < len(raises):
                await asyncio.sleep(0)
        await lane.stop(1)

        assert sorted(settled) == [n for n, times in enumerate(raises) if times < 3]
        assert sorted(given_up) == [n for n, times in enumerate(raises) if times == 3]
        assert len(failures) == sum(raises)
        assert all(tries[n] == min(times + 1, 3) for n, times in enumerate(raises))

    asyncio.run(main())


async def test_stopping_waits_for_what_runs_and_cancels_it_after_its_time() -> None:
    ended: list[str] = []

    async def handle(seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
            ended.append("finished")
        except asyncio.CancelledError:
            ended.append("canceled")
            raise

    for seconds, drain in ((0.05, 5.0), (30.0, 0.02)):
        lane = Lane("test", 1, handle, lambda _failure: None)
        lane.start()
        lane.put(1, seconds)
        await asyncio.sleep(0.01)
        await lane.stop(drain)

    assert ended == ["finished", "canceled"]
