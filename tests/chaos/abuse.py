"""Clients that behave badly, and what that costs the host and everybody else."""

import asyncio
import json
import os
import socket
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from agent_spaces.client import ClientOptions, DbConnection, connect
from agent_spaces.fabric.reducers.channels import start_typing
from agent_spaces.fabric.reducers.users import register_user, set_presence
from agent_spaces.gateway import ws_frames as ws
from agent_spaces.sats.bsatn import arguments_encoder
from agent_spaces.testing.host import HostProcess
from agent_spaces.wire import messages as m
from agent_spaces.wire.client_side import encode_client_message
from chaos.module import CHAOS
from chaos.rig import python_path
from chaos.worker import SCHEMA
from gateway.ws_client import REQUEST, Client, frame

GENERAL = 1
LIMITS = {
    "SPACES_CONNECTIONS_MAX": "60",
    "SPACES_MESSAGE_BYTES_MAX": "65536",
    "SPACES_OUTGOING_MESSAGES_MAX": "2000",
    "SPACES_OUTGOING_BYTES_MAX": "262144",
    "SPACES_HTTP_BODY_BYTES_MAX": "65536",
    "SPACES_HEAD_BYTES_MAX": "4096",
    "SPACES_HEAD_TIMEOUT_S": "0.7",
    "SPACES_CLOSE_TIMEOUT_S": "0.3",
    "SPACES_LOG_LINES_MAX": "50",
    "SPACES_LOG_LEVEL": "error",
}
CONNECTIONS_MAX = 60
MESSAGE_BYTES_MAX = 65_536
TYPING = arguments_encoder(CHAOS.reducers["start_typing"].parameters)((GENERAL,))
SMALL_RECEIVE_BUFFER = 4096
ENDS_SECONDS = 5.0
WARMING_STORMS = 8  # garbage of connections is collected after some thousands of them: before that there is no plateau


@dataclass(frozen=True)
class Footprint:
    """What a process holds."""

    rss_kb: int
    handles: int
    threads: int

    @classmethod
    def of(cls, process_id: int) -> "Footprint":
        status = Path(f"/proc/{process_id}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        handles = len(list(Path(f"/proc/{process_id}/fd").iterdir()))
        return cls(int(fields["VmRSS"].split()[0]), handles, int(fields["Threads"]))


@dataclass
class Bystander:
    """A client that behaves well: how long its calls take, in seconds."""

    conn: DbConnection
    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    async def keep_calling(self, stop: asyncio.Event) -> None:
        online = True
        while not stop.is_set():
            began, online = time.perf_counter(), not online
            try:
                await self.conn.call(set_presence, online, None)
            except Exception:  # noqa: BLE001 - any failure of a good client counts
                self.failed += 1
            self.seconds.append(time.perf_counter() - began)
            await asyncio.sleep(0.002)

    def p99(self) -> float:
        return statistics.quantiles(self.seconds, n=100)[98] if len(self.seconds) > 100 else max(self.seconds)


async def raw(url: str, token: str | None, *, small: bool = False, query: str = "") -> Client:
    """Open a WebSocket that sends what it is told, with a tiny receive buffer if `small`."""
    port = int(url.rsplit(":", 1)[1])
    own = socket.socket()
    if small:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_RECEIVE_BUFFER)
    own.setblocking(False)
    await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=own, limit=2048 if small else 65_536)
    headers = "Sec-WebSocket-Protocol: v3.bsatn.spacetimedb\r\n"
    if token is not None:
        headers += f"Authorization: Bearer {token}\r\n"
    path = f"/v1/database/spaces/subscribe?compression=None{query}"
    writer.write(REQUEST.format(path=path, headers=headers).encode())
    return Client(reader, writer, await reader.readuntil(b"\r\n\r\n"))


def typing_calls(count: int) -> bytes:
    """Return a payload of v3 with so many calls of start_typing."""
    return b"".join(encode_client_message(m.CallReducer(n, "start_typing", TYPING)) for n in range(count))


async def storm_of_typing(url: str, token: str, events: int) -> None:
    """Send typing events as fast as they are taken, and read the answers."""
    client = await raw(url, token)
    sent = 0
    while sent < events:
        some = min(200, events - sent)
        client.send(frame(typing_calls(some)))
        sent += some
        for _ in range(some):
            first, _payload = await client.receive()
            assert first, "the host ended a connection that behaved well"
    client.writer.close()


async def stalled_readers(url: str, token: str, events: int, *, bytes_a_second: int = 0, counted: bool = False) -> int:
    """Subscribe and do not read, or slowly, while events come; return how many were cut off in the end if `counted`."""
    text = f"SELECT * FROM typing_indicator WHERE channel_id = {GENERAL}"
    readers = []
    for _ in range(6):
        client = await raw(url, token, small=True)
        client.send(frame(encode_client_message(m.Subscribe(1, 1, [text]))))
        readers.append(client)
    reading = [asyncio.create_task(_read_slowly(each, bytes_a_second)) for each in readers if bytes_a_second]
    await asyncio.sleep(0.1)
    await storm_of_typing(url, token, events)
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    cut = sum(await asyncio.gather(*map(_ends, readers))) if counted else 0
    for each in readers:
        each.writer.transport.abort()
    return cut


