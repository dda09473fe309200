"""The port: heads of any length and pace, keep-alive, and one connection too many."""

import asyncio

import pytest

from gateway.probe import Host, hosting
from gateway.ws_client import MASK, REQUEST, connect, frame

PATH = "/v1/database/spaces/subscribe"
V2 = "Sec-WebSocket-Protocol: v2.bsatn.spacetimedb\r\n"
PING = b"GET /v1/ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPGRADE = REQUEST.format(path=PATH, headers=V2).encode()


async def status_of(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    return int(head.split()[1])


async def test_requests_follow_each_other_and_an_upgrade_may_be_the_last(host: Host) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
    writer.write(PING)
    assert await status_of(reader) == 200
    writer.write(PING + UPGRADE)

    assert await status_of(reader) == 200
    assert await status_of(reader) == 101
    assert (await reader.readexactly(1)) == b"\x82"
    writer.close()


async def test_what_comes_right_behind_the_handshake_is_heard(host: Host) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
    writer.write(UPGRADE + frame(b"?", 0x89))

    assert await status_of(reader) == 101
    answers = await reader.readexactly(3)
    assert b"\x8a\x01?" in answers or b"\x82" in answers[:1]
    writer.close()


async def test_a_head_that_comes_byte_by_byte_is_read(host: Host) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
    for byte in PING:
        writer.write(bytes((byte,)))
        await asyncio.sleep(0)

    assert await status_of(reader) == 200
    writer.close()


@pytest.mark.parametrize("sent", [b"", b"GET /v1/ping HT", PING + b"GET /v1/"])
async def test_a_head_that_does_not_come_in_time_ends_the_connection(sent: bytes) -> None:
    async with hosting(head_timeout_s=0.1) as host:
        reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
        writer.write(sent)

        answer = await asyncio.wait_for(reader.read(), 5)
        assert answer.count(b"HTTP/1.1 200") == sent.count(PING)
        writer.close()


async def test_a_connection_that_has_asked_may_stay_quiet() -> None:
    async with hosting(head_timeout_s=0.05) as host:
        reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
        writer.write(PING)
        await status_of(reader)
        await asyncio.sleep(0.15)
        writer.write(PING)

        assert await status_of(reader) == 200
        writer.close()


async def test_a_body_that_does_not_come_in_time_is_408() -> None:
    async with hosting(body_timeout_s=0.1) as host:
        reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
        writer.write(b"POST /v1/database/spaces/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nSEL")

        assert await status_of(reader) == 408
        writer.close()


@pytest.mark.parametrize("in_pieces", [False, True])
async def test_a_head_may_reach_its_limit_and_not_pass_it(in_pieces: bool) -> None:
    async with hosting(head_bytes_max=1000) as host:
        for size, statuses in ((900, {200}), (1100, {400, 431})):
            reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
            sent = PING[:-2] + b"X-Filler: " + b"x" * (size - len(PING) - 12) + b"\r\n\r\n"
            for part in (sent[:-3], sent[-3:]) if in_pieces else (sent,):
                writer.write(part)
                await asyncio.sleep(0.02)

            assert await status_of(reader) in statuses
            writer.close()


async def test_what_is_no_http_is_400(host: Host) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
    writer.write(MASK + b" nonsense\r\n\r\n")

    assert await status_of(reader) == 400
    writer.close()


async def test_one_connection_too_many_is_sent_away_until_another_ends() -> None:
    async with hosting(connections_max=2) as host:
        idle = await asyncio.open_connection("127.0.0.1", host.port)
        async with connect(host.port, PATH, V2):
            reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
            assert await status_of(reader) == 503
            writer.close()
        await host.gateway.site.sockets_gone()
        reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
        writer.write(PING)
        assert await status_of(reader) == 200
        writer.close()
        idle[1].close()
