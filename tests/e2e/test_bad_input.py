"""Whatever arrives on the port, the host lives, its data stays as it was, and the connection ends as promised."""

import asyncio
import base64
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from agent_spaces.fabric.module import SPACES
from agent_spaces.fabric.types import MessageType
from agent_spaces.sats.bsatn import arguments_encoder
from agent_spaces.testing.host import HostProcess, running_host
from agent_spaces.wire import messages as m
from agent_spaces.wire.client_side import encode_client_message
from e2e.raw_client import RawClient

pytestmark = pytest.mark.asyncio(loop_scope="module")
LIVE_TABLES = ("user_connection", "st_client", "user_presence", "typing_indicator", "system_notification")
SEEDS = 400
SECONDS_MAX = 20
V3 = "v3.bsatn.spacetimedb"

Data = dict[str, Counter[tuple[str, bytes]]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HostProcess]:
    folder: Path = tmp_path_factory.mktemp("bad") / "data"
    async with running_host(folder) as running:
        client = await RawClient.connect(running.url, None)
        assert await client.call("register_user", "bob", None, False) == "ok"
        for number in range(5):
            text = f"message {number}"
            assert await client.call("send_message", 1, text, MessageType.TEXT, None, None, None, None) == "ok"
        await client.close()
        yield running


async def contents(host: HostProcess) -> Data:
    """Return all rows of all tables but those that follow connections."""
    client = await RawClient.connect(host.url, host.owner_token)
    found = {}
    for name in SPACES.tables:
        if name not in LIVE_TABLES:
            rows = await client.query(f"SELECT * FROM {name}")
            assert isinstance(rows, Counter), rows
            found[name] = rows
    await client.close()
    return found


@pytest_asyncio.fixture(loop_scope="module")
async def unharmed(host: HostProcess) -> AsyncIterator[None]:
    """Compare what the host holds before and after a test, and look for what it could not cope with."""
    before, process_id = await contents(host), host.process_id
    yield
    assert await contents(host) == before
    os.kill(process_id, 0)
    assert "Traceback" not in host.stderr
    assert '"level": "error"' not in host.stderr


async def exchange(host: HostProcess, data: bytes) -> bytes:
    """Send bytes to the port and nothing more; return what came until the host ended the connection."""
    address = urlsplit(host.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    received = b""
    with suppress(ConnectionError):
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(SECONDS_MAX):
            while piece := await reader.read(65536):
                received += piece
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return received


def handshake(protocol: str = "v2.bsatn.spacetimedb", extra: str = "") -> bytes:
    key = base64.b64encode(bytes(16)).decode()
    return (
        "GET /v1/database/spaces/subscribe HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {protocol}\r\n{extra}\r\n"
    ).encode()


def http_garbage(dice: random.Random) -> bytes:
    """Return bytes that are no request, or one that is wrong somewhere."""
    pieces = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /v1/database/spaces/call/register_user HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n[1,2]",
        b"POST /v1/database/spaces/sql HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\nx",
        b"GET /v1/database/" + bytes(dice.choices(range(33, 256), k=20)) + b"/schema?version=9 HTTP/1.1\r\n\r\n",
        b"POST /v1/database/spaces/sql HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"A" * 40_000,
        b"GET /v1/ping HTTP/9.9\r\n" + b"X: y\r\n" * 4000 + b"\r\n",
        handshake(),
        handshake("v9"),
        handshake(extra="Authorization: Bearer " + "x" * 30 + "\r\n"),
        dice.randbytes(dice.randrange(1, 2000)),
    ]
    data = bytearray(dice.choice(pieces))
    for _ in range(dice.choice((0, 1, 3))):
        position = dice.randrange(len(data))
        data[position : position + dice.choice((0, 1, 1, 4))] = dice.randbytes(dice.choice((0, 1, 2)))
    return bytes(data[: dice.choice((len(data), len(data), dice.randrange(len(data) + 1)))])