async def _read_slowly(client: Client, bytes_a_second: int) -> None:
    with suppress(OSError):
        while await client.reader.read(bytes_a_second // 10):
            await asyncio.sleep(0.1)


async def _ends(client: Client) -> bool:
    """Whether the host has ended the connection: it reads to an end within some seconds."""
    try:
        async with asyncio.timeout(ENDS_SECONDS):
            while await client.reader.read(1 << 16):
                pass
    except TimeoutError:  # before OSError, which it is one of
        return False
    except OSError:
        return True
    return True


async def connection_storm(url: str, token: str, _events: int) -> None:
    """Open and drop many connections at once, most of them beyond the limit."""
    for _ in range(4):
        opened = await asyncio.gather(*(raw(url, token) for _ in range(CONNECTIONS_MAX * 2)), return_exceptions=True)
        for each in opened:
            if isinstance(each, Client):
                each.writer.transport.abort()


async def ping_flood(url: str, token: str, events: int) -> None:
    """Send pings, and never read a pong."""
    client = await raw(url, token, small=True)
    ping = frame(b"x" * 100, ws.FINAL | ws.PING)
    with suppress(OSError):
        for _ in range(max(1, events // 100)):
            client.send(ping * 100)
            async with asyncio.timeout(2):
                await client.writer.drain()
    client.writer.transport.abort()


async def slow_heads(url: str, _token: str, _events: int) -> int:
    """Send the request's head a byte at a time; return how many the host has ended."""
    port = int(url.rsplit(":", 1)[1])

    async def one() -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(OSError):
            for byte in b"GET /v1/ping HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 60:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.02)
        ended = await _ends(Client(reader, writer, b""))
        writer.transport.abort()
        return ended

    return sum(await asyncio.gather(*(one() for _ in range(20))))


async def bombs(url: str, token: str, _events: int) -> list[int | None]:
    """Send lengths that lie; return the codes the host closed with."""
    codes = []
    huge = (0xFFFF_FFFF).to_bytes(4, "little")
    payloads = [
        b"\x00" + huge,  # Subscribe
        b"\x03" + huge + b"\0" + huge,  # CallReducer
        b"\x02" + huge + huge,  # OneOffQuery
        b"\xff" * 64,
    ]
    heads = [b"\x82\xff" + (2**62).to_bytes(8, "big") + b"mask", b"\x82\xff" + b"\xff" * 8 + b"mask"]
    for data in [*map(frame, payloads), *heads]:
        client = await raw(url, token)
        client.send(data)
        async with asyncio.timeout(10):
            codes.append(await client.close_code())
        client.writer.transport.abort()
    return codes


@dataclass
class Round:
    """What one attack cost."""

    name: str
    p99_quiet: float
    p99_attacked: float
    seconds: float

    @property
    def ratio(self) -> float:
        return self.p99_attacked / self.p99_quiet


Attack = Callable[[str, str, int], Awaitable[object]]
ATTACKS: dict[str, Attack] = {
    "stalled readers": stalled_readers,
    "1 KB/s readers": lambda url, token, events: stalled_readers(url, token, events, bytes_a_second=1024),
    "typing events": lambda url, token, events: storm_of_typing(url, token, 2 * events),
    "connection storm": connection_storm,
    "ping flood": ping_flood,
    "slow heads": slow_heads,
    "length bombs": bombs,
}


async def _apart(name: str, url: str, token: str, events: int) -> None:
    """Run an attack in a process of its own."""
    order = json.dumps([name, url, token, events])
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, order, env=dict(os.environ) | {"PYTHONPATH": python_path()}
    )
    assert await process.wait() == 0, f"{name} did not come to its end"


class Siege:
    """A host with small limits, a good client, and attacks one after the other."""

    def __init__(self, folder: Path, env: dict[str, str] | None = None) -> None:
        self.host = HostProcess(folder / "data", env=dict(os.environ) | LIMITS | (env or {}))
        self.rounds: list[Round] = []
        self.footprints: list[Footprint] = []
        self.failed = 0

    async def attack(self, events: int, times: int, *, quiet_seconds: float = 0.1, apart: bool = False) -> None:
        """Run every attack so many times, after once to warm up; note what the host holds after each time.

        Attacks run in a process of their own if `apart`, so that they do not keep the good client from its clock.
        """
        async with connect(
            self.host.url, database="spaces", schema=SCHEMA, options=ClientOptions(ping_seconds=10)
        ) as conn:
            await conn.call(register_user, "bystander", None, False)
            await conn.call(start_typing, GENERAL)
            assert conn.token is not None
            for _ in range(WARMING_STORMS if apart else 0):
                await connection_storm(self.host.url, conn.token, 0)
            for time_ in range(times + 1):
                for name, attack in ATTACKS.items():
                    quiet, attacked = Bystander(conn), Bystander(conn)
                    await self._during(quiet, asyncio.sleep(quiet_seconds))
                    began = time.perf_counter()
                    run = _apart(name, self.host.url, conn.token, events) if apart else None
                    await self._during(attacked, run or attack(self.host.url, conn.token, events))
                    self.failed += quiet.failed + attacked.failed
                    if time_:
                        seconds = time.perf_counter() - began
                        self.rounds.append(Round(name, quiet.p99(), attacked.p99(), seconds))
                await asyncio.sleep(1.5)
                self.footprints.append(Footprint.of(self.host.process_id))

    @staticmethod
    async def _during(bystander: Bystander, work: Awaitable[object]) -> None:
        stop = asyncio.Event()
        calling = asyncio.create_task(bystander.keep_calling(stop))
        try:
            await work
        finally:
            stop.set()
            await calling


async def _main(name: str, url: str, token: str, events: int) -> None:
    await ATTACKS[name](url, token, events)


if __name__ == "__main__":
    asyncio.run(_main(*json.loads(sys.argv[1])))
