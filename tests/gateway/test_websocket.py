"""What a client of the WebSocket sees: messages, closes, pings, and limits at their edge and one past it."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_spaces.gateway import ws_frames as ws
from agent_spaces.gateway.websocket import WebSocket
from agent_spaces.gateway.ws_buffer import ReadBuffer
from agent_spaces.gateway.ws_limits import SocketLimits
from agent_spaces.wire.frames import ws_binary_frame
from gateway.echo import Echo, echo_server
from gateway.slow_transport import SlowTransport
from gateway.ws_client import connect, frame

FAST = SocketLimits(message_bytes_max=1000, close_timeout_s=0.2)


def attached(window: int = 1 << 30, limits: SocketLimits = FAST) -> tuple[WebSocket, Echo, SlowTransport]:
    echo = Echo()
    socket, transport = WebSocket(echo, limits, ReadBuffer(), echo.ends.append), SlowTransport(window)
    socket.attach(transport)
    return socket, echo, transport


def read(socket: WebSocket, data: bytes) -> None:
    socket.get_buffer(-1)[: len(data)] = data
    socket.buffer_updated(len(data))


@settings(deadline=None)
@given(
    payloads=st.lists(st.sampled_from([0, 1, 5, 125, 126, 300]).map(bytes), max_size=6),
    cuts=st.lists(st.integers(1, 400), max_size=12),
)
def test_messages_arrive_whole_and_in_order_however_the_stream_is_cut(payloads: list[bytes], cuts: list[int]) -> None:
    async def scenario() -> None:
        socket, echo, transport = attached()
        stream = b"".join(map(frame, payloads))
        for cut in [*cuts, len(stream)]:
            head, stream = stream[:cut], stream[cut:]
            if head:
                read(socket, head)

        assert echo.messages == payloads
        assert all(type(message) is bytes for message in echo.messages)
        assert bytes(transport.sent) == b"".join(map(ws_binary_frame, payloads))
        socket.abort("test over")

    asyncio.run(scenario())


@settings(deadline=None)
@given(
    garbage=st.one_of(
        st.binary(max_size=60),
        st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=130)), max_size=6).map(
            lambda frames: b"".join(frame(payload, first) for first, payload in frames)
        ),
    ),
    cut=st.integers(1, 60),
)
def test_whatever_comes_is_answered_with_whole_frames_and_at_most_one_close(garbage: bytes, cut: int) -> None:
    async def scenario() -> None:
        socket, _, transport = attached()
        for part in (garbage[:cut], garbage[cut:]):
            if part:
                read(socket, part)

        sizes = ws.frame_sizes(bytes(transport.sent))
        starts = [sum(sizes[:number]) for number in range(len(sizes))]
        closes = [start for start in starts if transport.sent[start] == ws.FINAL | ws.CLOSE]
        assert closes in ([], starts[-1:])
        assert socket.is_open() == (not closes)
        socket.abort("test over")

    asyncio.run(scenario())


async def test_fragments_make_one_message_and_control_frames_may_come_between() -> None:
    async with echo_server() as (port, _), connect(port) as client:
        client.send(frame(b"ab", ws.BINARY), frame(b"?", ws.FINAL | ws.PING), frame(b"cd", ws.FINAL))

        assert await client.receive() == (ws.FINAL | ws.PONG, b"?")
        assert await client.receive() == (ws.FINAL | ws.BINARY, b"abcd")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x82\x00", ws.PROTOCOL_ERROR),
        (b"\x82\x05hello", ws.PROTOCOL_ERROR),
        (b"\x82\x7e\x00\x80" + bytes(128), ws.PROTOCOL_ERROR),
        (frame(b"x", 0xC2), ws.PROTOCOL_ERROR),
        (frame(b"x", 0x83), ws.PROTOCOL_ERROR),
        (frame(b"x", ws.FINAL), ws.PROTOCOL_ERROR),
        (frame(b"x", ws.BINARY) + frame(b"y"), ws.PROTOCOL_ERROR),
        (frame(b"x", ws.PING), ws.PROTOCOL_ERROR),
        (frame(bytes(126), ws.FINAL | ws.PING), ws.PROTOCOL_ERROR),
        (frame(b"\x03", ws.FINAL | ws.CLOSE), ws.PROTOCOL_ERROR),
        (frame(b"\x03\xed", ws.FINAL | ws.CLOSE), ws.PROTOCOL_ERROR),
        (frame(b"\x03\xe8\xff", ws.FINAL | ws.CLOSE), ws.INVALID_TEXT),
        (frame(b"\xff", ws.FINAL | ws.TEXT), ws.INVALID_TEXT),
        (frame(b"\xc3", ws.TEXT) + frame(b"", ws.FINAL), ws.INVALID_TEXT),
        (frame(bytes(1001)), ws.TOO_BIG),
        (b"\x82\xff" + bytes(2) + b"\x7f" * 6 + bytes(4), ws.TOO_BIG),
        (frame(bytes(600), ws.BINARY) + frame(bytes(401), ws.FINAL), ws.TOO_BIG),
    ],
)
async def test_what_breaks_the_protocol_ends_with_the_right_code(data: bytes, code: int) -> None:
    async with echo_server(FAST) as (port, (echoes)), connect(port) as client:
        client.send(data, frame(b"not heard"))

        assert await client.close_code() == code
        assert await client.receive() == (0, b"")
        assert echoes[0].messages == []


async def test_messages_up_to_the_limit_are_taken_whole_or_in_fragments() -> None:
    async with echo_server(FAST) as (port, _), connect(port) as client:
        client.send(frame(bytes(1000)), frame(bytes(600), ws.BINARY), frame(bytes(400), ws.FINAL))

        assert await client.receive() == (ws.FINAL | ws.BINARY, bytes(1000))
        assert await client.receive() == (ws.FINAL | ws.BINARY, bytes(1000))


async def test_a_close_is_answered_with_its_code_and_the_end() -> None:
    async with echo_server() as (port, echoes), connect(port) as client:
        client.send(frame(b"\x0f\xa0bye", ws.FINAL | ws.CLOSE))

        assert await client.close_code() == 4000
        assert await client.receive() == (0, b"")
        assert (echoes[0].ends, echoes[0].lost_times) == (["client"], 1)


async def test_a_close_of_the_host_waits_for_the_clients_and_nothing_is_handled_meanwhile() -> None:
    async with echo_server() as (port, echoes), connect(port) as client:
        client.send(frame(b"1"))
        assert await client.receive() == (0x82, b"1")
        echoes[0].socket.close(ws.GOING_AWAY, "module exited")
        echoes[0].socket.send(ws_binary_frame(b"late"))

        assert await client.receive() == (ws.FINAL | ws.CLOSE, b"\x03\xe9module exited")
        client.send(frame(b"2"), frame(b"\x03\xe9", ws.FINAL | ws.CLOSE))
        assert await client.receive() == (0, b"")
        assert echoes[0].messages == [b"1"]
        assert (echoes[0].ends, echoes[0].lost_times) == (["host"], 1)


async def test_a_client_that_does_not_answer_a_close_is_cut() -> None:
    async with echo_server(FAST) as (port, echoes), connect(port) as client:
        client.send(frame(b"1"))
        await client.receive()
        echoes[0].socket.close(ws.GOING_AWAY, "module exited")

        assert await client.close_code() == ws.GOING_AWAY
        assert await client.receive() == (0, b"")


async def test_silence_is_asked_once_and_then_cut_without_a_close() -> None:
    limits = SocketLimits(ping_interval_s=0.05, idle_timeout_s=0.3)
    async with echo_server(limits) as (port, echoes), connect(port) as client:
        assert await client.receive() == (ws.FINAL | ws.PING, b"")
        assert await client.receive() == (0, b"")
        assert echoes[0].ends == ["idle"]


async def test_whoever_answers_pings_stays() -> None:
    limits = SocketLimits(ping_interval_s=0.05, idle_timeout_s=0.15)
    async with echo_server(limits) as (port, echoes), connect(port) as client:
        for _ in range(5):
            assert await client.receive() == (ws.FINAL | ws.PING, b"")
            client.send(frame(b"", ws.FINAL | ws.PONG))

        assert echoes[0].ends == []


async def test_only_what_waits_behind_the_message_being_written_counts_in_messages() -> None:
    limits = SocketLimits(outgoing_messages_max=10)
    socket, echo, transport = attached(window=50, limits=limits)
    socket.send(ws_binary_frame(bytes(100)))
    for _ in range(10):
        socket.send(ws_binary_frame(b"x"))
    assert socket.is_open()

    socket.send(ws_binary_frame(b"x"))

    assert not socket.is_open()
    transport.read(1 << 20)
    assert transport.sent.endswith(ws.close_frame(ws.TRY_AGAIN_LATER, "too slow"))
    socket.abort("test over")
    await echo.over.wait()
    await asyncio.sleep(0)
    assert (echo.ends, echo.lost_times) == (["outgoing_messages"], 1)


async def test_only_what_waits_behind_the_message_being_written_counts_in_bytes() -> None:
    limits = SocketLimits(outgoing_bytes_max=1000)
    socket, echo, _ = attached(window=50, limits=limits)
    socket.send(ws_binary_frame(bytes(100_000)) + ws_binary_frame(bytes(996)))
    assert socket.is_open()

    socket.send(ws_binary_frame(b""))

    socket.abort("test over")
    await echo.over.wait()
    await asyncio.sleep(0)
    assert echo.ends == ["outgoing_bytes"]


async def test_what_the_client_reads_makes_room() -> None:
    limits = SocketLimits(outgoing_messages_max=10)
    socket, _, transport = attached(window=0, limits=limits)
    for _ in range(11):
        socket.send(ws_binary_frame(b"x"))
    transport.read(3)
    socket.send(ws_binary_frame(b"x"))
    assert socket.is_open()
    transport.read(1 << 20)
    transport.window = 0
    for _ in range(11):
        socket.send(ws_binary_frame(b"x"))

    assert socket.is_open()
    socket.send(ws_binary_frame(b"x"))
    assert not socket.is_open()
    socket.abort("test over")


async def test_pings_of_a_client_that_does_not_read_count_too() -> None:
    socket, _, _ = attached(window=0, limits=SocketLimits(outgoing_messages_max=10))

    read(socket, frame(b"", ws.FINAL | ws.PING) * 11)
    assert socket.is_open()
    read(socket, frame(b"", ws.FINAL | ws.PING))
    assert not socket.is_open()
    socket.abort("test over")


async def test_a_client_that_goes_away_is_told_to_the_handler_once() -> None:
    async with echo_server() as (port, echoes):
        async with connect(port) as client:
            client.send(frame(b"1"))
            await client.receive()
        await echoes[0].over.wait()
        await asyncio.sleep(0)

        assert (echoes[0].ends, echoes[0].lost_times) == (["lost"], 1)


@pytest.mark.parametrize("in_fragments", [False, True])
async def test_large_messages_that_arrive_at_once_share_a_limit_and_small_ones_do_not_care(in_fragments: bool) -> None:
    limits, shared = SocketLimits(partial_bytes_max=300_000), ReadBuffer()
    whole = frame(bytes(400_000), ws.BINARY if in_fragments else ws.FINAL | ws.BINARY)
    part = frame(bytes(149_994 - 8), ws.BINARY) if in_fragments else whole[:149_986]
    sockets = []
    for _ in range(4):
        echo = Echo()
        sockets.append(WebSocket(echo, limits, shared, echo.ends.append))
        sockets[-1].attach(SlowTransport(1 << 30))
    first, second, third, small = sockets

    read(first, part)
    read(second, part)
    read(small, frame(b"hello")[:-1])
    assert (first.is_open(), second.is_open(), small.is_open()) == (True, True, True)
    read(third, part)
    assert (third.is_open(), small.is_open()) == (False, True)
    for socket in sockets:
        socket.abort("test over")
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert shared.held_bytes == 0


@pytest.mark.parametrize("extra", [-1, 0, 1])
async def test_so_many_pings_may_come_at_once_and_not_one_more(extra: int) -> None:
    socket, _, _ = attached(window=1 << 20)
    for _ in range(2):  # the next read counts anew
        read(socket, frame(b"", ws.FINAL | ws.PING) * (ws.PINGS_AT_ONCE_MAX + extra))
        assert socket.is_open() == (extra <= 0)
    socket.abort("test over")