@pytest.mark.usefixtures("unharmed")
async def test_bytes_that_are_no_http(host: HostProcess) -> None:
    """Every connection is answered or ended, none is left hanging."""
    dice = random.Random(1)
    for _ in range(SEEDS // 10):
        answers = await asyncio.gather(*(exchange(host, http_garbage(dice)) for _ in range(10)))
        assert all(not answer or answer.startswith(b"HTTP/1.1 ") for answer in answers), answers
        assert not any(answer.startswith(b"HTTP/1.1 500") for answer in answers), answers


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("body", [b"zz\r\n", b"3\r\nabc\r\nzz\r\n", b"3\r\nabcdef"])
@pytest.mark.parametrize("path", ["/v1/ping", "/v1/database/spaces/sql", "/v1/identity", "/nowhere"])
async def test_a_body_that_breaks_the_protocol_while_its_request_is_answered(
    host: HostProcess, path: str, body: bytes
) -> None:
    for method in ("GET", "POST"):
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = await exchange(host, head.encode() + body)
        assert answer.startswith(b"HTTP/1.1 "), answer
        assert b" 500 " not in answer


def close_code(data: bytes) -> int | None:
    """Return the code of the Close frame that the bytes of a host end with, None if there is none."""
    body = data.partition(b"\r\n\r\n")[2]
    offset, code = 0, None
    while offset + 2 <= len(body):
        opcode, length = body[offset] & 0x0F, body[offset + 1] & 0x7F
        offset += 2
        if length == 126:
            length, offset = int.from_bytes(body[offset : offset + 2], "big"), offset + 2
        if opcode == 8 and length >= 2:
            code = int.from_bytes(body[offset : offset + 2], "big")
        offset += length
    return code


def frame(first: int, payload: bytes, *, masked: bool = True, length: int | None = None) -> bytes:
    size = len(payload) if length is None else length
    mask = 0x80 if masked else 0
    head = bytes((first, mask | size)) if size < 126 else bytes((first, mask | 127)) + size.to_bytes(8, "big")
    return head + (bytes(4) if masked else b"") + payload


FRAMES = {
    "not masked": (frame(0x82, b"abc", masked=False), 1002),
    "a reserved bit": (frame(0xC2, b"abc"), 1002),
    "an unknown opcode": (frame(0x83, b"abc"), 1002),
    "a long ping": (frame(0x89, b"x" * 126), 1002),
    "a ping in pieces": (frame(0x09, b"x"), 1002),
    "a continuation of nothing": (frame(0x80, b"x"), 1002),
    "more than 32 MiB": (frame(0x82, b"", length=2**25 + 1), 1009),
    "a length of 2^63": (frame(0x82, b"", length=2**63), 1009),
    "text": (frame(0x81, b"hello"), 1011),
    "text that is no UTF-8": (frame(0x81, b"\xff\xfe"), 1007),
    "a message of no bytes": (frame(0x82, b""), 1011),
    "an unknown message": (frame(0x82, b"\x63"), 1011),
    "a close with a reserved code": (frame(0x88, (1005).to_bytes(2, "big")), 1002),
    "a close": (frame(0x88, (1000).to_bytes(2, "big")), 1000),
}


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("name", FRAMES)
async def test_frames_that_are_wrong(host: HostProcess, name: str) -> None:
    data, code = FRAMES[name]
    for protocol in ("v2.bsatn.spacetimedb", V3):
        answer = await exchange(host, handshake(protocol) + data)
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert close_code(answer) == code, answer[-80:]


@pytest.mark.usefixtures("unharmed")
async def test_random_frames(host: HostProcess) -> None:
    dice = random.Random(2)

    def some() -> bytes:
        return frame(dice.randrange(256), dice.randbytes(dice.randrange(0, 200)), masked=dice.random() < 0.9)

    for _ in range(SEEDS // 10):
        streams = [handshake() + b"".join(some() for _ in range(dice.randrange(1, 8))) for _ in range(10)]
        streams = [stream + dice.randbytes(dice.choice((0, 0, 9))) for stream in streams]
        codes = {close_code(answer) for answer in await asyncio.gather(*(exchange(host, each) for each in streams))}
        assert codes <= {1000, 1001, 1002, 1007, 1009, 1011, None} | set(range(3000, 5000)), codes


def valid_messages() -> list[bytes]:
    text = "SELECT * FROM message WHERE channel_id = 1"
    send = arguments_encoder(SPACES.reducers["send_message"].parameters)
    found: list[m.ClientMessage] = [
        m.Subscribe(1, 1, ["SELECT * FROM server", text]),
        m.Unsubscribe(2, 1, send_dropped_rows=True),
        m.OneOffQuery(3, text),
        m.CallReducer(4, "send_message", send((1, "from nobody", MessageType.TEXT, None, None, "key", None))),
        m.CallReducer(5, "no_such_reducer", b""),
        m.CallProcedure(6, "no_such_procedure", b""),
    ]
    return [encode_client_message(message) for message in found]


def mutated(dice: random.Random, message: bytes) -> bytes:
    data = bytearray(message)
    for _ in range(dice.choice((1, 1, 2, 8))):
        position = dice.randrange(len(data) + 1)
        match dice.randrange(4):
            case 0:
                del data[position:]
            case 1:
                data[position:position] = dice.randbytes(dice.randrange(1, 5))
            case 2:
                data[position : position + 4] = dice.choice((b"\xff" * 4, bytes(4), b"\x00\x00\x00\x80"))
            case _:
                data[position : position + 1] = dice.randbytes(1)
    return bytes(data)


async def sent_to_the_end(socket: ClientConnection, messages: list[bytes]) -> int | None:
    """Send messages and a last one that cannot be read; return the code the host closes with."""
    with suppress(ConnectionClosed):
        for message in (*messages, b"\xff"):
            await socket.send(message)
    async with asyncio.timeout(SECONDS_MAX):
        await socket.wait_closed()
    return socket.close_code


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("protocol", ["v2.bsatn.spacetimedb", V3])
async def test_messages_that_do_not_decode_close_with_1011(host: HostProcess, protocol: str) -> None:
    """Of a caller who may change nothing; what decodes by chance is answered, the rest ends the connection."""
    dice = random.Random(protocol)
    valid = valid_messages()
    for _ in range(SEEDS // 10):
        clients = [await RawClient.connect(host.url, None, protocol=protocol) for _ in range(10)]
        batches = [[mutated(dice, dice.choice(valid)) for _ in range(dice.randrange(1, 6))] for _ in clients]
        for batch in batches[:5]:
            batch.insert(0, dice.randbytes(dice.randrange(1, 300)))
        pairs = zip(clients, batches, strict=True)
        codes = await asyncio.gather(*(sent_to_the_end(client.socket, batch) for client, batch in pairs))
        for client in clients:
            client._reader.cancel()
        assert set(codes) == {1011}, codes


@pytest.mark.usefixtures("unharmed")
async def test_others_are_served_meanwhile(host: HostProcess) -> None:
    """Connections that send half a request, half a frame or nothing at all keep nobody from being answered."""
    address = urlsplit(host.url)
    halves = [b"", b"GET /v1/pi", handshake()[:-2], handshake() + frame(0x82, b"", length=2**20)]
    idle = [await asyncio.open_connection(address.hostname, address.port) for _ in range(40)]
    for number, (_, writer) in enumerate(idle):
        writer.write(halves[number % len(halves)])
    client = await RawClient.connect(host.url, None)
    async with asyncio.timeout(SECONDS_MAX):
        assert (await client.query("SELECT * FROM server")) != {}
    await client.close()
    for _, writer in idle:
        writer.transport.abort()
