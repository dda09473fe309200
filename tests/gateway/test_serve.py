"""Starting and stopping."""

import asyncio
import os
import signal

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent_spaces.clock import ManualClock, SystemRandomness
from agent_spaces.config import HostConfig
from agent_spaces.engine.memory import memory_database
from agent_spaces.errors import ConfigError
from agent_spaces.gateway.keys import SigningKey
from agent_spaces.gateway.serve import serve
from agent_spaces.gateway.tokens import TokenAuthority
from agent_spaces.wire import messages as m
from gateway.probe import PROBE, Host, Note, hosting
from gateway.test_session import PATH, add_note, message, protocol
from gateway.ws_client import connect, frame


async def test_what_was_asked_is_answered_before_sockets_close_with_1001(host: Host) -> None:
    async with connect(host.port, PATH, protocol("v2")) as client:
        await message(client)
        client.send(*(frame(add_note(number)) for number in range(5)))
        for _ in range(1000):
            if len(host.database.tables[Note]) == 5:
                break
            await asyncio.sleep(0)
        stopping = asyncio.create_task(host.gateway.stop())

        assert [type(await message(client)) for _ in range(5)] == [m.ReducerResult] * 5
        first, payload = await client.receive()
        assert (first, payload) == (0x88, b"\x03\xe9module exited")
        client.send(frame(payload[:2], 0x88))
        await stopping
        assert await client.receive() == (0, b"")


async def test_nobody_is_waited_for_longer_than_the_close_timeout(host: Host) -> None:
    async with connect(host.port, PATH, protocol("v2")):
        await asyncio.wait_for(host.gateway.stop(), 5)


async def test_a_stopped_host_accepts_nothing(host: Host) -> None:
    port = host.port
    await host.gateway.stop()

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_an_idle_http_connection_does_not_keep_the_host_up(host: Host) -> None:
    await host.http.get("/v1/ping")
    reader, writer = await asyncio.open_connection("127.0.0.1", host.port)

    await asyncio.wait_for(host.gateway.stop(), 5)
    assert await reader.read() == b""
    writer.close()


async def test_a_port_in_use_is_told(host: Host) -> None:
    with pytest.raises(ConfigError, match=str(host.port)):
        async with hosting(listen_port=host.port):
            pass


async def test_more_routes_stand_behind_those_of_the_api() -> None:
    async def page(_request: Request) -> Response:
        return Response("a page")

    async with hosting([Route("/{path:path}", page)]) as host:
        assert (await host.http.get("/index.html")).text == "a page"
        assert (await host.http.get("/v1/ping")).content == b""


async def test_a_signal_ends_serving_gracefully() -> None:
    clock = ManualClock()
    tokens = TokenAuthority(SigningKey.generate(), clock, SystemRandomness())
    database = memory_database(PROBE, clock)
    started = asyncio.Event()
    config = HostConfig(listen_port=0)
    running = asyncio.create_task(serve(database, config, tokens, clock=clock, started=lambda _gateway: started.set()))
    await started.wait()

    os.kill(os.getpid(), signal.SIGTERM)

    await asyncio.wait_for(running, 5)
