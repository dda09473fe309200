"""Stopping and crashing: who is connected hears of it, what was answered is kept, and nobody stays online for ever."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from agent_spaces.fabric.tables import Message, UserPresence
from agent_spaces.fabric.types import MessageType
from agent_spaces.sats.bsatn import row_decoder
from agent_spaces.testing.host import HostProcess, running_host
from e2e.raw_client import LostError, RawClient

CALLS_BEFORE = 50
SECONDS_MAX = 30


async def registered(host: HostProcess, username: str) -> tuple[RawClient, str]:
    client = await RawClient.connect(host.url, None)
    assert await client.call("register_user", username, None, False) == "ok"
    return client, (await client.greeting).token


async def online(host: HostProcess, who: dict[bytes, str]) -> set[str]:
    """Return who of these is online by what the owner reads."""
    reader = await RawClient.connect(host.url, host.owner_token)
    rows = await reader.query("SELECT * FROM user_presence WHERE online = true")
    assert isinstance(rows, Counter)
    await reader.close()
    decode = row_decoder(UserPresence)
    return {who[decode(data, 0)[0].identity] for _, data in rows if decode(data, 0)[0].identity in who}


async def contents_of_channel(host: HostProcess) -> list[str]:
    reader = await RawClient.connect(host.url, host.owner_token)
    rows = await reader.query("SELECT * FROM message WHERE channel_id = 1")
    assert isinstance(rows, Counter)
    await reader.close()
    decode = row_decoder(Message)
    return [row.content for row in sorted((decode(data, 0)[0] for _, data in rows), key=lambda row: row.seq)]


async def send_until_lost(client: RawClient, name: str, acknowledged: list[str], enough: asyncio.Event) -> None:
    number = 0
    while True:
        text = f"{name} {number}"
        try:
            outcome = await client.call("send_message", 1, text, MessageType.TEXT, None, None, None, None)
        except LostError:
            return
        if outcome != "ok":
            return
        acknowledged.append(text)
        number += 1
        if number == CALLS_BEFORE:
            enough.set()


async def test_a_host_that_is_told_to_stop_closes_with_1001_and_keeps_what_it_answered(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    async with running_host(tmp_path / "data") as host:
        clients = [(await registered(host, f"writer-{number}"))[0] for number in range(3)]
        silent = await RawClient.connect(host.url, None)
        enough = [asyncio.Event() for _ in clients]
        work = [
            asyncio.create_task(send_until_lost(client, f"writer-{number}", acknowledged, enough[number]))
            for number, client in enumerate(clients)
        ]
        async with asyncio.timeout(SECONDS_MAX):
            for event in enough:
                await event.wait()
            os.kill(host.process_id, signal.SIGTERM)
            await asyncio.gather(*work)
            for client in (*clients, silent):
                await client.closed()
        assert [client.close_code for client in (*clients, silent)] == [1001] * 4
        assert host._process is not None
        assert await asyncio.wait_for(host._process.wait(), SECONDS_MAX) == 0
        await host.start()
        texts = await contents_of_channel(host)
        assert set(acknowledged) <= set(texts)
        assert len(texts) == len(set(texts))
        assert len(texts) <= len(acknowledged) + len(clients), "at most what was in flight is there besides"
        assert "Traceback" not in host.stderr


async def refuses(host: HostProcess) -> None:
    """Wait until nobody is let in any more."""
    address = urlsplit(host.url)
    with suppress(ConnectionError):
        async with asyncio.timeout(SECONDS_MAX):
            while True:
                _, writer = await asyncio.open_connection(address.hostname, address.port)
                writer.close()
                await asyncio.sleep(0.01)


async def test_a_request_in_flight_is_answered_before_the_host_ends(tmp_path: Path) -> None:
    async with running_host(tmp_path / "data") as host:
        client, token = await registered(host, "bob")
        await client.close()
        headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}

        async def slow_body() -> AsyncIterator[bytes]:
            yield b'[1, "said while stopping", {"text": []}, {"none": []}, '
            os.kill(host.process_id, signal.SIGTERM)
            await refuses(host)
            yield b'{"none": []}, {"none": []}, {"none": []}]'

        async with httpx2.AsyncClient(base_url=host.url, trust_env=False, timeout=SECONDS_MAX) as http:
            answer = await http.post("/v1/database/spaces/call/send_message", content=slow_body(), headers=headers)
        assert (answer.status_code, answer.text) == (200, "")
        await host.stop()
        await host.start()
        assert await contents_of_channel(host) == ["said while stopping"]


async def test_connections_left_by_a_crash_are_ended_at_the_next_start(tmp_path: Path) -> None:
    """Presence of who was connected goes offline; a stop and a start end it as well, and nobody is counted twice."""
    async with running_host(tmp_path / "data") as host:
        bob, token = await registered(host, "bob")
        again = await RawClient.connect(host.url, token)
        carol, _ = await registered(host, "carol")
        names = {(await bob.greeting).identity: "bob", (await carol.greeting).identity: "carol"}
        who = {bytes(identity): name for identity, name in names.items()}
        assert await online(host, who) == {"bob", "carol"}
        await bob.close()
        assert await online(host, who) == {"bob", "carol"}, "another connection is left"

        await host.restart()
        assert await online(host, who) == set()
        reader = await RawClient.connect(host.url, host.owner_token)
        for table in ("user_connection", "st_client"):
            rows = await reader.query(f"SELECT * FROM {table}")
            assert isinstance(rows, Counter)
            assert rows.total() == 1, f"only the reader is in {table}"
        await reader.close()

        back = await RawClient.connect(host.url, token)
        assert await online(host, who) == {"bob"}
        await host.stop()
        await host.start()
        assert await online(host, who) == set()
        for client in (again, carol, back):
            await client.closed()
