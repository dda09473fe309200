"""Clients that behave badly, and what that costs the host and everybody else."""

import asyncio
import json
import os
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
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
ATTACKERS_NICENESS = 19
WARMING_STORMS = 16  # garbage of connections is collected after some thousands of them: before that there is no plateau


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
    """A client that behaves well: how long its calls take, and the answers to its pings, in seconds.

    A ping is answered by the host's loop without a transaction: its time is what the loop was late, and the wire.
    """

    conn: DbConnection
    pinger: Client
    seconds: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
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
            began = time.perf_counter()
            self.pinger.send(frame(b"late?", ws.FINAL | ws.PING))
            while (await self.pinger.receive())[0] not in {ws.FINAL | ws.PONG, 0}:
                pass
            self.lags.append(time.perf_counter() - began)
            await asyncio.sleep(0.002)


def p99(seconds: Sequence[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98] if len(seconds) > 100 else max(seconds)


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
    """Send pings, as many at once as may come and more, and never read a pong."""
    ping = frame(b"x" * 100, ws.FINAL | ws.PING)
    for at_once in (ws.PINGS_AT_ONCE_MAX, 100):
        client = await raw(url, token, small=True)
        with suppress(OSError):
            for _ in range(max(1, events // 200)):
                client.send(ping * at_once)
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
    """What one attack cost a good client: 99th percentiles of its calls and pings, and how many calls it made."""

    name: str
    p99_quiet: float
    p99_attacked: float
    lag_quiet: float
    lag_attacked: float
    calls: int


def cost_of(rounds: Sequence[Round]) -> dict[str, float]:
    """Return medians in milliseconds, and the median of the rounds' ratios: neighbours come and go between rounds."""

    def middle(value: Callable[[Round], float], scale: float = 1000) -> float:
        return round(scale * statistics.median(map(value, rounds)), 2)

    return {
        "p99_ms_quiet": middle(lambda each: each.p99_quiet),
        "p99_ms_attacked": middle(lambda each: each.p99_attacked),
        "ratio": middle(lambda each: each.p99_attacked / each.p99_quiet, 1),
        "loop_p99_ms_quiet": middle(lambda each: each.lag_quiet),
        "loop_p99_ms_attacked": middle(lambda each: each.lag_attacked),
        "calls": min(each.calls for each in rounds),
    }


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


class Attacker:
    """An attack in a process of its own, which waits until it is told to begin."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def ready(cls, name: str, url: str, token: str, events: int, seconds: float) -> "Attacker":
        order, pipe = json.dumps([name, url, token, events, seconds]), asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            __file__,
            order,
            env=dict(os.environ) | {"PYTHONPATH": python_path()},
            stdin=pipe,
            stdout=pipe,
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n", f"{name} did not begin"
        # It shares a core with the good client, whose clock must not wait for it.
        os.setpriority(os.PRIO_PROCESS, process.pid, ATTACKERS_NICENESS)
        return cls(process)

    async def run(self) -> None:
        await self._process.communicate(b"go\n")
        assert self._process.returncode == 0, "an attack did not come to its end"


def pin(process_id: int, core: int) -> None:
    """Keep all threads of a process, and those it makes, on one core; nothing where there is only one."""
    if (os.cpu_count() or 1) > 1:
        for task in Path(f"/proc/{process_id}/task").iterdir():
            os.sched_setaffinity(int(task.name), {core})


class Siege:
    """A host with small limits, a good client, and attacks one after the other."""

    def __init__(self, folder: Path, env: dict[str, str] | None = None) -> None:
        self.host = HostProcess(folder / "data", env=dict(os.environ) | LIMITS | (env or {}))
        self.rounds: list[Round] = []
        self.footprints: list[Footprint] = []
        self.calls = self.failed = 0  # of the good client

    async def attack(self, events: int, times: int, warming_storms: int = 0) -> None:
        """Run every attack so many times, after once to warm up; note what the host holds after each time."""
        async with self._good_client() as (conn, pinger):
            assert conn.token is not None
            for _ in range(warming_storms):
                await connection_storm(self.host.url, conn.token, 0)
            for _ in range(times + 1):
                for attack in ATTACKS.values():
                    bystander = Bystander(conn, pinger)
                    await self._during(bystander, attack(self.host.url, conn.token, events))
                    self.calls += len(bystander.seconds)
                    self.failed += bystander.failed
                await asyncio.sleep(1.5)
                self.footprints.append(Footprint.of(self.host.process_id))

    async def measure(self, events: int, times: int, seconds: float, names: Sequence[str] = tuple(ATTACKS)) -> None:
        """Compare windows of so many seconds without and with each attack, taken in turn.

        The host has core 0; the good client and an attack in a process of its own share core 1.
        """
        pin(self.host.process_id, 0)
        pin(os.getpid(), 1)
        async with self._good_client() as (conn, pinger):
            assert conn.token is not None
            for _ in range(times):
                for name in names:
                    attacker = await Attacker.ready(name, self.host.url, conn.token, events, seconds)
                    quiet, attacked = Bystander(conn, pinger), Bystander(conn, pinger)
                    await self._during(quiet, asyncio.sleep(seconds))
                    await self._during(attacked, attacker.run())
                    self.calls += len(quiet.seconds) + len(attacked.seconds)
                    self.failed += quiet.failed + attacked.failed
                    times_of = (quiet.seconds, attacked.seconds, quiet.lags, attacked.lags)
                    self.rounds.append(Round(name, *map(p99, times_of), len(attacked.seconds)))
                await asyncio.sleep(1.5)
                self.footprints.append(Footprint.of(self.host.process_id))

    @asynccontextmanager
    async def _good_client(self) -> AsyncIterator[tuple[DbConnection, Client]]:
        options = ClientOptions(ping_seconds=10)
        async with connect(self.host.url, database="spaces", schema=SCHEMA, options=options) as conn:
            await conn.call(register_user, f"bystander-{os.urandom(4).hex()}", None, False)
            await conn.call(start_typing, GENERAL)
            pinger = await raw(self.host.url, conn.token)
            try:
                yield conn, pinger
            finally:
                pinger.writer.transport.abort()

    @staticmethod
    async def _during(bystander: Bystander, work: Awaitable[object]) -> None:
        stop = asyncio.Event()
        calling = asyncio.create_task(bystander.keep_calling(stop))
        try:
            await work
        finally:
            stop.set()
            await calling


async def _main(name: str, url: str, token: str, events: int, seconds: float) -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        await ATTACKS[name](url, token, events)


if __name__ == "__main__":
    asyncio.run(_main(*json.loads(sys.argv[1])))
