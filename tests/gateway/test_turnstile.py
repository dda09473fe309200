"""Newcomers take turns: a bounded piece of work for each turn of the loop, in the order they came."""

import asyncio
from collections.abc import Callable

import pytest

from agent_spaces.clock import ManualClock
from agent_spaces.gateway.turnstile import Turnstile
from gateway.probe import hosting
from gateway.ws_client import REQUEST

PIECE_S, SLICE_S = 0.4, 1.0
STORM = 40
TURNS_MAX = 100_000
UPGRADE = REQUEST.format(
    path="/v1/database/spaces/subscribe", headers="Sec-WebSocket-Protocol: v2.bsatn.spacetimedb\r\n"
).encode()


class Visitors:
    """Pieces of work that take PIECE_S by a clock that only they move."""

    def __init__(self) -> None:
        self.clock, self.done = ManualClock(), list[int]()
        self.turnstile = Turnstile(self.clock.monotonic, SLICE_S)

    def piece(self, number: int) -> Callable[[], None]:
        def work() -> None:
            self.clock.advance(PIECE_S)
            self.done.append(number)

        return work

    def come(self, first: int, last: int) -> list[bool]:
        return [self.turnstile.enter(self.piece(n)) for n in range(first, last)]


async def test_whoever_finds_nobody_waiting_goes_through_at_once_until_the_slice_is_used() -> None:
    visitors = Visitors()
    assert visitors.come(0, 5) == [True, True, True, False, False]
    assert visitors.done == [0, 1, 2]


async def test_those_who_wait_come_before_newer_ones_a_slice_each_turn() -> None:
    visitors = Visitors()
    visitors.come(0, 7)
    await asyncio.sleep(0)
    assert visitors.done == [0, 1, 2, 3, 4, 5]
    assert visitors.come(7, 8) == [False]
    await asyncio.sleep(0)
    assert visitors.done == [0, 1, 2, 3, 4, 5, 6, 7]


async def test_a_piece_longer_than_the_slice_has_a_turn_of_its_own() -> None:
    visitors = Visitors()
    visitors.turnstile = Turnstile(visitors.clock.monotonic, PIECE_S / 2)
    visitors.come(0, 3)
    seen = []
    for _ in range(3):
        seen.append(len(visitors.done))
        await asyncio.sleep(0)
    assert seen == [1, 2, 3]


async def test_a_turn_that_passes_gives_the_slice_back() -> None:
    visitors = Visitors()
    visitors.come(0, 3)
    await asyncio.sleep(0)
    assert visitors.come(3, 4) == [True]


async def test_work_that_fails_keeps_nobody_waiting() -> None:
    visitors, told = Visitors(), list[str]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(str(context["exception"])))

    def broken() -> None:
        visitors.clock.advance(SLICE_S)
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        visitors.turnstile.enter(broken)
    visitors.turnstile.enter(broken)
    visitors.come(0, 1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert visitors.done == [0]
    assert told == ["broken"]


async def test_a_storm_of_handshakes_is_let_in_one_a_turn_and_in_the_end_all() -> None:
    """With a slice of no time each turn of the loop answers one of the heads that have all arrived."""
    async with hosting() as host:
        site = host.gateway.site
        site.turnstile = Turnstile(site.clock.monotonic, 0.0)
        links = [await asyncio.open_connection("127.0.0.1", host.port) for _ in range(STORM)]
        for _, writer in links:
            writer.write(UPGRADE)
        most = 0
        for _ in range(TURNS_MAX):
            before = len(site.sockets)
            if before == STORM:
                break
            await asyncio.sleep(0)
            most = max(most, len(site.sockets) - before)
        for reader, writer in links:
            assert (await reader.readuntil(b"\r\n\r\n")).split()[1] == b"101"
            writer.close()
        assert most == 1

        for _ in range(TURNS_MAX):
            if not site.sockets and not len(site.turnstile) and not host.database.connections:
                break
            await asyncio.sleep(0)
        assert not host.database.connections, "those who left took turns too"
