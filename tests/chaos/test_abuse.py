"""Clients that behave badly are cut off at the limits, cost what the limits say, and leave nothing behind."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from agent_spaces.client import connect
from agent_spaces.fabric.reducers.users import register_user
from agent_spaces.gateway import ws_frames as ws
from agent_spaces.testing.host import HostProcess, running_host
from chaos.abuse import ATTACKS, CONNECTIONS_MAX, LIMITS, MESSAGE_BYTES_MAX, Siege, bombs, raw, slow_heads
from chaos.rig import python_path
from chaos.unbounded import READERS, is_caught, readers_cut_off
from chaos.worker import SCHEMA
from gateway.ws_client import frame

EVENTS = 6000
GROWTH_MAX = 1.05


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HostProcess]:
    process = HostProcess(tmp_path_factory.mktemp("host") / "data", env=dict(os.environ) | LIMITS)
    await process.start()
    yield process
    await process.stop()


_names = itertools.count(1)


async def registered(host: HostProcess) -> str:
    async with connect(host.url, database="spaces", schema=SCHEMA) as conn:
        await conn.call(register_user, f"somebody-{next(_names)}", None, False)
        assert conn.token is not None
        return conn.token


@pytest.mark.timeout(300)
async def test_what_attacks_took_is_given_back(tmp_path: Path) -> None:
    """Memory is back at the baseline and 5 %, handles and threads exactly; a good client lost no call."""
    siege = Siege(tmp_path)
    await siege.host.start()
    try:
        await siege.attack(EVENTS, 2)
    finally:
        await siege.host.stop()
    before, *_, after = siege.footprints

    assert siege.calls > len(ATTACKS)
    assert siege.failed == 0
    assert after.rss_kb <= before.rss_kb * GROWTH_MAX
    assert after.handles <= before.handles
    assert after.threads <= before.threads + 2, "the log's threads are made when they are needed"
    assert "Traceback" not in siege.host.stderr


async def test_one_connection_more_than_allowed_is_refused_until_one_goes(tmp_path: Path) -> None:
    async with running_host(tmp_path / "data", env=dict(os.environ) | LIMITS) as host:
        await _fill(host, await registered(host))


async def _fill(host: HostProcess, token: str) -> None:
    await asyncio.sleep(0.5)  # the connection that registered is gone
    opened = [await raw(host.url, token) for _ in range(CONNECTIONS_MAX - 1)]
    at_limit = await raw(host.url, token)
    beyond = await raw(host.url, token)
    assert [each.head.split()[1] for each in (opened[-1], at_limit, beyond)] == [b"101", b"101", b"503"]

    opened.pop().writer.transport.abort()
    for _ in range(100):
        again = await raw(host.url, token)
        if again.head.split()[1] == b"101":
            break
    assert again.head.split()[1] == b"101"
    for each in (*opened, at_limit, beyond, again):
        each.writer.transport.abort()


@pytest.mark.parametrize(("extra", "code"), [(-1, 1011), (0, 1011), (1, 1009)])
async def test_a_message_may_reach_the_limit_and_not_pass_it(host: HostProcess, extra: int, code: int) -> None:
    """Up to the limit it is read, and found to be none of the protocol; past it nobody reads it."""
    client = await raw(host.url, None)
    client.send(frame(b"\xff" * (MESSAGE_BYTES_MAX + extra)))
    assert await client.close_code() == code
    client.writer.close()


@pytest.mark.parametrize(("extra", "status"), [(-1, 400), (0, 400), (1, 413)])
async def test_a_body_may_reach_the_limit_and_not_pass_it(host: HostProcess, extra: int, status: int) -> None:
    async with httpx2.AsyncClient(base_url=host.url, trust_env=False) as http:
        body = b"x" * (65_536 + extra)
        answer = await http.post(
            "/v1/database/spaces/call/start_typing", content=body, headers={"content-type": "application/json"}
        )
        assert answer.status_code == status


async def test_lengths_that_lie_end_the_connection_and_nothing_else(host: HostProcess) -> None:
    codes = await bombs(host.url, await registered(host), 0)
    assert codes[:4] == [1011] * 4
    assert set(codes[4:]) <= {1002, 1009}


async def test_heads_that_do_not_end_are_given_up(host: HostProcess) -> None:
    assert await slow_heads(host.url, "", 0) == 20


async def test_readers_that_stall_are_cut_off(tmp_path: Path) -> None:
    assert await readers_cut_off(tmp_path, {"PYTHONPATH": python_path()}) == READERS


async def test_a_queue_without_bounds_is_caught(tmp_path: Path) -> None:
    """The rig must be able to fail: with that fault planted nobody is cut off."""
    assert await is_caught(tmp_path, 1)


async def test_pings_are_answered_and_a_flood_of_them_ends_only_its_connection(host: HostProcess) -> None:
    client = await raw(host.url, None)
    client.send(frame(b"here", ws.FINAL | ws.PING) * 3)
    while True:
        first, payload = await client.receive()
        if first == ws.FINAL | ws.PONG:
            break
    assert payload == b"here"
    flood = await raw(host.url, None, small=True)
    with suppress(OSError):
        for _ in range(400):
            flood.send(frame(b"x" * 120, ws.FINAL | ws.PING) * 100)
            await flood.writer.drain()
    client.send(frame(b"still", ws.FINAL | ws.PING))
    while True:
        first, payload = await client.receive()
        assert first, "the good connection is there"
        if payload == b"still":
            break
    for each in (client, flood):
        each.writer.transport.abort()
